/* Withdraws containers that are gone and whose hook never withdrew them. */
#ifndef NM_ADMIN_GC_H
#define NM_ADMIN_GC_H

#include "input/config.h"
#include "state/records.h"

/*
 * Withdraws every container that is gone; completes, by the configuration (NULL: not at all), changes of the
 * others that were cut short. 0 with *ret_withdrawn, owned by the caller, or -1 with *err, also when the
 * state is of another PID namespace, so that pids tell nothing.
 */
int nm_gc(const struct nm_config *c, const char *state_dir, struct nm_records *ret_withdrawn,
	struct nm_err *err) NM_MUST_USE;

/* Withdraws one container. NM_ERR_FAILED when its process is known to run, or when nothing is published for
 * it. */
int nm_gc_id(const char *state_dir, const char *id, struct nm_err *err) NM_MUST_USE;

#endif
