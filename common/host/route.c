/* Routes of the network namespace of an rtnetlink socket. */
#include "host/route.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "host/attrs.h"
#include "host/rtnl.h"

static unsigned interface_of(struct nm_attrs route)
{
	struct nm_attrs hops = nm_attrs_nested(route, RTA_MULTIPATH);
	struct rtnexthop first;
	uint32_t ifindex;

	if (nm_attrs_get(route, RTA_OIF, &ifindex, sizeof(ifindex)))
		return ifindex;
	if (hops.len < sizeof(first))
		return 0;
	memcpy(&first, hops.data, sizeof(first));
	return first.rtnh_ifindex > 0 ? (unsigned)first.rtnh_ifindex : 0;
}

struct lookup {
	struct nm_route route;
	unsigned ifindex; /* 0: none */
};

static int take_route(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct rtmsg *rtm = nm_netlink_header(msg, sizeof(*rtm));
	struct lookup *look = ctx;

	if (msg->nlmsg_type != RTM_NEWROUTE || !rtm)
		return nm_fail(err, NM_ERR_FAILED, "unexpected reply");
	look->route.found = true;
	look->route.local = rtm->rtm_type == RTN_LOCAL;
	look->route.broadcast = rtm->rtm_type == RTN_BROADCAST || rtm->rtm_type == RTN_ANYCAST ||
		rtm->rtm_type == RTN_MULTICAST;
	look->route.prefix_len = rtm->rtm_dst_len;
	if (rtm->rtm_type != RTN_UNREACHABLE && rtm->rtm_type != RTN_BLACKHOLE &&
		rtm->rtm_type != RTN_PROHIBIT)
		look->ifindex = interface_of(nm_attrs_of(msg, sizeof(*rtm)));
	return 0;
}

/* What IPv4 says instead of showing the route: none; unreachable, prohibit, blackhole; a family without. */
static bool is_no_route(int error_number)
{
	return error_number == ENETUNREACH || error_number == EHOSTUNREACH || error_number == EACCES ||
		error_number == EINVAL || error_number == EOPNOTSUPP || error_number == EAFNOSUPPORT;
}

int nm_route_lookup(
	struct nm_netlink *nl, const struct nm_addr *address, struct nm_route *ret, struct nm_err *err)
{
	struct lookup look = {.ifindex = 0};
	const struct nm_netlink_handler sink = {.reply = take_route, .tolerate = is_no_route, .ctx = &look};
	struct nm_rtnl_link link;
	char text[NM_ADDR_STRLEN];
	struct nm_netlink_request r;
	struct rtmsg *rtm;

	nm_netlink_request_init(&r);
	rtm = nm_netlink_request_begin(&r, RTM_GETROUTE, 0, sizeof(*rtm));
	rtm->rtm_family = nm_addr_family_to_af(address->family);
	rtm->rtm_dst_len = nm_addr_bits(address->family);
	rtm->rtm_flags = RTM_F_FIB_MATCH;
	nm_netlink_request_put(&r, RTA_DST, address->bytes, nm_addr_size(address->family));
	if (nm_netlink_talk(nl, &r, &sink, err) < 0 ||
		nm_rtnl_get_link(nl, look.ifindex, NULL, &link, err) < 0)
		return nm_wrap(err, "looking up the route to %s", nm_addr_print(address, text));
	if (link.found)
		memcpy(look.route.interface, link.name, sizeof(look.route.interface));
	*ret = look.route;
	return 0;
}

struct default_route {
	enum nm_family family;
	unsigned ifindex; /* 0: none yet */
	uint32_t metric;
};

static int take_default(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct rtmsg *rtm = nm_netlink_header(msg, sizeof(*rtm));
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(*rtm));
	struct default_route *best = ctx;
	uint32_t table, metric = 0;
	unsigned ifindex;

	(void)err; /* never fails */
	if (msg->nlmsg_type != RTM_NEWROUTE || !rtm ||
		rtm->rtm_family != nm_addr_family_to_af(best->family) || rtm->rtm_dst_len ||
		rtm->rtm_src_len || rtm->rtm_type != RTN_UNICAST ||
		(rtm->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD)))
		return 0;
	if (!nm_attrs_get(attrs, RTA_TABLE, &table, sizeof(table)))
		table = rtm->rtm_table;
	(void)nm_attrs_get(attrs, RTA_PRIORITY, &metric, sizeof(metric));
	ifindex = interface_of(attrs);
	if (table == RT_TABLE_MAIN && ifindex && (!best->ifindex || metric < best->metric)) {
		best->ifindex = ifindex;
		best->metric = metric;
	}
	return 0;
}

static void forget_default(void *ctx)
{
	((struct default_route *)ctx)->ifindex = 0;
}

/* A kernel, or a namespace, without the family or without the table. */
static bool is_no_table(int error_number)
{
	return error_number == EOPNOTSUPP || error_number == EAFNOSUPPORT || error_number == ENOENT;
}

int nm_route_default(struct nm_netlink *nl, enum nm_family family, unsigned *ret, struct nm_err *err)
{
	struct default_route best = {.family = family};
	const struct nm_netlink_handler sink = {
		.reply = take_default, .restart = forget_default, .tolerate = is_no_table, .ctx = &best};
	struct nm_netlink_request r;
	struct rtmsg *rtm;

	nm_netlink_request_init(&r);
	rtm = nm_netlink_request_begin(&r, RTM_GETROUTE, NLM_F_DUMP, sizeof(*rtm));
	rtm->rtm_family = nm_addr_family_to_af(family);
	rtm->rtm_table = RT_TABLE_MAIN;
	if (nm_netlink_talk(nl, &r, &sink, err) < 0)
		return nm_wrap(err, "reading default route");
	*ret = best.ifindex;
	return 0;
}

/* Interfaces with routes from router advertisements: a host has few, each with a handful of routes. */
enum { RA_INTERFACES_MAX = 64 };
struct ra_interfaces {
	unsigned ifindex[RA_INTERFACES_MAX];
	size_t n;
};

static int take_ra_route(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct rtmsg *rtm = nm_netlink_header(msg, sizeof(*rtm));
	struct ra_interfaces *ra = ctx;
	unsigned ifindex;

	if (msg->nlmsg_type != RTM_NEWROUTE || !rtm || rtm->rtm_protocol != RTPROT_RA)
		return 0;
	ifindex = interface_of(nm_attrs_of(msg, sizeof(*rtm)));
	for (size_t i = 0; i < ra->n; i++)
		if (ra->ifindex[i] == ifindex)
			return 0;
	if (ra->n == RA_INTERFACES_MAX)
		return nm_fail(err, NM_ERR_FAILED, "more than %d interfaces", RA_INTERFACES_MAX);
	if (ifindex)
		ra->ifindex[ra->n++] = ifindex;
	return 0;
}

static void forget_ra_routes(void *ctx)
{
	((struct ra_interfaces *)ctx)->n = 0;
}

static bool is_no_ipv6(int error_number)
{
	return error_number == EOPNOTSUPP || error_number == EAFNOSUPPORT;
}

int nm_route_ra_interfaces(struct nm_netlink *nl,
	int (*found)(void *ctx, const char *interface, struct nm_err *err), void *ctx, struct nm_err *err)
{
	struct ra_interfaces ra = {.n = 0};
	const struct nm_netlink_handler sink = {
		.reply = take_ra_route, .restart = forget_ra_routes, .tolerate = is_no_ipv6, .ctx = &ra};
	struct nm_rtnl_link link;
	struct nm_netlink_request r;
	struct rtmsg *rtm;

	nm_netlink_request_init(&r);
	rtm = nm_netlink_request_begin(&r, RTM_GETROUTE, NLM_F_DUMP, sizeof(*rtm));
	rtm->rtm_family = AF_INET6;
	rtm->rtm_protocol = RTPROT_RA;
	if (nm_netlink_talk(nl, &r, &sink, err) < 0)
		return nm_wrap(err, "reading routes from router advertisements");
	for (size_t i = 0; i < ra.n; i++) {
		if (nm_rtnl_get_link(nl, ra.ifindex[i], NULL, &link, err) < 0)
			return -1;
		if (link.found && found(ctx, link.name, err) < 0)
			return -1;
	}
	return 0;
}
