/* Free host ports: chooses them where a mapping has 0, checks those of the others. */
#ifndef NM_PUBLISH_FREE_PORT_H
#define NM_PUBLISH_FREE_PORT_H

#include "input/config.h"
#include "publish/claim.h"
#include "state/state.h"

/*
 * Sets each host port of the new record that is 0, or was chosen before and is in passed, from the mapping's
 * pool; a mapping without one gets dynamic_ports as its pool. The process keeps the port that a replaced
 * record gave it for the same mapping. Else chooses one that is not in passed, that policy allows, that no
 * other mapping of the new record, static rule or record of the state overlaps, but for the replaced ones,
 * and on which no local process listens: of dynamic_ports any; of a pool that which another container of the
 * pod has for the mapping, or a former process of this container had, else the first. state NULL: nothing is
 * recorded. NM_ERR_TAKEN naming the pool when no port is free.
 */
int nm_free_port_choose(const struct nm_claim *claim, const struct nm_config *c, struct nm_state *state,
	const struct nm_port_set *passed, struct nm_err *err) NM_MUST_USE;

/* Fails with NM_ERR_TAKEN when a static rule or, by listener_check, a local process has a host port of the
 * new record. Passes over the mappings that a replaced record gives to the same process. */
int nm_free_port_check(
	const struct nm_claim *claim, const struct nm_config *c, struct nm_err *err) NM_MUST_USE;

#endif
