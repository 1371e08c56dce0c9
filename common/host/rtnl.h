/* Interfaces and addresses of the network namespace of an rtnetlink(7) socket. */
#ifndef NM_HOST_RTNL_H
#define NM_HOST_RTNL_H

#include <net/if.h>
#include <sys/types.h>

#include "base/prefix.h"
#include "host/netlink.h"

#define NM_RTNL_KIND_SIZE  16
#define NM_RTNL_ALIAS_SIZE 128
#define NM_RTNL_MAC_SIZE   6
/* Interfaces, addresses or routes of a container that are looked at. It has as many as it likes, and others
 * wait meanwhile: with more of them nothing is published, and nothing is believed to be lost. */
#define NM_RTNL_INSIDE_MAX 16384
#define NM_RTNL_HERE       (-1) /* NETNSA_NSID_NOT_ASSIGNED: no id, the socket's own network namespace */

/* A network interface. */
struct nm_rtnl_link {
	bool found;
	unsigned ifindex, flags; /* IFF_* */
	char name[IF_NAMESIZE];
	char kind[NM_RTNL_KIND_SIZE]; /* IFLA_INFO_KIND: "veth"; "" for hardware and the loopback interface */
	unsigned lower;               /* IFLA_LINK: a veth's other end, what a VLAN is on; 0: none */
	int32_t lower_netns;          /* id of the network namespace that has it; NM_RTNL_HERE */
	unsigned peer_ifindex;        /* lower of a veth or netkit, 0 otherwise */
	bool peer_elsewhere;          /* in another network namespace */
	bool is_child;                /* macvlan or ipvlan, to which lower itself does not talk */
	bool is_isolated;             /* and which does not talk to the other children either */
	unsigned master;              /* the bridge it is a port of, or the like, but no VRF; 0: none */
	bool ovs_port;                /* of Open vSwitch, which has one master for all its bridges */
	bool bridge_port, hairpin;    /* IFLA_BRPORT_MODE */
	bool port_isolated;           /* IFLA_BRPORT_ISOLATED */
	unsigned mtu;
	uint8_t mac[NM_RTNL_MAC_SIZE];  /* zeros: it has none of this size */
	char alias[NM_RTNL_ALIAS_SIZE]; /* IFLA_IFALIAS; "": none, or a longer one than natmap gives */
};

struct nm_rtnl_links {
	struct nm_rtnl_link *v; /* owned: nm_rtnl_links_done() */
	size_t n, capacity;
};

/* For struct nm_netlink_handler: reads an RTM_NEWLINK into ctx, a struct nm_rtnl_link. -1 with *err for a
 * message without an interface. */
int nm_rtnl_on_link(void *ctx, const struct nlmsghdr *msg, struct nm_err *err);

/* Looks up by index, or by name when name is not NULL. None is found == false, not an error. */
int nm_rtnl_get_link(struct nm_netlink *nl, unsigned ifindex, const char *name, struct nm_rtnl_link *ret,
	struct nm_err *err) NM_MUST_USE;

/* All interfaces. */
int nm_rtnl_get_links(struct nm_netlink *nl, struct nm_rtnl_links *ret, struct nm_err *err) NM_MUST_USE;
void nm_rtnl_links_done(struct nm_rtnl_links *l);

/* Sets the hairpin mode (bridge(8)) of the link, which is as nm_rtnl_get_link() has found it. One that is no
 * bridge port, or has this mode, stays as it is. */
int nm_rtnl_set_hairpin(
	struct nm_netlink *nl, const struct nm_rtnl_link *link, bool on, struct nm_err *err) NM_MUST_USE;

struct nm_rtnl_address {
	unsigned ifindex;
	struct nm_prefix prefix; /* /32 or /128 when the other end of the link has another address */
	bool global;             /* scope global and not a duplicate */
	unsigned flaws;          /* the lower, the better: deprecated, secondary or temporary, tentative */
};

struct nm_rtnl_addresses {
	struct nm_rtnl_address *v; /* owned: nm_rtnl_addresses_done() */
	size_t n, capacity;
};

/* All addresses of all interfaces, IPv4 and IPv6, in the kernel's order. */
int nm_rtnl_get_addresses(
	struct nm_netlink *nl, struct nm_rtnl_addresses *ret, struct nm_err *err) NM_MUST_USE;

/* The same for one interface. */
int nm_rtnl_get_addresses_on(struct nm_netlink *nl, unsigned ifindex, struct nm_rtnl_addresses *ret,
	struct nm_err *err) NM_MUST_USE;

/* Sets *ret to the id that the socket's namespace has for the network namespace of process pid;
 * NM_RTNL_HERE: none yet, since no interface led from the one to the other. */
int nm_rtnl_get_netns(struct nm_netlink *nl, pid_t pid, int32_t *ret, struct nm_err *err) NM_MUST_USE;

/* The addresses of the network namespace of process pid, which is not entered: CAP_NET_ADMIN over it is
 * enough. -1 with *err also when that has no id here. */
int nm_rtnl_get_addresses_of(
	struct nm_netlink *nl, pid_t pid, struct nm_rtnl_addresses *ret, struct nm_err *err) NM_MUST_USE;

/* The first entry with the address, borrowed; NULL: none. */
const struct nm_rtnl_address *nm_rtnl_find_address(
	const struct nm_rtnl_addresses *all, const struct nm_addr *address);

void nm_rtnl_addresses_done(struct nm_rtnl_addresses *a);

#endif
