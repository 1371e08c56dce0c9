/* From an OCI state to the record of what is to be published: annotations, addresses, policy, routes. Changes
 * nothing. */
#ifndef NM_PUBLISH_REQUEST_H
#define NM_PUBLISH_REQUEST_H

#include "input/config.h"
#include "input/oci_state.h"
#include "state/record.h"

/*
 * Fills *ret from the state, which has ports, and a pid or else an address, which then is the administrator's
 * own word and not held against policy.address. Host ports 0 are still 0; localnet and bridge_port
 * name what the mappings need, whether it is on or not. -1 with *err: whatever the annotations, the policy,
 * the container's network or the host's routes do not allow.
 */
int nm_request_make(const struct nm_oci_state *st, const struct nm_config *c, struct nm_record *ret,
	struct nm_err *err) NM_MUST_USE;

/* Keeps the families of r that some mapping covers. NM_ERR_REFUSED for a mapping that has none of them. */
int nm_request_keep_families(struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Names the interface whose route_localnet the mappings need, by the route to the container, where the record
 * does not yet; clears the names of those that the options do not need. */
int nm_request_name_interfaces(
	struct nm_record *r, const struct nm_layout_options *options, struct nm_err *err) NM_MUST_USE;

#endif
