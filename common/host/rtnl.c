/*
 * Network interfaces and their addresses, inside the container and on the host. Interfaces are read by
 * netlink only: if_nametoindex() and sysfs answer for the namespace of the process or of the mount, which may
 * differ from that of the socket.
 */
#include "host/rtnl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "base/array.h"
#include "host/attrs.h"

/* IFLA_LINK of a tunnel that was moved here from another namespace is the tunnel itself. */
static void parse_lower(struct nm_attrs attrs, struct nm_rtnl_link *ret)
{
	bool is_pair = !strcmp(ret->kind, "veth") || !strcmp(ret->kind, "netkit");

	ret->lower_netns = NM_RTNL_HERE;
	(void)nm_attrs_get(attrs, IFLA_LINK, &ret->lower, sizeof(ret->lower));
	(void)nm_attrs_get(attrs, IFLA_LINK_NETNSID, &ret->lower_netns, sizeof(ret->lower_netns));
	ret->peer_ifindex = is_pair ? ret->lower : 0;
	ret->peer_elsewhere = is_pair && ret->lower_netns != NM_RTNL_HERE;
}

/* A macvlan in another mode than bridge, or an ipvlan with a flag, sends all to the wire. */
static void parse_child(struct nm_attrs data, struct nm_rtnl_link *ret)
{
	bool is_macvlan = !strcmp(ret->kind, "macvlan") || !strcmp(ret->kind, "macvtap");
	uint32_t mode = 0;
	uint16_t flags = 0;

	ret->is_child = is_macvlan || !strcmp(ret->kind, "ipvlan") || !strcmp(ret->kind, "ipvtap");
	if (is_macvlan)
		ret->is_isolated = nm_attrs_get(data, IFLA_MACVLAN_MODE, &mode, sizeof(mode)) &&
			mode != MACVLAN_MODE_BRIDGE;
	else if (ret->is_child)
		ret->is_isolated = nm_attrs_get(data, IFLA_IPVLAN_FLAGS, &flags, sizeof(flags)) &&
			flags & (IPVLAN_F_PRIVATE | IPVLAN_F_VEPA);
}

static void parse_master(struct nm_attrs attrs, struct nm_attrs info, struct nm_rtnl_link *ret)
{
	struct nm_attrs data = nm_attrs_nested(info, IFLA_INFO_SLAVE_DATA);
	char kind[NM_RTNL_KIND_SIZE] = "";
	uint8_t mode, isolated = 0;

	(void)nm_attrs_string(info, IFLA_INFO_SLAVE_KIND, kind, sizeof(kind));
	if (strcmp(kind, "vrf") != 0)
		(void)nm_attrs_get(attrs, IFLA_MASTER, &ret->master, sizeof(ret->master));
	ret->ovs_port = !strcmp(kind, "openvswitch");
	if (!strcmp(kind, "bridge") && nm_attrs_get(data, IFLA_BRPORT_MODE, &mode, 1)) {
		(void)nm_attrs_get(data, IFLA_BRPORT_ISOLATED, &isolated, 1);
		ret->bridge_port = true;
		ret->hairpin = mode != 0;
		ret->port_isolated = isolated != 0;
	}
}

static bool parse_link(const struct nlmsghdr *msg, struct nm_rtnl_link *ret)
{
	const struct ifinfomsg *ifi = nm_netlink_header(msg, sizeof(*ifi));
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(*ifi)), info = nm_attrs_nested(attrs, IFLA_LINKINFO);

	*ret = (struct nm_rtnl_link){.found = true};
	if (msg->nlmsg_type != RTM_NEWLINK || !ifi || ifi->ifi_index <= 0 ||
		!nm_attrs_string(attrs, IFLA_IFNAME, ret->name, sizeof(ret->name)))
		return false;
	ret->ifindex = (unsigned)ifi->ifi_index;
	ret->flags = ifi->ifi_flags;
	(void)nm_attrs_get(attrs, IFLA_MTU, &ret->mtu, sizeof(ret->mtu));
	(void)nm_attrs_get(attrs, IFLA_ADDRESS, ret->mac, sizeof(ret->mac));
	(void)nm_attrs_string(attrs, IFLA_IFALIAS, ret->alias, sizeof(ret->alias));
	(void)nm_attrs_string(info, IFLA_INFO_KIND, ret->kind, sizeof(ret->kind));
	parse_lower(attrs, ret);
	parse_child(nm_attrs_nested(info, IFLA_INFO_DATA), ret);
	parse_master(attrs, info, ret);
	return true;
}

int nm_rtnl_on_link(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	return parse_link(msg, ctx) ? 0 : nm_fail(err, NM_ERR_FAILED, "unexpected reply");
}

static int on_each_link(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	struct nm_rtnl_links *all = ctx;

	if (nm_grow(all, "reading interfaces", err) < 0)
		return -1;
	all->n += parse_link(msg, &all->v[all->n]);
	return 0;
}

static void on_links_restart(void *ctx)
{
	nm_rtnl_links_done(ctx);
}

static const uint32_t no_statistics = RTEXT_FILTER_SKIP_STATS;

int nm_rtnl_get_links(struct nm_netlink *nl, struct nm_rtnl_links *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_rtnl_links_done) struct nm_rtnl_links all = {.n = 0};
	const struct nm_netlink_handler handler = {
		.reply = on_each_link, .restart = on_links_restart, .ctx = &all};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	(void)nm_netlink_request_begin(&r, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	nm_netlink_request_put(&r, IFLA_EXT_MASK, &no_statistics, sizeof(no_statistics));
	if (nm_netlink_talk(nl, &r, &handler, err) < 0)
		return nm_wrap(err, "reading interfaces");
	*ret = nm_steal(&all);
	return 0;
}

void nm_rtnl_links_done(struct nm_rtnl_links *l)
{
	free(l->v);
	*l = (struct nm_rtnl_links){0};
}

int nm_rtnl_get_link(struct nm_netlink *nl, unsigned ifindex, const char *name, struct nm_rtnl_link *ret,
	struct nm_err *err)
{
	struct nm_rtnl_link link = {.found = false};
	const struct nm_netlink_handler handler = {
		.reply = nm_rtnl_on_link, .tolerate = NM_NETLINK_ERRORS(ENODEV), .ctx = &link};
	struct nm_netlink_request r;
	struct ifinfomsg *ifi;

	if (name ? strlen(name) >= IF_NAMESIZE || !*name : ifindex == 0) {
		*ret = link;
		return 0;
	}
	nm_netlink_request_init(&r);
	ifi = nm_netlink_request_begin(&r, RTM_GETLINK, 0, sizeof(*ifi));
	if (name)
		nm_netlink_request_put(&r, IFLA_IFNAME, name, strlen(name) + 1);
	else
		ifi->ifi_index = (int)ifindex;
	nm_netlink_request_put(&r, IFLA_EXT_MASK, &no_statistics, sizeof(no_statistics));
	if (nm_netlink_talk(nl, &r, &handler, err) < 0)
		return name ? nm_wrap(err, "reading interface '%s'", name)
			    : nm_wrap(err, "reading interface number %u", ifindex);
	*ret = link;
	return 0;
}

int nm_rtnl_set_hairpin(struct nm_netlink *nl, const struct nm_rtnl_link *link, bool on, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.reply = NULL};
	const uint8_t mode = on;
	struct nm_netlink_request r;
	struct nlattr *protinfo;
	struct ifinfomsg *ifi;

	if (!link->bridge_port || link->hairpin == on)
		return 0;
	nm_netlink_request_init(&r);
	ifi = nm_netlink_request_begin(&r, RTM_SETLINK, NLM_F_ACK, sizeof(*ifi));
	ifi->ifi_family = AF_BRIDGE;
	ifi->ifi_index = (int)link->ifindex;
	protinfo = nm_netlink_request_nest(&r, IFLA_PROTINFO | NLA_F_NESTED);
	nm_netlink_request_put(&r, IFLA_BRPORT_MODE, &mode, sizeof(mode));
	nm_netlink_request_nest_end(&r, protinfo);
	if (nm_netlink_talk(nl, &r, &handler, err) < 0)
		return nm_wrap(err, "setting hairpin mode of '%s' to %s", link->name, on ? "on" : "off");
	return 0;
}

/* False for a message without a complete address. */
static bool parse_address(const struct nlmsghdr *msg, struct nm_rtnl_address *ret)
{
	const struct ifaddrmsg *ifa = nm_netlink_header(msg, sizeof(*ifa));
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(*ifa));
	struct nm_rtnl_address a = {.ifindex = 0};
	enum nm_family family;
	struct nm_addr far;
	uint32_t flags;

	if (msg->nlmsg_type != RTM_NEWADDR || !ifa || !nm_addr_family_of_af(ifa->ifa_family, &family) ||
		ifa->ifa_prefixlen > nm_addr_bits(family) || !nm_attrs_addr(attrs, IFA_ADDRESS, family, &far))
		return false;
	if (!nm_attrs_addr(attrs, IFA_LOCAL, family, &a.prefix.addr))
		a.prefix.addr = far; /* IPv6 has it only with a peer */
	if (!nm_attrs_get(attrs, IFA_FLAGS, &flags, sizeof(flags)))
		flags = ifa->ifa_flags;
	a.prefix.len = nm_addr_equal(&a.prefix.addr, &far) ? ifa->ifa_prefixlen : nm_addr_bits(family);
	a.ifindex = ifa->ifa_index;
	a.global = ifa->ifa_scope == RT_SCOPE_UNIVERSE && !(flags & IFA_F_DADFAILED);
	/* IFA_F_SECONDARY of IPv4 is IFA_F_TEMPORARY of IPv6. */
	a.flaws = (flags & IFA_F_DEPRECATED ? 4u : 0) + (flags & IFA_F_SECONDARY ? 2u : 0) +
		(flags & IFA_F_TENTATIVE ? 1u : 0);
	*ret = a;
	return true;
}

/* A dump of addresses: of the namespace with this id, or NM_RTNL_HERE. */
struct address_dump {
	int32_t netns;
	unsigned replies;
	struct nm_rtnl_addresses all;
};

/* The socket's own namespace has nl->replies_max. */
static bool is_too_many(const struct address_dump *dump)
{
	return dump->netns != NM_RTNL_HERE && dump->replies > NM_RTNL_INSIDE_MAX;
}

static void address_dump_done(struct address_dump *dump)
{
	nm_rtnl_addresses_done(&dump->all);
}

/* A kernel that does not know the question answers for the socket's own namespace. */
static bool is_of(const struct nlmsghdr *msg, int32_t netns)
{
	int32_t said = NM_RTNL_HERE;

	(void)nm_attrs_get(
		nm_attrs_of(msg, sizeof(struct ifaddrmsg)), IFA_TARGET_NETNSID, &said, sizeof(said));
	return said == netns;
}

static int on_address(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	struct address_dump *dump = ctx;
	struct nm_rtnl_address a;

	if (!is_of(msg, dump->netns))
		return nm_fail(err, NM_ERR_FAILED, "unexpected reply");
	dump->replies++;
	if (is_too_many(dump))
		return 1; /* no failure, which would keep the socket busy: others are asked by it next */
	if (!parse_address(msg, &a))
		return 0;
	if (nm_grow(&dump->all, "reading addresses", err) < 0)
		return -1;
	dump->all.v[dump->all.n++] = a;
	return 0;
}

static void on_restart(void *ctx)
{
	struct address_dump *dump = ctx;

	dump->replies = 0;
	nm_rtnl_addresses_done(&dump->all);
}

/* ifindex: 0 for those of all interfaces. */
static int dump_addresses(struct nm_netlink *nl, int32_t netns, unsigned ifindex,
	struct nm_rtnl_addresses *ret, struct nm_err *err)
{
	NM_CLEANUP(address_dump_done) struct address_dump dump = {.netns = netns};
	const struct nm_netlink_handler handler = {.reply = on_address, .restart = on_restart, .ctx = &dump};
	struct nm_netlink_request r;
	struct ifaddrmsg *ifa;

	nm_netlink_request_init(&r);
	ifa = nm_netlink_request_begin(&r, RTM_GETADDR, NLM_F_DUMP, sizeof(*ifa));
	ifa->ifa_index = ifindex;
	if (netns != NM_RTNL_HERE)
		nm_netlink_request_put(&r, IFA_TARGET_NETNSID, &netns, sizeof(netns));
	if (nm_netlink_talk(nl, &r, &handler, err) < 0)
		return nm_wrap(err, "reading addresses");
	if (is_too_many(&dump))
		return nm_fail(err, NM_ERR_REFUSED, "reading addresses: more than %d are refused",
			NM_RTNL_INSIDE_MAX);
	*ret = nm_steal(&dump.all);
	return 0;
}

int nm_rtnl_get_addresses(struct nm_netlink *nl, struct nm_rtnl_addresses *ret, struct nm_err *err)
{
	return dump_addresses(nl, NM_RTNL_HERE, 0, ret, err);
}

int nm_rtnl_get_addresses_on(
	struct nm_netlink *nl, unsigned ifindex, struct nm_rtnl_addresses *ret, struct nm_err *err)
{
	return dump_addresses(nl, NM_RTNL_HERE, ifindex, ret, err);
}

static int on_netns(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(struct rtgenmsg));

	if (msg->nlmsg_type != RTM_NEWNSID || !nm_attrs_get(attrs, NETNSA_NSID, ctx, sizeof(int32_t)))
		return nm_fail(err, NM_ERR_FAILED, "unexpected reply");
	return 0;
}

int nm_rtnl_get_netns(struct nm_netlink *nl, pid_t pid, int32_t *ret, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.reply = on_netns, .ctx = ret};
	const uint32_t number = (uint32_t)pid;
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	(void)nm_netlink_request_begin(&r, RTM_GETNSID, 0, sizeof(struct rtgenmsg));
	nm_netlink_request_put(&r, NETNSA_PID, &number, sizeof(number));
	if (nm_netlink_talk(nl, &r, &handler, err) < 0)
		return nm_wrap(err, "finding the network namespace of process %d", (int)pid);
	return 0;
}

int nm_rtnl_get_addresses_of(
	struct nm_netlink *nl, pid_t pid, struct nm_rtnl_addresses *ret, struct nm_err *err)
{
	int32_t netns;

	if (nm_rtnl_get_netns(nl, pid, &netns, err) < 0)
		return -1;
	if (netns == NM_RTNL_HERE)
		return nm_fail(err, NM_ERR_FAILED,
			"the network namespace of process %d is not known here by any interface", (int)pid);
	return dump_addresses(nl, netns, 0, ret, err) < 0
		? nm_wrap(err, "network namespace of process %d", (int)pid)
		: 0;
}

const struct nm_rtnl_address *nm_rtnl_find_address(
	const struct nm_rtnl_addresses *all, const struct nm_addr *address)
{
	for (size_t i = 0; i < all->n; i++)
		if (nm_addr_equal(&all->v[i].prefix.addr, address))
			return &all->v[i];
	return NULL;
}

void nm_rtnl_addresses_done(struct nm_rtnl_addresses *a)
{
	free(a->v);
	*a = (struct nm_rtnl_addresses){0};
}
