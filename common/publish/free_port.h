/* Free host ports: chooses them for mappings with host port 0, checks those of the others. */
#ifndef NM_PUBLISH_FREE_PORT_H
#define NM_PUBLISH_FREE_PORT_H

#include "input/config.h"
#include "publish/claim.h"
#include "state/state.h"

/*
 * Sets each host port 0 of the new record. The process keeps the port that a replaced record gave it for the
 * same mapping; else chooses a port of dynamic_ports that policy allows, that no other mapping of the new
 * record, static rule or record of the state overlaps, but for the replaced ones, and on which no local
 * process listens. state NULL: nothing is recorded. -1 with *err when no port is free.
 */
int nm_free_port_choose(const struct nm_claim *claim, const struct nm_config *c, struct nm_state *state,
	struct nm_err *err) NM_MUST_USE;

/* Fails with NM_ERR_TAKEN when a static rule or, by listener_check, a local process has a host port of the
 * new record. Passes over the mappings that a replaced record gives to the same process. */
int nm_free_port_check(
	const struct nm_claim *claim, const struct nm_config *c, struct nm_err *err) NM_MUST_USE;

#endif
