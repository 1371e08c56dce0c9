/* The administrator's policy over what annotations ask for: DESIGN sections 3 and 7. Pure. */
#ifndef NM_POLICY_H
#define NM_POLICY_H

#include "config.h"
#include "portspec.h"

/* Refuses mappings outside policy.host_ports, policy.reserved_ports, policy.host_addresses and
 * policy.max_ports, and those on 127.x while localhost is off. Host port 0 is judged when it has been chosen.
 * NM_ERR_REFUSED naming the key. */
int nm_policy_check_mappings(
	const struct nm_config *c, const struct nm_mappings *m, struct nm_err *err) NM_MUST_USE;

/* Refuses an annotated container address that is not one of the container's own (all of them) nor in
 * policy.address. */
int nm_policy_check_address(const struct nm_policy *p, const struct nm_prefix *address,
	const struct nm_prefixes *own, struct nm_err *err) NM_MUST_USE;

#endif
