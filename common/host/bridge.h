/* Bridge ports on the host's side of containers, and their hairpin mode (bridge(8)). */
#ifndef NM_HOST_BRIDGE_H
#define NM_HOST_BRIDGE_H

#include <net/if.h>

#include "host/netlink.h"

struct nm_bridge_port {
	bool found;
	char interface[IF_NAMESIZE];
	bool hairpin; /* IFLA_BRPORT_MODE */
};

/* Finds the port at the host's end of a veth pair: interface ifindex, whose peer in the container has
 * peer_ifindex. found == false when it is no such veth or not a port of a bridge. */
int nm_bridge_port_of_veth(struct nm_netlink *nl, unsigned ifindex, unsigned peer_ifindex,
	struct nm_bridge_port *ret, struct nm_err *err) NM_MUST_USE;

/* Finds the port with this interface name. found == false when there is no such interface or it is not a port
 * of a bridge. */
int nm_bridge_port_by_name(struct nm_netlink *nl, const char *interface, struct nm_bridge_port *ret,
	struct nm_err *err) NM_MUST_USE;

/* Sets the hairpin mode of the port with this interface name. Without such a port nothing is done. */
int nm_bridge_set_hairpin(
	struct nm_netlink *nl, const char *interface, bool on, struct nm_err *err) NM_MUST_USE;

#endif
