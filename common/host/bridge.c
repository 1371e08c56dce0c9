/* Bridge ports of the network namespace of an rtnetlink socket. */
#include "host/bridge.h"

#include <netinet/in.h> /* first: with musl, what it defines is then left out of the kernel's headers */

#include <string.h>
#include <sys/socket.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "host/rtnl.h"

static struct nm_bridge_port bridge_port_of(const struct nm_rtnl_link *link)
{
	struct nm_bridge_port port = {.found = link->found && link->bridge_port};

	if (port.found) {
		port.hairpin = link->hairpin;
		memcpy(port.interface, link->name, sizeof(port.interface));
	}
	return port;
}

int nm_bridge_port_of_veth(struct nm_netlink *nl, unsigned ifindex, unsigned peer_ifindex,
	struct nm_bridge_port *ret, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if (nm_rtnl_get_link(nl, ifindex, NULL, &link, err) < 0)
		return -1;
	if (!link.peer_elsewhere || link.peer_ifindex != peer_ifindex)
		link.found = false;
	*ret = bridge_port_of(&link);
	return 0;
}

int nm_bridge_port_by_name(
	struct nm_netlink *nl, const char *interface, struct nm_bridge_port *ret, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if (nm_rtnl_get_link(nl, 0, interface, &link, err) < 0)
		return -1;
	*ret = bridge_port_of(&link);
	return 0;
}

int nm_bridge_set_hairpin(struct nm_netlink *nl, const char *interface, bool on, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.reply = NULL};
	const uint8_t mode = on;
	struct nm_netlink_request r;
	struct nm_rtnl_link link;
	struct nlattr *protinfo;
	struct ifinfomsg *ifi;

	if (nm_rtnl_get_link(nl, 0, interface, &link, err) < 0)
		return -1;
	if (!link.bridge_port || link.hairpin == on)
		return 0;
	nm_netlink_request_init(&r);
	ifi = nm_netlink_request_begin(&r, RTM_SETLINK, NLM_F_ACK, sizeof(*ifi));
	ifi->ifi_family = AF_BRIDGE;
	ifi->ifi_index = (int)link.ifindex;
	protinfo = nm_netlink_request_nest(&r, IFLA_PROTINFO | NLA_F_NESTED);
	nm_netlink_request_put(&r, IFLA_BRPORT_MODE, &mode, sizeof(mode));
	nm_netlink_request_nest_end(&r, protinfo);
	if (nm_netlink_talk(nl, &r, &handler, err) < 0)
		return nm_wrap(err, "setting hairpin mode of '%s' to %s", interface, on ? "on" : "off");
	return 0;
}
