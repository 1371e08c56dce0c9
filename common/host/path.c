/* An interface inside says which one of the host it hangs on by number, and by the id of its namespace: the
 * number alone may be one that the container has chosen, in a namespace of its own. */
#include "host/path.h"

#include <string.h>

enum { DEPTH_MAX = 4 /* of interfaces on top of each other */, OTHERS_MAX = 256 };

struct search {
	struct nm_netlink *rtnl;
	struct nm_netns *ns;
	const struct nm_route *route;
	struct nm_path_links *inside, *host;
};

void nm_path_done(struct nm_path *path)
{
	nm_rtnl_links_done(&path->inside.list);
	nm_rtnl_links_done(&path->host.list);
}

static int know(struct nm_path_links *links, struct nm_netlink *nl, struct nm_err *err)
{
	if (!links->known && nm_rtnl_get_links(nl, &links->list, err) < 0)
		return -1;
	links->known = true;
	return 0;
}

static bool is_one_of(const char *kind, const char *const *kinds)
{
	for (; *kinds; kinds++)
		if (!strcmp(kind, *kinds))
			return true;
	return false;
}

static bool may_have_port(const struct nm_rtnl_link *inside)
{
	static const char *const kinds[] = {
		"veth", "netkit", "macvlan", "macvtap", "ipvlan", "ipvtap", "vlan", NULL};

	return inside->lower_netns != NM_RTNL_HERE && is_one_of(inside->kind, kinds);
}

/* Sets *ret to the host's end of the interface: its peer, or what it is on. */
static int find_port(const struct search *s, const struct nm_rtnl_link *inside, struct nm_rtnl_link *ret,
	struct nm_err *err)
{
	const struct nm_rtnl_link *out = &s->route->out;
	int32_t home = NM_RTNL_HERE;

	if (!may_have_port(inside)) {
		ret->found = false;
		return 0;
	}
	if (nm_netns_home(s->ns, &home, err) < 0)
		return -1;
	if (inside->lower_netns != home)
		ret->found = false;
	else if (out->found && out->ifindex == inside->lower)
		*ret = *out;
	else if ((!ret->found || ret->ifindex != inside->lower) &&
		nm_rtnl_get_link(s->rtnl, inside->lower, NULL, ret, err) < 0)
		return -1;
	ret->found = ret->found && (!inside->peer_ifindex || ret->peer_ifindex == inside->ifindex);
	return 0;
}

static bool is_at(const struct nm_rtnl_link *port, unsigned ifindex)
{
	return ifindex == port->ifindex || (port->master && ifindex == port->master);
}

/* Whether what the host sends by the route comes to port: goes down from its interface. */
static int judge_port(const struct search *s, const struct nm_rtnl_link *port, bool *ret, struct nm_err *err)
{
	struct nm_rtnl_link out = s->route->out;

	*ret = false;
	for (int depth = 0; out.found && depth < DEPTH_MAX; depth++) {
		unsigned lower = out.lower_netns == NM_RTNL_HERE ? out.lower : 0;
		bool is_sibling = depth > 0 && port->master && out.master == port->master;

		*ret = is_at(port, out.ifindex) || is_at(port, lower) || is_sibling ||
			(port->ovs_port && !strcmp(out.kind, "openvswitch"));
		if (*ret || !lower)
			return 0;
		if (nm_rtnl_get_link(s->rtnl, lower, NULL, &out, err) < 0)
			return -1;
	}
	return 0;
}

static const struct nm_rtnl_link *find_link(const struct nm_rtnl_links *all, unsigned ifindex)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].ifindex == ifindex)
			return &all->v[i];
	return NULL;
}

/* The same for each port of another bridge that a veth pair joins to that of port. */
static int judge_joined(
	const struct search *s, const struct nm_rtnl_link *port, bool *ret, struct nm_err *err)
{
	const struct nm_rtnl_links *all = &s->host->list;

	if (know(s->host, s->rtnl, err) < 0)
		return -1;
	for (size_t i = 0; i < all->n && !*ret; i++) {
		const struct nm_rtnl_link *end = &all->v[i], *other;

		if (end->master != port->master || !end->peer_ifindex || end->peer_elsewhere)
			continue;
		other = find_link(all, end->peer_ifindex);
		if (other && judge_port(s, other, ret, err) < 0)
			return -1;
	}
	return 0;
}

/* Whether what the host sends by the route reaches the other end of port. */
static int judge_pair(const struct search *s, const struct nm_rtnl_link *port, bool *ret, struct nm_err *err)
{
	if (judge_port(s, port, ret, err) < 0)
		return -1;
	return *ret || !port->master ? 0 : judge_joined(s, port, ret, err);
}

/* An interface on a veth gets what comes out of that: what the host sends into its other end. */
static int judge_behind_pair(
	const struct search *s, const struct nm_rtnl_link *lower, bool *ret, struct nm_err *err)
{
	struct nm_rtnl_link other;

	if (!lower->peer_ifindex || lower->peer_elsewhere)
		return 0;
	if (nm_rtnl_get_link(s->rtnl, lower->peer_ifindex, NULL, &other, err) < 0)
		return -1;
	return other.found ? judge_pair(s, &other, ret, err) : 0;
}

static bool is_hardware(const struct nm_rtnl_link *inside)
{
	return inside->found && !inside->kind[0] && !(inside->flags & IFF_LOOPBACK);
}

static int judge(
	const struct search *s, const struct nm_rtnl_link *inside, struct nm_path *path, struct nm_err *err)
{
	const struct nm_rtnl_link *out = &s->route->out;

	path->leads_in = false;
	if (find_port(s, inside, &path->port, err) < 0)
		return -1;
	if (is_hardware(inside))
		path->leads_in = s->route->prefix_len > 0;
	if (!path->port.found)
		return 0;
	if (inside->peer_ifindex)
		return judge_pair(s, &path->port, &path->leads_in, err);
	path->leads_in = out->lower == path->port.ifindex && out->lower_netns == NM_RTNL_HERE &&
		!inside->is_isolated && !out->is_isolated;
	if (!path->leads_in && judge_behind_pair(s, &path->port, &path->leads_in, err) < 0)
		return -1;
	path->port.found = false; /* others use it, too */
	return 0;
}

static int try_others(const struct search *s, unsigned ifindex, struct nm_path *path, struct nm_err *err)
{
	const struct nm_rtnl_links *all = &s->inside->list;
	struct nm_path other = {.leads_in = false};
	unsigned judged = 0;

	if (know(s->inside, &s->ns->nl, err) < 0)
		return -1;
	for (size_t i = 0; i < all->n && !other.leads_in && judged < OTHERS_MAX; i++) {
		const struct nm_rtnl_link *inside = &all->v[i];

		if (inside->ifindex == ifindex || !(may_have_port(inside) || is_hardware(inside)))
			continue;
		judged++;
		if (judge(s, inside, &other, err) < 0)
			return -1;
	}
	if (!other.leads_in)
		return 0;
	path->leads_in = true;
	path->port = other.port;
	return 0;
}

int nm_path_find(struct nm_netlink *rtnl, struct nm_netns *ns, unsigned ifindex, const struct nm_route *route,
	struct nm_path *path, struct nm_err *err)
{
	const struct search s = {rtnl, ns, route, &path->inside, &path->host};
	struct nm_rtnl_link inside;

	if (nm_netns_look_at(ns, ifindex, err) < 0)
		return -1;
	inside = ns->link;
	if (judge(&s, &inside, path, err) < 0)
		return -1;
	return path->leads_in ? 0 : try_others(&s, ifindex, path, err);
}
