/*
 * A bridge is made down: it has its settings before the first packet. accept_ra is 0, or a container could
 * give the host a default route; disable_ipv6 is as the subnets say, so that there is no link-local address
 * by which containers reach the host where nobody asked for IPv6.
 */
#include "network/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "host/route.h"
#include "host/sysctl.h"
#include "network/aside.h"
#include "network/names.h"

static int choose_mtu(struct nm_netlink *rtnl, unsigned *mtu, struct nm_err *err)
{
	struct nm_rtnl_link link = {.mtu = 0};
	unsigned ifindex = 0;

	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX && !ifindex && !*mtu; f++)
		if (nm_route_default(rtnl, f, &ifindex, err) < 0)
			return -1;
	if (ifindex && nm_rtnl_get_link(rtnl, ifindex, NULL, &link, err) < 0)
		return -1;
	*mtu = *mtu ? *mtu : link.mtu;
	return 0;
}

static bool overlap(const struct nm_prefix *a, const struct nm_prefix *b)
{
	return nm_prefix_has(a, &b->addr) || nm_prefix_has(b, &a->addr);
}

static int refuse_overlap(
	const struct nm_prefix *subnet, const char *what, const struct nm_prefix *other, struct nm_err *err)
{
	char text[NM_PREFIX_STRLEN], other_text[NM_PREFIX_STRLEN];

	return nm_fail(err, NM_ERR_REFUSED, "its subnet '%s' overlaps the host's %s '%s'",
		nm_prefix_print(subnet, text), what, nm_prefix_print(other, other_text));
}

static int check_subnet(struct nm_netlink *rtnl, const struct nm_rtnl_addresses *all,
	const struct nm_prefix *subnet, unsigned except, struct nm_err *err)
{
	struct nm_prefix route;
	bool found;

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].ifindex != except && overlap(subnet, &all->v[i].prefix))
			return refuse_overlap(subnet, "address", &all->v[i].prefix, err);
	if (nm_route_find_overlap(rtnl, subnet, except, &route, &found, err) < 0)
		return -1;
	return found ? refuse_overlap(subnet, "route to", &route, err) : 0;
}

/* except: an interface whose addresses and routes are no obstacle. */
static int check_subnets(struct nm_netlink *rtnl, const struct nm_attachment *a, unsigned families,
	unsigned except, struct nm_err *err)
{
	NM_CLEANUP(nm_rtnl_addresses_done) struct nm_rtnl_addresses all = {0};

	if (families && nm_rtnl_get_addresses(rtnl, &all, err) < 0)
		return -1;
	nm_each_family(f, families) {
		struct nm_prefix subnet = nm_prefix_network(&a->address[f]);

		if (check_subnet(rtnl, &all, &subnet, except, err) < 0)
			return nm_wrap(err, "bridge '%s'", a->bridge);
	}
	return 0;
}

static int check_name(const struct nm_rtnl_link *link, const struct nm_attachment *a, struct nm_err *err)
{
	return !link->found || nm_names_is_bridge(link)
		? 0
		: nm_fail(err, NM_ERR_REFUSED,
			  "bridge '%s': there is an interface of that name that natmap has not made",
			  a->bridge);
}

int nm_bridge_check(struct nm_netlink *rtnl, const struct nm_attachment *a, struct nm_err *err)
{
	struct nm_rtnl_link link;

	return nm_rtnl_get_link(rtnl, 0, a->bridge, &link, err) < 0 || check_name(&link, a, err) < 0
		? -1
		: check_subnets(rtnl, a, a->families, link.ifindex, err);
}

/* Down. EEXIST: somebody else has made it meanwhile. */
static int make(struct nm_netlink *rtnl, const struct nm_attachment *a, unsigned mtu, unsigned *ret,
	struct nm_err *err)
{
	const struct nm_link_new bridge = {.name = a->bridge, .mac = nm_names_bridge_mac, .mtu = mtu};
	struct nm_rtnl_link link = {.found = false};
	const struct nm_netlink_handler handler = {.reply = nm_rtnl_on_link, .ctx = &link};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_link_make_bridge(&r, &bridge);
	nm_link_set_alias(&r, a->bridge, NM_NAMES_BRIDGE);
	nm_link_ask(&r, a->bridge);
	if (nm_netlink_talk(rtnl, &r, &handler, err) < 0)
		return nm_wrap(err, "making bridge '%s'", a->bridge);
	*ret = link.ifindex;
	return 0;
}

int nm_bridge_setting(
	const struct nm_attachment *a, enum nm_bridge_setting which, char name[static NM_SYSCTL_NAME_MAX])
{
	bool is_ra = which == NM_BRIDGE_ACCEPT_RA;

	(void)snprintf(name, NM_SYSCTL_NAME_MAX, "net/ipv6/conf/%s/%s", a->bridge,
		is_ra ? "accept_ra" : "disable_ipv6");
	return !is_ra && !(a->families & NM_IPV6_BIT);
}

int nm_bridge_set(const struct nm_attachment *a, bool is_new, struct nm_err *err)
{
	bool has_ipv6 = a->families & NM_IPV6_BIT;
	char name[NM_SYSCTL_NAME_MAX];

	for (enum nm_bridge_setting which = 0; which < NM_BRIDGE_SETTING_MAX; which++) {
		int value = nm_bridge_setting(a, which, name);

		if (!is_new && value == 1)
			continue;
		if (nm_sysctl_set(name, value, err) < 0)
			return has_ipv6 || err->kind != NM_ERR_MISSING ? -1 : 0;
	}
	return 0;
}

/* Up, and with its address in these families. */
static int complete(struct nm_netlink *rtnl, const struct nm_attachment *a, unsigned ifindex,
	unsigned families, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.tolerate = NM_NETLINK_ERRORS(EEXIST)};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_link_set_up(&r, a->bridge);
	nm_each_family(f, families) {
		struct nm_prefix gateway = nm_network_gateway(&a->address[f]);

		nm_link_add_address(&r, ifindex, &gateway);
	}
	if (nm_netlink_talk(rtnl, &r, &handler, err) < 0)
		return nm_wrap(err, "giving bridge '%s' its addresses", a->bridge);
	return 0;
}

static int make_all(struct nm_netlink *rtnl, const struct nm_attachment *a, unsigned mtu,
	struct nm_bridge *ret, struct nm_err *err)
{
	struct nm_err second;

	if (check_subnets(rtnl, a, a->families, 0, err) < 0 || choose_mtu(rtnl, &mtu, err) < 0)
		return -1;
	ret->mtu = mtu;
	ret->made = true;
	/* one of which the answer was lost is there all the same */
	if (make(rtnl, a, mtu, &ret->ifindex, err) == 0 && nm_bridge_set(a, true, err) == 0 &&
		complete(rtnl, a, ret->ifindex, a->families, err) == 0)
		return 0;
	if (nm_bridge_remove(rtnl, a, &second) < 0)
		(void)nm_wrap(err, "not undone (%s)", second.msg);
	return -1;
}

/* Families in which it has not its address. */
static int find_missing(struct nm_netlink *rtnl, const struct nm_attachment *a, unsigned ifindex,
	unsigned *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_rtnl_addresses_done) struct nm_rtnl_addresses has = {0};

	if (nm_rtnl_get_addresses_on(rtnl, ifindex, &has, err) < 0)
		return -1;
	*ret = 0;
	nm_each_family(f, a->families) {
		struct nm_prefix gateway = nm_network_gateway(&a->address[f]);

		if (!nm_rtnl_find_address(&has, &gateway.addr))
			*ret |= 1u << f;
	}
	return 0;
}

static int make_missing(struct nm_netlink *rtnl, const struct nm_attachment *a,
	const struct nm_rtnl_link *link, struct nm_err *err)
{
	unsigned missing;

	if (find_missing(rtnl, a, link->ifindex, &missing, err) < 0)
		return -1;
	if (!missing && link->flags & IFF_UP)
		return 0;
	if (check_subnets(rtnl, a, missing, 0, err) < 0 ||
		(missing & NM_IPV6_BIT && nm_bridge_set(a, false, err) < 0))
		return -1;
	return complete(rtnl, a, link->ifindex, missing, err);
}

int nm_bridge_ensure(struct nm_netlink *rtnl, const struct nm_attachment *a, unsigned mtu,
	struct nm_bridge *ret, struct nm_err *err)
{
	struct nm_bridge bridge = {.made = false};
	struct nm_rtnl_link link;

	if (nm_rtnl_get_link(rtnl, 0, a->bridge, &link, err) < 0 || check_name(&link, a, err) < 0)
		return -1;
	bridge.ifindex = link.ifindex;
	bridge.mtu = link.mtu;
	if (link.found ? make_missing(rtnl, a, &link, err) < 0 : make_all(rtnl, a, mtu, &bridge, err) < 0)
		return -1;
	*ret = bridge;
	return 0;
}

/* Its addresses must not keep those of the next one away. */
static int take_addresses(
	struct nm_netlink *rtnl, const struct nm_attachment *a, unsigned ifindex, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {
		.tolerate = NM_NETLINK_ERRORS(EADDRNOTAVAIL, ENODEV, EAFNOSUPPORT, EOPNOTSUPP)};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_each_family(f, a->families) {
		struct nm_prefix gateway = nm_network_gateway(&a->address[f]);

		nm_link_delete_address(&r, ifindex, &gateway);
	}
	return nm_netlink_talk(rtnl, &r, &handler, err);
}

int nm_bridge_remove(struct nm_netlink *rtnl, const struct nm_attachment *a, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if (nm_rtnl_get_link(rtnl, 0, a->bridge, &link, err) < 0)
		return -1;
	if (!link.found || !nm_names_is_bridge(&link))
		return 0;
	if (take_addresses(rtnl, a, link.ifindex, err) < 0 || nm_aside_put(rtnl, link.ifindex, err) < 0)
		return nm_wrap(err, "removing bridge '%s'", a->bridge);
	return 0;
}
