/* Makes the new record from an OCI state: annotations, addresses, policy, routes. Changes nothing. */
#ifndef NM_PUBLISH_REQUEST_H
#define NM_PUBLISH_REQUEST_H

#include "input/config.h"
#include "input/oci_state.h"
#include "network/attach.h"
#include "network/container.h"
#include "publish/host_settings.h"
#include "state/record.h"

/*
 * Fills *ret from the state, which has ports, and a pid, whose container is open, or an address. Without a
 * pid the administrator has given the address, and policy.address does not apply. known: the newest record of
 * the container, for more ports of it, else NULL; then ret has addresses for the families of known, too,
 * where the container has some (publish/address.h). Leaves host ports 0 as they are. Sets localnet and
 * bridge_port to the interfaces whose settings the mappings need, on or off. Where the state asks for a
 * network, target, unless it is NULL, gets the container's namespace; addresses and interfaces are for
 * nm_publish() to settle. 0 with *ret for nm_record_done(), or -1 with *err when the annotations, the policy,
 * the container's network or the host's routes do not allow it.
 */
int nm_request_make(const struct nm_oci_state *st, const struct nm_config *c, const struct nm_record *known,
	struct nm_container *container, struct nm_attach_target *target, struct nm_record *ret,
	struct nm_err *err) NM_MUST_USE;

/* Sets what follows from the addresses of r->network. bridge: its number; 0: unknown. */
void nm_request_settle_network(struct nm_record *r, unsigned bridge, const struct nm_layout_options *options);

/*
 * Fills *ret with what known, the record of a live container, is to be with the addresses that it has now
 * (nm_address_renew()), with the interfaces that these need. Nothing else changes. 0 with *ret for
 * nm_record_done(), or -1 with *err: its process is gone, or has another network namespace, which is no
 * change of addresses, or nm_netns_open() has failed.
 */
int nm_request_renew(const struct nm_record *known, const struct nm_config *c, struct nm_record *ret,
	struct nm_err *err) NM_MUST_USE;

/* Sets localnet, if the mappings need it and it is empty or has been renamed, to the interface of the route
 * to the container; one that has been made anew under its name has another number. Clears localnet and
 * bridge_port if the options do not need them. */
int nm_request_name_interfaces(struct nm_host_settings_view *view, struct nm_record *r,
	const struct nm_layout_options *options, struct nm_err *err) NM_MUST_USE;

#endif
