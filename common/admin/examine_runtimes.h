/* Whether the container runtimes of this host call natmap. */
#ifndef NM_ADMIN_EXAMINE_RUNTIMES_H
#define NM_ADMIN_EXAMINE_RUNTIMES_H

#include "admin/examination.h"

/* Finds hook files of podman and CRI-O, and a base specification of containerd, that name a natmap which is
 * not there, hook files where nobody looks, and annotations that do not arrive. That one of these has no hook
 * of natmap's is a note. What cannot be decided is not told. */
int nm_examine_runtimes(struct nm_examination *x, struct nm_err *err) NM_MUST_USE;

#endif
