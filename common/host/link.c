/*
 * The host's side of a container's network. Everything here is asked and set by rtnetlink, in the namespace
 * of the socket; nothing is created or removed but the hairpin mode of a bridge port.
 */
#include "host/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "host/rtnl.h"

struct nm_link {
	struct nm_netlink nl;
};

int nm_link_open(struct nm_link **ret, struct nm_err *err)
{
	nm_autolink struct nm_link *l = malloc(sizeof(*l));

	if (!l)
		return nm_fail_errno(err, ENOMEM, "opening rtnetlink socket");
	l->nl.fd = -1;
	if (nm_netlink_open(NETLINK_ROUTE, &l->nl, err) < 0)
		return -1;
	*ret = nm_steal(&l);
	return 0;
}

void nm_link_close(struct nm_link *l)
{
	if (!l)
		return;
	nm_netlink_close(&l->nl);
	free(l);
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
		look->ifindex = nm_rtnl_route_ifindex(nm_attrs_of(msg, sizeof(*rtm)));
	return 0;
}

/* What IPv4 says instead of showing the route: none; unreachable, prohibit, blackhole; a family without. */
static bool is_no_route(int error_number)
{
	return error_number == ENETUNREACH || error_number == EHOSTUNREACH || error_number == EACCES ||
		error_number == EINVAL || error_number == EOPNOTSUPP || error_number == EAFNOSUPPORT;
}

int nm_link_route(struct nm_link *l, const struct nm_addr *address, struct nm_route *ret, struct nm_err *err)
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
	if (nm_netlink_talk(&l->nl, &r, &sink, err) < 0 ||
		nm_rtnl_get_link(&l->nl, look.ifindex, NULL, &link, err) < 0)
		return nm_wrap(err, "looking up the route to %s", nm_addr_print(address, text));
	if (link.found)
		memcpy(look.route.interface, link.name, sizeof(look.route.interface));
	*ret = look.route;
	return 0;
}

static struct nm_bridge_port bridge_port_of(const struct nm_rtnl_link *link)
{
	struct nm_bridge_port port = {.found = link->found && link->bridge_port};

	if (port.found) {
		port.ifindex = link->ifindex;
		port.hairpin = link->hairpin;
		memcpy(port.interface, link->name, sizeof(port.interface));
	}
	return port;
}

int nm_link_bridge_port(struct nm_link *l, unsigned ifindex, unsigned peer_ifindex,
	struct nm_bridge_port *ret, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if (nm_rtnl_get_link(&l->nl, ifindex, NULL, &link, err) < 0)
		return -1;
	if (!link.peer_elsewhere || link.peer_ifindex != peer_ifindex)
		link.found = false;
	*ret = bridge_port_of(&link);
	return 0;
}

int nm_link_bridge_port_by_name(
	struct nm_link *l, const char *interface, struct nm_bridge_port *ret, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if (nm_rtnl_get_link(&l->nl, 0, interface, &link, err) < 0)
		return -1;
	*ret = bridge_port_of(&link);
	return 0;
}

int nm_link_set_hairpin(struct nm_link *l, const struct nm_bridge_port *port, bool on, struct nm_err *err)
{
	const struct nm_netlink_handler sink = {.reply = NULL};
	const uint8_t mode = on;
	struct nlattr *protinfo;
	struct ifinfomsg *ifi;
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	ifi = nm_netlink_request_begin(&r, RTM_SETLINK, NLM_F_ACK, sizeof(*ifi));
	ifi->ifi_family = AF_BRIDGE;
	ifi->ifi_index = (int)port->ifindex;
	protinfo = nm_netlink_request_nest(&r, IFLA_PROTINFO | NLA_F_NESTED);
	nm_netlink_request_put(&r, IFLA_BRPORT_MODE, &mode, sizeof(mode));
	nm_netlink_request_nest_end(&r, protinfo);
	if (nm_netlink_talk(&l->nl, &r, &sink, err) < 0)
		return nm_wrap(err, "setting hairpin mode of '%s' to %s", port->interface, on ? "on" : "off");
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
	ifindex = nm_rtnl_route_ifindex(nm_attrs_of(msg, sizeof(*rtm)));
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

int nm_link_ra_interfaces(struct nm_link *l,
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
	if (nm_netlink_talk(&l->nl, &r, &sink, err) < 0)
		return nm_wrap(err, "reading routes from router advertisements");
	for (size_t i = 0; i < ra.n; i++) {
		if (nm_rtnl_get_link(&l->nl, ra.ifindex[i], NULL, &link, err) < 0)
			return -1;
		if (link.found && found(ctx, link.name, err) < 0)
			return -1;
	}
	return 0;
}
