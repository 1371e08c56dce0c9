/* Annotations are requests, because in a cluster any author of a pod writes them: policy grants or refuses
 * them. */
#include "publish/policy.h"

#include <string.h>

static int refuse(const struct nm_mapping *m, const char *why, struct nm_err *err)
{
	char text[NM_MAPPING_STRLEN];

	return nm_fail(
		err, NM_ERR_REFUSED, "port mapping '%s': refused by %s", nm_mapping_print(m, text), why);
}

/* Policy allows a wildcard if it allows all addresses of the wildcard's families. */
static bool host_is_allowed(const struct nm_prefixes *allowed, const struct nm_mapping *m)
{
	unsigned missing = m->families;

	for (size_t i = 0; i < allowed->n; i++) {
		const struct nm_prefix *p = &allowed->v[i];

		if (m->any_host ? p->len == 0 : nm_prefix_has(p, &m->host))
			missing &= ~(1u << p->addr.family);
	}
	return allowed->n == 0 || missing == 0;
}

/* Of ports to choose from, one is enough: the others are passed over. */
static bool host_ports_are_allowed(const struct nm_port_set *allowed, const struct nm_mapping *m)
{
	for (unsigned i = 0; m->host_port && i < m->count; i++)
		if (!nm_port_set_has(allowed, (uint16_t)(m->host_port + i)))
			return false;
	if (m->host_port || !m->pool.first)
		return true;
	for (unsigned port = m->pool.first; port <= m->pool.last; port++)
		if (nm_port_set_has(allowed, (uint16_t)port))
			return true;
	return false;
}

static int check_mapping(const struct nm_config *c, const struct nm_mapping *m, struct nm_err *err)
{
	if (!host_ports_are_allowed(&c->policy.host_ports, m))
		return refuse(m, "policy.host_ports or policy.reserved_ports", err);
	if (!host_is_allowed(&c->policy.host_addresses, m))
		return refuse(m, "policy.host_addresses", err);
	if (!c->layout.localhost && !m->any_host && nm_addr_is_loopback(&m->host))
		return refuse(m, "localhost, which is false", err);
	return 0;
}

int nm_policy_check_mappings(const struct nm_config *c, const struct nm_mappings *m,
	const struct nm_prefixes *allow, struct nm_err *err)
{
	unsigned ports = 0;

	for (size_t i = 0; i < m->n; i++) {
		if (check_mapping(c, &m->v[i], err) < 0)
			return -1;
		ports += m->v[i].count;
	}
	if (ports > c->policy.max_ports)
		return nm_fail(err, NM_ERR_REFUSED,
			"%u published ports: refused by policy.max_ports, which is %u", ports,
			c->policy.max_ports);
	if (ports * allow->n > NM_ALLOWED_MAX)
		return nm_fail(err, NM_ERR_REFUSED,
			"%u published ports for %zu networks of io.natmap.allow: more than %d pairs are "
			"refused",
			ports, allow->n, NM_ALLOWED_MAX);
	return 0;
}

int nm_policy_check_network(const struct nm_config *c, const char *network, struct nm_err *err)
{
	if (strcmp(network, NM_NETWORK_BRIDGE) != 0)
		return nm_fail(err, NM_ERR_REFUSED,
			"io.natmap.network '%s': expected '" NM_NETWORK_BRIDGE "'", network);
	if (!c->policy.network)
		return nm_fail(err, NM_ERR_REFUSED,
			"io.natmap.network '%s': refused by policy.network, which is false", network);
	return 0;
}

bool nm_policy_allows_address(const struct nm_policy *p, const struct nm_addr *address)
{
	for (size_t i = 0; i < p->address.n; i++)
		if (nm_prefix_has(&p->address.v[i], address))
			return true;
	return false;
}
