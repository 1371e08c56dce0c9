/* Adds and removes ports of a running container. */
#ifndef NM_ADMIN_ADD_REMOVE_H
#define NM_ADMIN_ADD_REMOVE_H

#include "publish/publish.h"

/* Reads the container's newest record. 0 with *ret for nm_record_done(), or -1 with *err. The id of *ret is
 * NULL when nothing is published for the container, its pid 0 when the state is of another PID namespace. */
int nm_add_remove_look_up(const struct nm_config *c, const char *state_dir, const char *id,
	struct nm_record *ret, struct nm_err *err) NM_MUST_USE;

/*
 * Adds the mappings of *r to the published ones of the container, and keeps its settings; all lead to the
 * addresses of *r then, which nm_request_make() has chosen by known, the record of nm_add_remove_look_up().
 * If nothing is published for it, publishes *r. A mapping that is published already is no error. Otherwise
 * like nm_publish().
 */
int nm_add_remove_add(struct nm_record *r, const struct nm_record *known, struct nm_config *c,
	const char *state_dir, struct nm_err *err) NM_MUST_USE;

/* Withdraws these mappings (NULL: all) of the container, and its record with the last one. NM_ERR_FAILED
 * naming the mapping that is not published. Lays out the rest by c, which may be NULL with mappings NULL. */
int nm_add_remove_remove(const char *id, const struct nm_mappings *mappings, struct nm_config *c,
	const char *state_dir, struct nm_err *err) NM_MUST_USE;

#endif
