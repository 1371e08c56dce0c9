/* Makes the new record from an OCI state: annotations, addresses, policy, routes. Changes nothing. */
#ifndef NM_PUBLISH_REQUEST_H
#define NM_PUBLISH_REQUEST_H

#include "input/config.h"
#include "input/oci_state.h"
#include "publish/host_settings.h"
#include "state/record.h"

/*
 * True when the state, of which these are bytes, may have an annotation by which something is published:
 * natmap's own, or one of another tool, where the configuration may have "sources". Parses nothing.
 */
bool nm_request_may_be(const char *text, size_t len, const char *config_path);

/*
 * Reads an OCI state for publishing, and, unless it has no ports, the configuration, whose sources decide
 * whether it has. A container of the host's own network has none of other tools: kubelet writes them for
 * these, too. 0 with *ret for nm_oci_state_done(), ports NULL when there is nothing to publish, and *config,
 * zeros before, for nm_config_done(); or -1 with *err, and *ret has the id if it has been read.
 */
int nm_request_read(const char *text, size_t len, const char *config_path, struct nm_config *config,
	struct nm_oci_state *ret, struct nm_err *err) NM_MUST_USE;

/* Puts the annotation of another tool that ports come from before the message *err has. Returns -1. */
int nm_request_wrap(const struct nm_oci_state *st, struct nm_err *err);

/*
 * Fills *ret from the state, which has ports, and a pid or an address. Without a pid the administrator has
 * given the address, and policy.address does not apply. known: the newest record of the container, for more
 * ports of it, else NULL; then ret has addresses for the families of known, too, where the container has some
 * (publish/address.h). Leaves host ports 0 as they are. Sets localnet and bridge_port to the interfaces whose
 * settings the mappings need, on or off. 0 with *ret for nm_record_done(), or -1 with *err when the
 * annotations, the policy, the container's network or the host's routes do not allow it.
 */
int nm_request_make(const struct nm_oci_state *st, const struct nm_config *c, const struct nm_record *known,
	struct nm_record *ret, struct nm_err *err) NM_MUST_USE;

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
