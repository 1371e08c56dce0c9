/* The kernel's part of a change: one transaction, whatever backends it is about. */
#ifndef NM_BACKEND_KERNEL_COMMIT_H
#define NM_BACKEND_KERNEL_COMMIT_H

#include "publish/change.h"

/* Lets the rules and elements of change->replaced go and those of change->new be there. What one of peers
 * has, too, stays. -1 with *err and the kernel as it was. */
int nm_kernel_commit(struct nm_change *change, struct nm_err *err) NM_MUST_USE;

#endif
