#include "publish/client_networks.h"

#include "base/array.h"
#include "base/log.h"
#include "host/route.h"

static bool covers(const struct nm_prefix *p, const struct nm_prefix *q)
{
	return p->len <= q->len && nm_prefix_has(p, &q->addr);
}

/* Whether the record says of this address already what it needs to say. An annotation may have given the
 * container's address another length. */
static bool has(const struct nm_record *r, const struct nm_prefix *address)
{
	const struct nm_prefix *own = &r->address[address->addr.family];

	if (!(r->families & 1u << address->addr.family) || nm_addr_equal(&own->addr, &address->addr) ||
		covers(own, address))
		return true;
	for (size_t i = 0; i < r->networks.n; i++)
		if (covers(&r->networks.v[i], address))
			return true;
	return false;
}

static int add(struct nm_record *r, const struct nm_prefix *address, struct nm_err *err)
{
	if (has(r, address) || r->networks.n == NM_CLIENT_NETWORKS_MAX)
		return 0;
	if (nm_grow(&r->networks, "reading the container's networks", err) < 0)
		return -1;
	r->networks.v[r->networks.n++] = nm_prefix_network(address);
	return 0;
}

int nm_client_networks_find(
	struct nm_netlink *rtnl, struct nm_netns *ns, struct nm_record *r, struct nm_err *err)
{
	for (size_t i = 0; i < ns->addresses.n; i++) {
		struct nm_prefix address = ns->addresses.v[i].prefix;
		struct nm_route route;

		if (!ns->addresses.v[i].global || has(r, &address))
			continue;
		if (r->networks.n == NM_CLIENT_NETWORKS_MAX) {
			nm_log_notice("container '%s': in more than %d further networks, ignored: neighbours "
				      "in the others may not reach its ports",
				r->id, NM_CLIENT_NETWORKS_MAX);
			return 0;
		}
		if (nm_route_lookup(rtnl, &address.addr, &route, err) < 0 ||
			nm_netns_look_at(ns, ns->addresses.v[i].ifindex, err) < 0)
			return -1;
		if (address.len < route.prefix_len && !ns->link.is_child)
			address.len = route.prefix_len;
		if (add(r, &address, err) < 0)
			return -1;
	}
	return 0;
}

int nm_client_networks_copy(struct nm_record *to, const struct nm_record *from, struct nm_err *err)
{
	if (!from->netns.ino)
		return 0;
	nm_prefixes_done(&to->networks);
	nm_each_family(f, from->families)
		if (add(to, &from->address[f], err) < 0)
			return -1;
	for (size_t i = 0; i < from->networks.n; i++)
		if (add(to, &from->networks.v[i], err) < 0)
			return -1;
	return 0;
}
