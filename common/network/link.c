#include "network/link.h"

#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

enum { MAKE = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL };

static struct ifinfomsg *begin(struct nm_netlink_request *r, uint16_t type, uint16_t flags, unsigned ifindex)
{
	struct ifinfomsg *ifi = nm_netlink_request_begin(r, type, flags, sizeof(*ifi));

	ifi->ifi_index = (int)ifindex;
	return ifi;
}

static void put_string(struct nm_netlink_request *r, uint16_t type, const char *text)
{
	nm_netlink_request_put(r, type, text, strlen(text) + 1);
}

static void put_u32(struct nm_netlink_request *r, uint16_t type, uint32_t value)
{
	nm_netlink_request_put(r, type, &value, sizeof(value));
}

static void put_u8(struct nm_netlink_request *r, uint16_t type, uint8_t value)
{
	nm_netlink_request_put(r, type, &value, sizeof(value));
}

/* By default an end has a queue for each processor that the machine may have, which takes 30 us each to make;
 * without XDP nothing spreads over them. */
static void put_queues(struct nm_netlink_request *r)
{
	put_u32(r, IFLA_NUM_TX_QUEUES, 1);
	put_u32(r, IFLA_NUM_RX_QUEUES, 1);
}

static void put_new(struct nm_netlink_request *r, const struct nm_link_new *link)
{
	put_string(r, IFLA_IFNAME, link->name);
	if (link->mac)
		nm_netlink_request_put(r, IFLA_ADDRESS, link->mac, NM_LINK_MAC_SIZE);
	if (link->mtu)
		put_u32(r, IFLA_MTU, link->mtu);
}

void nm_link_make_bridge(struct nm_netlink_request *r, const struct nm_link_new *bridge)
{
	struct nlattr *info;

	(void)begin(r, RTM_NEWLINK, MAKE, 0);
	put_new(r, bridge);
	info = nm_netlink_request_nest(r, IFLA_LINKINFO);
	put_string(r, IFLA_INFO_KIND, "bridge");
	nm_netlink_request_nest_end(r, info);
}

void nm_link_make_pair(struct nm_netlink_request *r, const struct nm_link_new *port, unsigned bridge,
	const struct nm_link_new *peer, int netns)
{
	const struct ifinfomsg header = {.ifi_family = AF_UNSPEC};
	struct nlattr *info, *data, *inner;

	(void)begin(r, RTM_NEWLINK, MAKE, 0);
	put_new(r, port);
	put_queues(r);
	put_u32(r, IFLA_MASTER, bridge);
	info = nm_netlink_request_nest(r, IFLA_LINKINFO);
	put_string(r, IFLA_INFO_KIND, "veth");
	data = nm_netlink_request_nest(r, IFLA_INFO_DATA);
	inner = nm_netlink_request_nest(r, VETH_INFO_PEER);
	nm_netlink_request_put_raw(r, &header, sizeof(header));
	put_new(r, peer);
	put_queues(r);
	put_u32(r, IFLA_NET_NS_FD, (uint32_t)netns);
	nm_netlink_request_nest_end(r, inner);
	nm_netlink_request_nest_end(r, data);
	nm_netlink_request_nest_end(r, info);
}

void nm_link_set_master(struct nm_netlink_request *r, const char *name, unsigned bridge)
{
	(void)begin(r, RTM_SETLINK, NLM_F_ACK, 0);
	put_string(r, IFLA_IFNAME, name);
	put_u32(r, IFLA_MASTER, bridge);
}

/* No link-local one either. */
static void put_no_address(struct nm_netlink_request *r)
{
	struct nlattr *families = nm_netlink_request_nest(r, IFLA_AF_SPEC),
		      *ipv6 = nm_netlink_request_nest(r, AF_INET6);

	put_u8(r, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nm_netlink_request_nest_end(r, ipv6);
	nm_netlink_request_nest_end(r, families);
}

/* A message that makes nothing is one for the interface that is there; only such a one may set the modes of a
 * port. */
void nm_link_set_port(struct nm_netlink_request *r, const struct nm_link_port *port)
{
	struct ifinfomsg *ifi = begin(r, RTM_NEWLINK, NLM_F_ACK, 0);
	struct nlattr *nest, *inner;

	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	put_string(r, IFLA_IFNAME, port->name);
	put_string(r, IFLA_IFALIAS, port->alias);
	if (port->has_ipv6)
		put_no_address(r);
	nest = nm_netlink_request_nest(r, IFLA_LINKINFO);
	put_string(r, IFLA_INFO_SLAVE_KIND, "bridge");
	inner = nm_netlink_request_nest(r, IFLA_INFO_SLAVE_DATA);
	put_u8(r, IFLA_BRPORT_MODE, port->hairpin);
	put_u8(r, IFLA_BRPORT_ISOLATED, port->isolated);
	nm_netlink_request_nest_end(r, inner);
	nm_netlink_request_nest_end(r, nest);
}

void nm_link_set_alias(struct nm_netlink_request *r, const char *name, const char *alias)
{
	(void)begin(r, RTM_SETLINK, NLM_F_ACK, 0);
	put_string(r, IFLA_IFNAME, name);
	put_string(r, IFLA_IFALIAS, alias);
}

void nm_link_set_up(struct nm_netlink_request *r, const char *name)
{
	struct ifinfomsg *ifi = begin(r, RTM_SETLINK, NLM_F_ACK, 0);

	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	put_string(r, IFLA_IFNAME, name);
}

void nm_link_set_aside(struct nm_netlink_request *r, unsigned ifindex, const char *name, unsigned group)
{
	struct ifinfomsg *ifi = begin(r, RTM_SETLINK, NLM_F_ACK, ifindex);

	ifi->ifi_change = IFF_UP;
	ifi = begin(r, RTM_SETLINK, NLM_F_ACK, ifindex);
	put_string(r, IFLA_IFNAME, name);
	put_u32(r, IFLA_GROUP, group);
}

void nm_link_ask(struct nm_netlink_request *r, const char *name)
{
	(void)begin(r, RTM_GETLINK, NLM_F_ACK, 0);
	put_string(r, IFLA_IFNAME, name);
	put_u32(r, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

void nm_link_delete(struct nm_netlink_request *r, unsigned ifindex)
{
	(void)begin(r, RTM_DELLINK, NLM_F_ACK, ifindex);
}

void nm_link_delete_group(struct nm_netlink_request *r, unsigned group)
{
	(void)begin(r, RTM_DELLINK, NLM_F_ACK, 0);
	put_u32(r, IFLA_GROUP, group);
}

static void put_address(struct nm_netlink_request *r, uint16_t type, uint16_t flags, unsigned ifindex,
	const struct nm_prefix *address)
{
	struct ifaddrmsg *ifa = nm_netlink_request_begin(r, type, flags, sizeof(*ifa));
	size_t size = nm_addr_size(address->addr.family);

	ifa->ifa_family = nm_addr_family_to_af(address->addr.family);
	ifa->ifa_prefixlen = address->len;
	ifa->ifa_index = ifindex;
	if (address->addr.family == NM_IPV6)
		ifa->ifa_flags = IFA_F_NODAD;
	nm_netlink_request_put(r, IFA_LOCAL, address->addr.bytes, size);
	nm_netlink_request_put(r, IFA_ADDRESS, address->addr.bytes, size);
}

/* As ip(8) does it, with the broadcast address of the network. */
void nm_link_add_address(struct nm_netlink_request *r, unsigned ifindex, const struct nm_prefix *address)
{
	struct nm_prefix last = nm_prefix_last(address);

	put_address(r, RTM_NEWADDR, MAKE, ifindex, address);
	if (last.addr.family == NM_IPV4)
		nm_netlink_request_put(r, IFA_BROADCAST, last.addr.bytes, nm_addr_size(NM_IPV4));
}

void nm_link_delete_address(struct nm_netlink_request *r, unsigned ifindex, const struct nm_prefix *address)
{
	put_address(r, RTM_DELADDR, NLM_F_ACK, ifindex, address);
}

void nm_link_add_default_route(struct nm_netlink_request *r, unsigned ifindex, const struct nm_addr *gateway)
{
	struct rtmsg *rtm = nm_netlink_request_begin(r, RTM_NEWROUTE, MAKE, sizeof(*rtm));

	rtm->rtm_family = nm_addr_family_to_af(gateway->family);
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	nm_netlink_request_put(r, RTA_GATEWAY, gateway->bytes, nm_addr_size(gateway->family));
	put_u32(r, RTA_OIF, ifindex);
}
