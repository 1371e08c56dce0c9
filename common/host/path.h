/* Whether what the host sends to an address comes to the container that claims it. */
#ifndef NM_HOST_PATH_H
#define NM_HOST_PATH_H

#include "host/netns.h"
#include "host/route.h"

/* Interfaces that are read once for all routes that are tried, since there may be thousands. */
struct nm_path_links {
	struct nm_rtnl_links list; /* owned */
	bool known;
};

/* What nm_path_find() has found. Begins as zeros; passed again, with the same namespaces, it spares requests.
 */
struct nm_path {
	bool leads_in;
	struct nm_rtnl_link port; /* the other end, on the host, of the interface that leads in, or else of
				   * the one with the address; found == false: it has none there */
	struct nm_path_links inside, host;
};

void nm_path_done(struct nm_path *path);

/*
 * Tells whether packets that the host sends by route come in at an interface of ns: first is tried the one
 * that has the address, then 256 others at most, since Linux takes an address at each of its interfaces. They
 * do if the route leaves
 * - by the interface's other end (veth, netkit), the bridge or other master of that, another bridge that a
 *   veth pair joins to it, or what is on top of these, as a VLAN; or by another port of Open vSwitch, if that
 *   end is one;
 * - by a sibling on the same interface of the host (macvlan, ipvlan, VLAN) that talks to it, but not by that
 *   interface itself, which does not talk to them; if that is a veth, also like what comes out of it;
 * - anywhere but by the default route, if the container has hardware: that has a network of its own.
 * A container cannot make any of that. rtnl: a socket of the host. ifindex: 0 for an address that is on no
 * interface.
 */
int nm_path_find(struct nm_netlink *rtnl, struct nm_netns *ns, unsigned ifindex, const struct nm_route *route,
	struct nm_path *path, struct nm_err *err) NM_MUST_USE;

#endif
