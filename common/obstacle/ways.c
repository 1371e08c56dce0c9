#include "obstacle/ways.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "host/route.h"

struct search {
	struct nm_netlink rtnl;
	struct nm_rtnl_links links;
	struct nm_rtnl_addresses addresses;
	unsigned defaults[NM_FAMILY_MAX]; /* interface of the default route; 0: none */
	const struct nm_records *records;
};

static void search_done(struct search *s)
{
	nm_netlink_close(&s->rtnl);
	nm_rtnl_links_done(&s->links);
	nm_rtnl_addresses_done(&s->addresses);
}

static struct nm_follow_interface interface_of(unsigned index, const char *name)
{
	struct nm_follow_interface i = {.known = name[0] != '\0', .index = index};

	(void)snprintf(i.name, sizeof(i.name), "%s", name);
	return i;
}

static const struct nm_rtnl_link *find_link(const struct search *s, const char *name)
{
	for (size_t i = 0; i < s->links.n; i++)
		if (!strcmp(s->links.v[i].name, name))
			return &s->links.v[i];
	return NULL;
}

static int find_out(struct search *s, const struct nm_record *r, enum nm_family family,
	struct nm_follow_interface *ret, struct nm_err *err)
{
	const struct nm_rtnl_link *link = r->localnet[0] ? find_link(s, r->localnet) : NULL;
	struct nm_route route;

	if (link) {
		*ret = interface_of(link->ifindex, link->name);
		return 0;
	}
	if (!(r->families & 1u << family))
		return 0;
	if (nm_route_lookup(&s->rtnl, &r->address[family].addr, &route, err) < 0)
		return -1;
	*ret = interface_of(route.found ? route.ifindex : 0, route.found ? route.interface : "");
	return 0;
}

static int find_all_out(struct search *s, struct nm_ways *ways, struct nm_err *err)
{
	ways->out = calloc(s->records->n * NM_FAMILY_MAX + 1, sizeof(*ways->out));
	if (!ways->out)
		return nm_fail_memory(err, "looking for ways to containers");
	for (size_t i = 0; i < s->records->n; i++)
		nm_each_family(f, NM_BOTH_FAMILIES)
			if (find_out(s, &s->records->v[i], f, &ways->out[i * NM_FAMILY_MAX + f], err) < 0)
				return -1;
	return 0;
}

const struct nm_follow_interface *nm_ways_out(const struct nm_ways *w, size_t record, enum nm_family family)
{
	return &w->out[record * NM_FAMILY_MAX + family];
}

static const struct nm_record *find_container(
	const struct search *s, const struct nm_ways *ways, unsigned ifindex)
{
	for (size_t i = 0; i < s->records->n * NM_FAMILY_MAX; i++)
		if (ways->out[i].known && ways->out[i].index == ifindex)
			return &s->records->v[i / NM_FAMILY_MAX];
	return NULL;
}

static void add_addresses(const struct search *s, struct nm_way *way)
{
	for (size_t i = 0; i < s->addresses.n; i++) {
		const struct nm_rtnl_address *a = &s->addresses.v[i];
		enum nm_family family = a->prefix.addr.family;

		if (a->ifindex != way->in.index || !a->global || way->has_address[family])
			continue;
		way->has_address[family] = true;
		way->address[family] = a->prefix.addr;
	}
}

/* Nothing comes in by a dummy, and what belongs to a VRF by another interface. */
static bool is_way(const struct search *s, const struct nm_rtnl_link *link, const struct nm_way *way)
{
	bool is_default = link->ifindex == s->defaults[NM_IPV4] || link->ifindex == s->defaults[NM_IPV6];

	if (!(link->flags & IFF_UP) || link->flags & IFF_LOOPBACK || !strcmp(link->kind, "dummy") ||
		!strcmp(link->kind, "vrf"))
		return false;
	if (!way->has_address[NM_IPV4] && !way->has_address[NM_IPV6])
		return false;
	return way->container || is_default || strcmp(link->kind, "bridge") != 0;
}

static int find_default(
	struct search *s, enum nm_family family, struct nm_follow_interface *ret, struct nm_err *err)
{
	if (nm_route_default(&s->rtnl, family, &s->defaults[family], err) < 0)
		return -1;
	for (size_t i = 0; i < s->links.n; i++)
		if (s->links.v[i].ifindex == s->defaults[family])
			*ret = interface_of(s->links.v[i].ifindex, s->links.v[i].name);
	return 0;
}

static int find(struct search *s, struct nm_ways *ways, struct nm_err *err)
{
	if (nm_netlink_open(NETLINK_ROUTE, &s->rtnl, err) < 0 ||
		nm_rtnl_get_links(&s->rtnl, &s->links, err) < 0 ||
		nm_rtnl_get_addresses(&s->rtnl, &s->addresses, err) < 0 || find_all_out(s, ways, err) < 0)
		return -1;
	nm_each_family(f, NM_BOTH_FAMILIES)
		if (find_default(s, f, &ways->outside[f], err) < 0)
			return -1;
	for (size_t i = 0; i < s->links.n; i++) {
		const struct nm_rtnl_link *link = &s->links.v[i];
		struct nm_way way = {.in = interface_of(link->ifindex, link->name),
			.container = find_container(s, ways, link->ifindex)};

		add_addresses(s, &way);
		if (!is_way(s, link, &way))
			continue;
		if (nm_grow(&ways->in, "looking for ways to containers", err) < 0)
			return -1;
		ways->in.v[ways->in.n++] = way;
	}
	return 0;
}

int nm_ways_find(const struct nm_records *records, struct nm_ways *ret, struct nm_err *err)
{
	NM_CLEANUP(search_done) struct search s = {.rtnl.fd = -1, .records = records};
	struct nm_ways ways = {0};

	if (find(&s, &ways, err) < 0) {
		nm_ways_done(&ways);
		return -1;
	}
	*ret = ways;
	return 0;
}

void nm_ways_done(struct nm_ways *w)
{
	free(w->in.v);
	free(w->out);
	*w = (struct nm_ways){0};
}
