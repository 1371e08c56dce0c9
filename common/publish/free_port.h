/* Host ports that nobody else has: chosen for mappings that leave them open (host port 0), checked for the
 * others. */
#ifndef NM_PUBLISH_FREE_PORT_H
#define NM_PUBLISH_FREE_PORT_H

#include "input/config.h"
#include "publish/claim.h"
#include "state/state.h"

/*
 * Gives every mapping of r with host port 0 the one that its counterpart in one of the replaced records of
 * r's own process had, else a free one of dynamic_ports: within the policy, overlapping neither r's other
 * mappings nor those that the state has of others than replaced, and without local listener. state NULL:
 * nothing is recorded. -1 with *err when there is none.
 */
int nm_free_port_choose(struct nm_record *r, const struct nm_config *c, struct nm_state *state,
	const struct nm_records *replaced, struct nm_err *err) NM_MUST_USE;

/* Fails with NM_ERR_TAKEN when a static rule or, by listener_check, a local process has a host port that the
 * new record does not have already. */
int nm_free_port_check(
	const struct nm_claim *claim, const struct nm_config *c, struct nm_err *err) NM_MUST_USE;

#endif
