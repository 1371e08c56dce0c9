/* The administrator's policy for annotations: DESIGN sections 3 and 7. Pure. */
#ifndef NM_PUBLISH_POLICY_H
#define NM_PUBLISH_POLICY_H

#include "input/config.h"
#include "model/mapping.h"

/* Each pair of a port and a network of io.natmap.allow takes an element or a rule. */
#define NM_ALLOWED_MAX 16384

/* Checks host ports against policy.host_ports and policy.reserved_ports (not host port 0, which has yet to be
 * chosen), host addresses against policy.host_addresses, and the number of ports against policy.max_ports.
 * Refuses 127.x while localhost is off, and more than NM_ALLOWED_MAX pairs. NM_ERR_REFUSED naming the key. */
int nm_policy_check_mappings(const struct nm_config *c, const struct nm_mappings *m,
	const struct nm_prefixes *allow, struct nm_err *err) NM_MUST_USE;

/* Checks the value of io.natmap.network, and policy.network, which must be true. NM_ERR_REFUSED. */
int nm_policy_check_network(const struct nm_config *c, const char *network, struct nm_err *err) NM_MUST_USE;

/* True when policy.address has the address. */
bool nm_policy_allows_address(const struct nm_policy *p, const struct nm_addr *address);

#endif
