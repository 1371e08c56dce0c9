/*
 * What makes, changes and deletes interfaces, their addresses and routes: each function adds a message to a
 * request of an rtnetlink(7) socket, so that several go in one datagram. The kernel acknowledges each, and
 * does the later ones also when it has refused an earlier one.
 */
#ifndef NM_NETWORK_LINK_H
#define NM_NETWORK_LINK_H

#include <net/if.h>

#include "base/prefix.h"
#include "host/netlink.h"

#define NM_LINK_MAC_SIZE 6

/* A bridge that does not exist yet, or a veth pair. All is borrowed. */
struct nm_link_new {
	const char *name;
	const uint8_t *mac; /* NM_LINK_MAC_SIZE bytes; NULL: the kernel chooses */
	unsigned mtu;       /* 0: the kernel's default */
};

/* Make it, down, and without its alias, which the kernel takes for interfaces that exist. EEXIST: there is an
 * interface of its name, in the namespace where it is to be. The port becomes one of the bridge with this
 * number, and its peer is put into the network namespace netns, a file descriptor: the interface of that name
 * is in no other namespace at any time. */
void nm_link_make_bridge(struct nm_netlink_request *r, const struct nm_link_new *bridge);
void nm_link_make_pair(struct nm_netlink_request *r, const struct nm_link_new *port, unsigned bridge,
	const struct nm_link_new *peer, int netns);

/* Makes the interface, by name, a port of the bridge; it is to be one already where its modes are to be set.
 */
void nm_link_set_master(struct nm_netlink_request *r, const char *name, unsigned bridge);
/* Sets a port of a bridge, by name, up and into these modes (bridge(8)). */
struct nm_link_port {
	const char *name, *alias;
	bool hairpin, isolated;
	bool has_ipv6; /* the kernel has IPv6, of which the port then gets no address of its own */
};
void nm_link_set_port(struct nm_netlink_request *r, const struct nm_link_port *port);

/* By its name. */
void nm_link_set_alias(struct nm_netlink_request *r, const char *name, const char *alias);

/* By its name. */
void nm_link_set_up(struct nm_netlink_request *r, const char *name);

/* Sets it down, gives it another name and puts it into a group of interfaces (ip-link(8)). */
void nm_link_set_aside(struct nm_netlink_request *r, unsigned ifindex, const char *name, unsigned group);

/* Asks for the interface: the answer is one RTM_NEWLINK. */
void nm_link_ask(struct nm_netlink_request *r, const char *name);

/* The kernel removes what depends on it, too: a veth's peer, addresses, routes. Waits for some grace periods
 * of RCU, 10 to 50 ms. */
void nm_link_delete(struct nm_netlink_request *r, unsigned ifindex);

/* All interfaces of the group, which is not 0, in the time of one. ENODEV: there is none. */
void nm_link_delete_group(struct nm_netlink_request *r, unsigned group);

/* The address with its network's length, without duplicate address detection. EEXIST: it is there. */
void nm_link_add_address(struct nm_netlink_request *r, unsigned ifindex, const struct nm_prefix *address);
void nm_link_delete_address(struct nm_netlink_request *r, unsigned ifindex, const struct nm_prefix *address);

/* A default route. EEXIST: there is one. */
void nm_link_add_default_route(struct nm_netlink_request *r, unsigned ifindex, const struct nm_addr *gateway);

#endif
