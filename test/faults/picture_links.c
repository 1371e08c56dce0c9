/* rtnetlink: interfaces with all settings of theirs below /proc/sys/net/ipv[46]/conf, addresses, routes. What
 * changes by itself, as a carrier does, is left out. */
#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "picture.h"

enum { LINKS_MAX = 64, TEXT = 2048 };

struct view {
	struct picture *picture;
	const struct picture_ns *ns;
	size_t from;
	struct {
		int index;
		char name[IF_NAMESIZE];
	} links[LINKS_MAX];
	size_t n_links;
	char text[TEXT];
};

static const char *name_of(const struct view *view, int index)
{
	for (size_t i = 0; i < view->n_links; i++)
		if (view->links[i].index == index)
			return view->links[i].name;
	return index ? "?" : "-";
}

static int int_in(const struct nlattr *attr)
{
	int number = 0;

	if (attr)
		memcpy(&number, picture_data(attr), sizeof(number));
	return number;
}

static void write_text(struct view *view, const char *before, long value)
{
	size_t used = strlen(view->text);

	snprintf(view->text + used, sizeof(view->text) - used, "%s%ld", before, value);
}

/* The switches among them, of one byte each, but for these. */
static void write_switches(struct view *view, const char *what, const struct nlattr *nest, uint64_t but)
{
	const struct nlattr *of[64];

	if (!nest)
		return;
	picture_attrs(picture_data(nest), picture_len(nest), of, 64);
	for (unsigned i = 0; i < 64; i++)
		if (of[i] && picture_len(of[i]) == 1 && !(but >> i & 1)) {
			write_text(view, what, i);
			write_text(view, ":", *(const unsigned char *)picture_data(of[i]));
		}
}

/* Both are arrays of numbers. */
static void write_numbers(struct view *view, const char *what, const struct nlattr *nest, unsigned type)
{
	const struct nlattr *of[8];

	picture_attrs(nest ? picture_data(nest) : NULL, picture_len(nest), of, 8);
	for (size_t i = 0; i < picture_len(of[type]) / sizeof(int); i++)
		write_text(view, i == 0 ? what : ",", ((const int *)picture_data(of[type]))[i]);
}

static void write_settings(struct view *view, const struct nlattr *spec)
{
	const struct nlattr *of[AF_INET6 + 1];

	picture_attrs(spec ? picture_data(spec) : NULL, picture_len(spec), of, AF_INET6 + 1);
	write_numbers(view, " ipv4 ", of[AF_INET], IFLA_INET_CONF);
	write_numbers(view, " ipv6 ", of[AF_INET6], IFLA_INET6_CONF);
}

static void write_info(struct view *view, const struct nlattr *info)
{
	const uint64_t of_carrier = 1ull << IFLA_BRPORT_STATE | 1ull << IFLA_BRPORT_TOPOLOGY_CHANGE_ACK |
		1ull << IFLA_BRPORT_CONFIG_PENDING | 1ull << IFLA_BRPORT_MULTICAST_ROUTER;
	const uint64_t of_time = 1ull << IFLA_BR_TOPOLOGY_CHANGE | 1ull << IFLA_BR_TOPOLOGY_CHANGE_DETECTED;
	const struct nlattr *of[IFLA_INFO_MAX + 1];

	if (!info)
		return;
	picture_attrs(picture_data(info), picture_len(info), of, IFLA_INFO_MAX + 1);
	if (!strcmp(picture_text(of[IFLA_INFO_KIND]), "bridge"))
		write_switches(view, " bridge", of[IFLA_INFO_DATA], of_time);
	write_switches(view, " port", of[IFLA_INFO_SLAVE_DATA], of_carrier);
}

static void keep_name(void *ctx, const struct nlmsghdr *message)
{
	const struct ifinfomsg *link = NLMSG_DATA(message);
	const struct nlattr *of[IFLA_MAX + 1];
	struct view *view = ctx;

	picture_attrs_of(message, sizeof(*link), of, IFLA_MAX + 1);
	if (view->n_links == LINKS_MAX)
		return;
	view->links[view->n_links].index = link->ifi_index;
	snprintf(view->links[view->n_links++].name, IF_NAMESIZE, "%s", picture_text(of[IFLA_IFNAME]));
}

/* Of a container: it is up from the first attempt on, which harms nobody. */
static int is_loopback(const struct view *view, int index)
{
	return strcmp(view->ns->name, "host") != 0 && !strcmp(name_of(view, index), "lo");
}

static void keep_link(void *ctx, const struct nlmsghdr *message)
{
	const struct ifinfomsg *link = NLMSG_DATA(message);
	const struct nlattr *of[IFLA_MAX + 1];
	const unsigned char *mac;
	struct view *view = ctx;
	int has_mac;

	if (is_loopback(view, link->ifi_index))
		return;
	picture_attrs_of(message, sizeof(*link), of, IFLA_MAX + 1);
	has_mac =
		picture_len(of[IFLA_ADDRESS]) == 6 && !of[IFLA_MASTER]; /* a port's is the kernel's choice */
	view->text[0] = '\0';
	write_text(view, " mtu ", int_in(of[IFLA_MTU]));
	write_text(view, " up ", link->ifi_flags & IFF_UP);
	write_info(view, of[IFLA_LINKINFO]);
	write_settings(view, of[IFLA_AF_SPEC]);
	mac = has_mac ? picture_data(of[IFLA_ADDRESS]) : (const void *)"\0\0\0\0\0\0";
	picture_add(view->picture, "link %s %s on %s %02x:%02x:%02x:%02x:%02x:%02x '%s'%s", view->ns->name,
		picture_text(of[IFLA_IFNAME]), name_of(view, int_in(of[IFLA_MASTER])), mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5], picture_text(of[IFLA_IFALIAS]), view->text);
}

static const char *address_in(int family, const struct nlattr *attr, char buf[static INET6_ADDRSTRLEN])
{
	return attr ? inet_ntop(family, picture_data(attr), buf, INET6_ADDRSTRLEN) : "-";
}

static void keep_address(void *ctx, const struct nlmsghdr *message)
{
	const struct ifaddrmsg *address = NLMSG_DATA(message);
	const struct nlattr *of[IFA_MAX + 1];
	struct view *view = ctx;
	char text[INET6_ADDRSTRLEN];

	if (address->ifa_scope == RT_SCOPE_LINK ||
		is_loopback(view, (int)address->ifa_index)) /* the kernel's own, when there is a carrier */
		return;
	picture_attrs_of(message, sizeof(*address), of, IFA_MAX + 1);
	address_in(address->ifa_family, of[IFA_LOCAL] ? of[IFA_LOCAL] : of[IFA_ADDRESS], text);
	picture_add(view->picture, "address %s %s %s/%u", view->ns->name,
		name_of(view, (int)address->ifa_index), text, address->ifa_prefixlen);
}

static void keep_route(void *ctx, const struct nlmsghdr *message)
{
	const struct rtmsg *route = NLMSG_DATA(message);
	const struct nlattr *of[RTA_MAX + 1];
	struct view *view = ctx;
	char to[INET6_ADDRSTRLEN], via[INET6_ADDRSTRLEN];

	picture_attrs_of(message, sizeof(*route), of, RTA_MAX + 1);
	if (route->rtm_protocol == RTPROT_KERNEL || route->rtm_flags & RTM_F_CLONED ||
		route->rtm_table != RT_TABLE_MAIN)
		return;
	picture_add(view->picture, "route %s %u %s/%u via %s dev %s type %u", view->ns->name,
		route->rtm_family, address_in(route->rtm_family, of[RTA_DST], to), route->rtm_dst_len,
		address_in(route->rtm_family, of[RTA_GATEWAY], via), name_of(view, int_in(of[RTA_OIF])),
		route->rtm_type);
}

static void restart(void *ctx)
{
	struct view *view = ctx;

	while (view->picture->n > view->from)
		free(view->picture->line[--view->picture->n]);
}

static void restart_names(void *ctx)
{
	((struct view *)ctx)->n_links = 0;
}

static void look(struct view *view, unsigned type, void (*keep)(void *, const struct nlmsghdr *))
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg of; /* the longest that begins a request of these */
	} request = {.head = {.nlmsg_len = sizeof(request),
			     .nlmsg_type = (uint16_t)type,
			     .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};

	view->from = view->picture->n;
	picture_dump(view->ns->rtnl, &request.head, keep, keep == keep_name ? restart_names : restart, view);
}

void picture_add_links(struct picture *p, const struct picture_ns *ns)
{
	struct view view = {.picture = p, .ns = ns};

	look(&view, RTM_GETLINK, keep_name);
	look(&view, RTM_GETLINK, keep_link);
	look(&view, RTM_GETADDR, keep_address);
	look(&view, RTM_GETROUTE, keep_route);
}
