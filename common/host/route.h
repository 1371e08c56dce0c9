/* Routes of the network namespace of an rtnetlink(7) socket. */
#ifndef NM_HOST_ROUTE_H
#define NM_HOST_ROUTE_H

#include <net/if.h>

#include "base/addr.h"
#include "host/netlink.h"
#include "host/rtnl.h"

struct nm_route {
	bool found;                  /* packets to the address leave through an interface */
	bool local;                  /* the address is the host's own (RTN_LOCAL) */
	bool broadcast;              /* RTN_BROADCAST, RTN_ANYCAST or RTN_MULTICAST */
	uint8_t prefix_len;          /* of the matching route, RTM_F_FIB_MATCH */
	char interface[IF_NAMESIZE]; /* that interface; "": the route has nexthops on several */
	unsigned ifindex;            /* its number; 0: likewise */
	struct nm_rtnl_link out;     /* that interface, of several the first; found == false: gone */
};

/* Looks up the route to address. A route that is missing or leads nowhere is found == false, not an error. */
int nm_route_lookup(struct nm_netlink *nl, const struct nm_addr *address, struct nm_route *ret,
	struct nm_err *err) NM_MUST_USE;

/* Whether the kernel, by all its tables and rules of routing, would refuse an IPv4 packet from source to
 * destination that comes in by this interface, because of its source address. False also when it does not
 * say. */
bool nm_route_is_refused(struct nm_netlink *nl, const struct nm_addr *source,
	const struct nm_addr *destination, unsigned ifindex);

/* Sets *ret to the network of a route, in whichever table, that leads somewhere, but not through the
 * interface except (0: none), and has addresses of this one; of default routes none. */
int nm_route_find_overlap(struct nm_netlink *nl, const struct nm_prefix *network, unsigned except,
	struct nm_prefix *ret, bool *ret_found, struct nm_err *err) NM_MUST_USE;

/* Interface of the default route in the main table, the one with the lowest metric; of several nexthops the
 * first that is not dead. 0: there is none. */
int nm_route_default(
	struct nm_netlink *nl, enum nm_family family, unsigned *ret, struct nm_err *err) NM_MUST_USE;

/* The same for each interface that a default route of the family leads through, in whichever table. Calls
 * found(ctx, index), which returns -1 with *err to end. */
int nm_route_each_default(struct nm_netlink *nl, enum nm_family family,
	int (*found)(void *ctx, unsigned ifindex, struct nm_err *err), void *ctx,
	struct nm_err *err) NM_MUST_USE;

/* Calls found(ctx, name) for each interface that an IPv6 route learned from a router advertisement
 * (RTPROT_RA) leads through. */
int nm_route_ra_interfaces(struct nm_netlink *nl,
	int (*found)(void *ctx, const char *interface, struct nm_err *err), void *ctx,
	struct nm_err *err) NM_MUST_USE;

#endif
