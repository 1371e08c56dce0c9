/* Withdrawing what is published for containers whose hook after the end never ran. */
#ifndef NM_ADMIN_GC_H
#define NM_ADMIN_GC_H

#include "input/config.h"
#include "state/records.h"

/*
 * Withdraws every container that is gone, and completes the changes of the others that were cut short, by the
 * configuration (NULL: leaves these alone). 0 with *ret_withdrawn, owned by the caller, or -1 with *err: also
 * when the state is of another PID namespace, where nobody can be judged.
 */
int nm_gc(const struct nm_config *c, const char *state_dir, struct nm_records *ret_withdrawn,
	struct nm_err *err) NM_MUST_USE;

/* Withdraws this container, which is gone or cannot be judged. Refused with NM_ERR_FAILED when it is running,
 * and when nothing is published for it. */
int nm_gc_id(const char *state_dir, const char *id, struct nm_err *err) NM_MUST_USE;

#endif
