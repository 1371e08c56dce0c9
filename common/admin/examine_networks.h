/* The doctor's examination of the networks that natmap makes. */
#ifndef NM_ADMIN_EXAMINE_NETWORKS_H
#define NM_ADMIN_EXAMINE_NETWORKS_H

#include "admin/examination.h"

/* Tells what the networks of live containers lack. While the process may enter network namespaces. */
int nm_examine_networks_lacking(struct nm_examination *x, struct nm_err *err) NM_MUST_USE;

/* Tells why the next network would be refused, if the configuration allows one, and what else has addresses
 * of those that are there. */
int nm_examine_networks_obstacles(struct nm_examination *x, struct nm_err *err) NM_MUST_USE;

#endif
