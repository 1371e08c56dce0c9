/* Ports of a running container that come and go by command. */
#ifndef NM_ADMIN_ADD_REMOVE_H
#define NM_ADMIN_ADD_REMOVE_H

#include "publish/publish.h"

/* Reads the container's newest record. 0 with *ret for nm_record_done(), whose id is NULL when nothing is
 * published for it, and whose pid is 0 when it means another process here, or -1 with *err. */
int nm_add_remove_look_up(
	const char *state_dir, const char *id, struct nm_record *ret, struct nm_err *err) NM_MUST_USE;

/*
 * Publishes the mappings of *r beside those that the container has already, whose addresses and settings it
 * keeps; without any, publishes *r as it is. What is published already is no error. Otherwise like
 * nm_publish().
 */
int nm_add_remove_add(
	struct nm_record *r, struct nm_config *c, const char *state_dir, struct nm_err *err) NM_MUST_USE;

/* Withdraws these mappings of the container, all (NULL) or the last ones with its record. NM_ERR_FAILED,
 * naming it, when one of them is not published. c: for the rules of those that stay; may be NULL with
 * mappings NULL. */
int nm_add_remove_remove(const char *id, const struct nm_mappings *mappings, struct nm_config *c,
	const char *state_dir, struct nm_err *err) NM_MUST_USE;

#endif
