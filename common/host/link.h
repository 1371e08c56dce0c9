/* The host's side of a container's network, through rtnetlink: the route to it, its bridge port. */
#ifndef NM_HOST_LINK_H
#define NM_HOST_LINK_H

#include <net/if.h>

#include "base/addr.h"

/* An rtnetlink socket of the caller's network namespace. */
struct nm_link;
int nm_link_open(struct nm_link **ret, struct nm_err *err) NM_MUST_USE;
void nm_link_close(struct nm_link *l); /* accepts NULL */

static inline void nm_cleanup_link(struct nm_link **l)
{
	nm_link_close(*l);
	*l = NULL;
}
#define nm_autolink NM_CLEANUP(nm_cleanup_link)

struct nm_route {
	bool found;
	bool local;                  /* the address is the host's own (RTN_LOCAL) */
	bool broadcast;              /* RTN_BROADCAST, RTN_ANYCAST or RTN_MULTICAST */
	uint8_t prefix_len;          /* of the matching route, RTM_F_FIB_MATCH */
	char interface[IF_NAMESIZE]; /* packets leave through it; "" for a route without (unreachable,
					multipath) */
};

/* Looks up the route to address. No route is found == false, not an error. */
int nm_link_route(struct nm_link *l, const struct nm_addr *address, struct nm_route *ret,
	struct nm_err *err) NM_MUST_USE;

struct nm_bridge_port {
	bool found;
	unsigned ifindex;
	char interface[IF_NAMESIZE];
	bool hairpin; /* IFLA_BRPORT_MODE */
};

/* The bridge port behind the host's link ifindex, if that link is the veth whose peer has ifindex
 * peer_ifindex (its IFLA_LINK) and is a port of a bridge; else found == false. */
int nm_link_bridge_port(struct nm_link *l, unsigned ifindex, unsigned peer_ifindex,
	struct nm_bridge_port *ret, struct nm_err *err) NM_MUST_USE;

/* The port with this interface name; found == false when there is none or it is no bridge port. */
int nm_link_bridge_port_by_name(
	struct nm_link *l, const char *interface, struct nm_bridge_port *ret, struct nm_err *err) NM_MUST_USE;

/* Sets the hairpin mode of the port (bridge(8), "hairpin"). */
int nm_link_set_hairpin(
	struct nm_link *l, const struct nm_bridge_port *port, bool on, struct nm_err *err) NM_MUST_USE;

/* Calls found(ctx, name) for each interface that has an IPv6 route learned from a router advertisement
 * (RTPROT_RA). */
int nm_link_ra_interfaces(struct nm_link *l,
	int (*found)(void *ctx, const char *interface, struct nm_err *err), void *ctx,
	struct nm_err *err) NM_MUST_USE;

#endif
