/*
 * Routes of the network namespace of an rtnetlink socket. A route may have several nexthops (RTA_MULTIPATH).
 * Its nexthops may be objects of their own (RTA_NH_ID), which the kernel also shows in the old form, unless
 * net.ipv4.nexthop_compat_mode is off.
 */
#include "host/route.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "base/array.h"
#include "host/attrs.h"

/* What has been read of routes. */
struct answer {
	unsigned *v; /* interfaces that they leave through, each once, in the kernel's order; owned */
	size_t n, capacity;
	struct nm_route route;
	enum nm_family family; /* of a default route to be found, and */
	uint32_t metric;       /* its metric: the lowest so far */
};

static void answer_done(struct answer *a)
{
	free(a->v);
}

static void on_restart(void *ctx)
{
	((struct answer *)ctx)->n = 0;
}

static int add_interface(struct answer *list, unsigned ifindex, struct nm_err *err)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] == ifindex)
			return 0;
	if (nm_grow(list, "reading routes", err) < 0)
		return -1;
	list->v[list->n++] = ifindex;
	return 0;
}

/* Adds those of one route, but for nexthops that are dead. */
static int add_interfaces(struct answer *list, struct nm_attrs route, struct nm_err *err)
{
	struct nm_attrs hops = nm_attrs_nested(route, RTA_MULTIPATH);
	struct rtnexthop hop;
	uint32_t ifindex;

	if (nm_attrs_get(route, RTA_OIF, &ifindex, sizeof(ifindex)))
		return add_interface(list, ifindex, err);
	for (size_t step; hops.len >= sizeof(hop); hops.len -= step) {
		memcpy(&hop, hops.data, sizeof(hop));
		step = RTNH_ALIGN(hop.rtnh_len);
		if (hop.rtnh_len < sizeof(hop) || step > hops.len || hop.rtnh_ifindex <= 0)
			break;
		if (!(hop.rtnh_flags & RTNH_F_DEAD) &&
			add_interface(list, (unsigned)hop.rtnh_ifindex, err) < 0)
			return -1;
		hops.data = (const char *)hops.data + step;
	}
	return 0;
}

static int on_route(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct rtmsg *rtm = nm_netlink_header(msg, sizeof(*rtm));
	struct answer *a = ctx;

	if (msg->nlmsg_type != RTM_NEWROUTE || !rtm)
		return nm_fail(err, NM_ERR_FAILED, "unexpected reply");
	a->route.found = rtm->rtm_type != RTN_UNREACHABLE && rtm->rtm_type != RTN_BLACKHOLE &&
		rtm->rtm_type != RTN_PROHIBIT;
	a->route.local = rtm->rtm_type == RTN_LOCAL;
	a->route.broadcast = rtm->rtm_type == RTN_BROADCAST || rtm->rtm_type == RTN_ANYCAST ||
		rtm->rtm_type == RTN_MULTICAST;
	a->route.prefix_len = rtm->rtm_dst_len;
	return add_interfaces(a, nm_attrs_of(msg, sizeof(*rtm)), err);
}

/* What IPv4 says instead of showing the route: none; unreachable, prohibit, blackhole; a family without. */
#define NO_ROUTE NM_NETLINK_ERRORS(ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, EOPNOTSUPP, EAFNOSUPPORT)

static int look_up(struct nm_netlink *nl, const struct nm_addr *address, unsigned flags, struct answer *ret,
	struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.reply = on_route, .tolerate = NO_ROUTE, .ctx = ret};
	struct nm_netlink_request r;
	struct rtmsg *rtm;

	nm_netlink_request_init(&r);
	rtm = nm_netlink_request_begin(&r, RTM_GETROUTE, 0, sizeof(*rtm));
	rtm->rtm_family = nm_addr_family_to_af(address->family);
	rtm->rtm_dst_len = nm_addr_bits(address->family);
	rtm->rtm_flags = flags;
	nm_netlink_request_put(&r, RTA_DST, address->bytes, nm_addr_size(address->family));
	return nm_netlink_talk(nl, &r, &handler, err);
}

/* The route that matches says how long it is and where all its nexthops lead to. Where the kernel does not
 * show them, it says at least which way a packet would take. */
static int read_route(
	struct nm_netlink *nl, const struct nm_addr *address, struct nm_route *ret, struct nm_err *err)
{
	NM_CLEANUP(answer_done) struct answer a = {.n = 0};

	if (look_up(nl, address, RTM_F_FIB_MATCH, &a, err) < 0)
		return -1;
	*ret = a.route;
	if (ret->found && a.n == 0 && look_up(nl, address, 0, &a, err) < 0)
		return -1;
	if (a.n > 0 && nm_rtnl_get_link(nl, a.v[0], NULL, &ret->out, err) < 0)
		return -1;
	if (a.n == 1) {
		memcpy(ret->interface, ret->out.name, sizeof(ret->interface));
		ret->ifindex = ret->out.ifindex;
	}
	ret->found = ret->found && (ret->out.found || a.n > 1);
	return 0;
}

int nm_route_lookup(
	struct nm_netlink *nl, const struct nm_addr *address, struct nm_route *ret, struct nm_err *err)
{
	char text[NM_ADDR_STRLEN];

	if (read_route(nl, address, ret, err) < 0)
		return nm_wrap(err, "looking up the route to %s", nm_addr_print(address, text));
	return 0;
}

/* What the kernel says of a source that the filter refuses: older ones the first, Linux 6.18 the second. No
 * route, and no forwarding, are other errors. */
#define REFUSED NM_NETLINK_ERRORS(EXDEV, EINVAL)

bool nm_route_is_refused(struct nm_netlink *nl, const struct nm_addr *source,
	const struct nm_addr *destination, unsigned ifindex)
{
	const struct nm_netlink_handler handler = {.tolerate = REFUSED};
	struct nm_netlink_request r;
	struct nm_err other;
	struct rtmsg *rtm;

	nm_netlink_request_init(&r);
	rtm = nm_netlink_request_begin(&r, RTM_GETROUTE, 0, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = rtm->rtm_src_len = nm_addr_bits(NM_IPV4);
	nm_netlink_request_put(&r, RTA_DST, destination->bytes, nm_addr_size(NM_IPV4));
	nm_netlink_request_put(&r, RTA_SRC, source->bytes, nm_addr_size(NM_IPV4));
	nm_netlink_request_put(&r, RTA_IIF, &ifindex, sizeof(ifindex));
	return nm_netlink_talk(nl, &r, &handler, &other) == 0 && nl->accepted == 0;
}

/* In whichever table. */
static bool is_default(const struct rtmsg *rtm, enum nm_family family)
{
	return rtm->rtm_family == nm_addr_family_to_af(family) && !rtm->rtm_dst_len && !rtm->rtm_src_len &&
		rtm->rtm_type == RTN_UNICAST && !(rtm->rtm_flags & (RTM_F_CLONED | RTNH_F_DEAD));
}

static bool is_in_main(const struct rtmsg *rtm, struct nm_attrs attrs)
{
	uint32_t table;

	if (!nm_attrs_get(attrs, RTA_TABLE, &table, sizeof(table)))
		table = rtm->rtm_table;
	return table == RT_TABLE_MAIN;
}

static int on_default(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct rtmsg *rtm = nm_netlink_header(msg, sizeof(*rtm));
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(*rtm));
	struct answer *best = ctx;
	uint32_t metric = 0;

	if (msg->nlmsg_type != RTM_NEWROUTE || !rtm || !is_default(rtm, best->family) ||
		!is_in_main(rtm, attrs))
		return 0;
	(void)nm_attrs_get(attrs, RTA_PRIORITY, &metric, sizeof(metric));
	if (best->n > 0 && metric >= best->metric)
		return 0;
	best->metric = metric;
	best->n = 0;
	return add_interfaces(best, attrs, err);
}

/* A kernel, or a namespace, without the family or without the table. */
#define NO_TABLE NM_NETLINK_ERRORS(EOPNOTSUPP, EAFNOSUPPORT, ENOENT)

/* Calls reply for the routes of a family that have this table and this origin; 0: any. */
static int dump(struct nm_netlink *nl, const struct rtmsg *wanted,
	int (*reply)(void *ctx, const struct nlmsghdr *msg, struct nm_err *err), struct answer *ret,
	struct nm_err *err)
{
	const struct nm_netlink_handler handler = {
		.reply = reply, .restart = on_restart, .tolerate = NO_TABLE, .ctx = ret};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	memcpy(nm_netlink_request_begin(&r, RTM_GETROUTE, NLM_F_DUMP, sizeof(*wanted)), wanted,
		sizeof(*wanted));
	return nm_netlink_talk(nl, &r, &handler, err);
}

int nm_route_default(struct nm_netlink *nl, enum nm_family family, unsigned *ret, struct nm_err *err)
{
	const struct rtmsg wanted = {.rtm_family = nm_addr_family_to_af(family), .rtm_table = RT_TABLE_MAIN};
	NM_CLEANUP(answer_done) struct answer best = {.family = family};

	if (dump(nl, &wanted, on_default, &best, err) < 0)
		return nm_wrap(err, "reading default route");
	*ret = best.n > 0 ? best.v[0] : 0;
	return 0;
}

static int on_any_default(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct rtmsg *rtm = nm_netlink_header(msg, sizeof(*rtm));
	struct answer *a = ctx;

	if (msg->nlmsg_type != RTM_NEWROUTE || !rtm || !is_default(rtm, a->family))
		return 0;
	return add_interfaces(a, nm_attrs_of(msg, sizeof(*rtm)), err);
}

int nm_route_each_default(struct nm_netlink *nl, enum nm_family family,
	int (*found)(void *ctx, unsigned ifindex, struct nm_err *err), void *ctx, struct nm_err *err)
{
	const struct rtmsg wanted = {.rtm_family = nm_addr_family_to_af(family)};
	NM_CLEANUP(answer_done) struct answer a = {.family = family};

	if (dump(nl, &wanted, on_any_default, &a, err) < 0)
		return nm_wrap(err, "reading default routes");
	for (size_t i = 0; i < a.n; i++)
		if (found(ctx, a.v[i], err) < 0)
			return -1;
	return 0;
}

static int on_ra_route(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct rtmsg *rtm = nm_netlink_header(msg, sizeof(*rtm));

	if (msg->nlmsg_type != RTM_NEWROUTE || !rtm || rtm->rtm_protocol != RTPROT_RA)
		return 0;
	return add_interfaces(ctx, nm_attrs_of(msg, sizeof(*rtm)), err);
}

int nm_route_ra_interfaces(struct nm_netlink *nl,
	int (*found)(void *ctx, const char *interface, struct nm_err *err), void *ctx, struct nm_err *err)
{
	const struct rtmsg wanted = {.rtm_family = AF_INET6, .rtm_protocol = RTPROT_RA};
	NM_CLEANUP(answer_done) struct answer a = {.n = 0};
	struct nm_rtnl_link link;

	if (dump(nl, &wanted, on_ra_route, &a, err) < 0)
		return nm_wrap(err, "reading routes from router advertisements");
	for (size_t i = 0; i < a.n; i++) {
		if (nm_rtnl_get_link(nl, a.v[i], NULL, &link, err) < 0)
			return -1;
		if (link.found && found(ctx, link.name, err) < 0)
			return -1;
	}
	return 0;
}

struct overlap {
	const struct nm_prefix *network;
	unsigned except;
	struct nm_prefix *ret;
	bool found;
};

static bool leads_somewhere(const struct rtmsg *rtm)
{
	return rtm->rtm_type != RTN_UNREACHABLE && rtm->rtm_type != RTN_BLACKHOLE &&
		rtm->rtm_type != RTN_PROHIBIT && rtm->rtm_type != RTN_THROW;
}

static int on_overlap(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct rtmsg *rtm = nm_netlink_header(msg, sizeof(*rtm));
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(*rtm));
	struct overlap *o = ctx;
	struct nm_prefix p = {.len = 0};
	enum nm_family family;
	unsigned through = 0;

	(void)err; /* never fails */
	(void)nm_attrs_get(attrs, RTA_OIF, &through, sizeof(through));
	if (msg->nlmsg_type != RTM_NEWROUTE || !rtm || !rtm->rtm_dst_len ||
		(through && through == o->except) || !leads_somewhere(rtm) ||
		!nm_addr_family_of_af(rtm->rtm_family, &family) ||
		!nm_attrs_addr(attrs, RTA_DST, family, &p.addr))
		return 0;
	p.len = rtm->rtm_dst_len;
	if (!nm_prefix_has(&p, &o->network->addr) && !nm_prefix_has(o->network, &p.addr))
		return 0;
	*o->ret = p;
	o->found = true;
	return 1;
}

static void on_overlap_restart(void *ctx)
{
	((struct overlap *)ctx)->found = false;
}

int nm_route_find_overlap(struct nm_netlink *nl, const struct nm_prefix *network, unsigned except,
	struct nm_prefix *ret, bool *ret_found, struct nm_err *err)
{
	struct overlap o = {.network = network, .except = except, .ret = ret};
	const struct nm_netlink_handler handler = {
		.reply = on_overlap, .restart = on_overlap_restart, .tolerate = NO_TABLE, .ctx = &o};
	struct nm_netlink_request r;
	struct rtmsg *rtm;

	nm_netlink_request_init(&r);
	rtm = nm_netlink_request_begin(&r, RTM_GETROUTE, NLM_F_DUMP, sizeof(*rtm));
	rtm->rtm_family = nm_addr_family_to_af(network->addr.family);
	if (nm_netlink_talk(nl, &r, &handler, err) < 0)
		return nm_wrap(err, "reading routes");
	*ret_found = o.found;
	return 0;
}
