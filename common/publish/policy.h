/* The administrator's policy over what annotations ask for: DESIGN sections 3 and 7. Pure. */
#ifndef NM_PUBLISH_POLICY_H
#define NM_PUBLISH_POLICY_H

#include "input/config.h"
#include "model/mapping.h"

/* A network that may reach a port is an element, or a rule, of its own. */
#define NM_ALLOWED_MAX 16384

/* Refuses mappings outside policy.host_ports, policy.reserved_ports, policy.host_addresses and
 * policy.max_ports, those on 127.x while localhost is off, and more than NM_ALLOWED_MAX networks, each
 * counted for each port. Host port 0 is judged when it has been chosen. NM_ERR_REFUSED naming the key. */
int nm_policy_check_mappings(const struct nm_config *c, const struct nm_mappings *m,
	const struct nm_prefixes *allow, struct nm_err *err) NM_MUST_USE;

/* Refuses an annotated container address that is not one of the container's own (all of them) nor in
 * policy.address. */
int nm_policy_check_address(const struct nm_policy *p, const struct nm_prefix *address,
	const struct nm_prefixes *own, struct nm_err *err) NM_MUST_USE;

#endif
