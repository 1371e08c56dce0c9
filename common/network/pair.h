/* A container's veth pair: the host's end, a port of the bridge, and the container's, with its addresses and
 * default routes. */
#ifndef NM_NETWORK_PAIR_H
#define NM_NETWORK_PAIR_H

#include "host/netns.h"
#include "model/network.h"
#include "network/bridge.h"

/* What a container's namespace has. */
#define NM_PAIR_WHAT_SIZE 64
struct nm_pair_view {
	unsigned ifindex; /* of eth0 if it is of a pair, which may be natmap's; 0: there is none */
	unsigned port;    /* of the host's end */
	char what[NM_PAIR_WHAT_SIZE]; /* what else it has: "interface 'eth1'", "address '10.0.0.2/24'"; "":
					 only loopback interface and interfaces that are down */
};

int nm_pair_examine(struct nm_netns *ns, struct nm_pair_view *ret, struct nm_err *err) NM_MUST_USE;

/* Refuses a namespace with anything but the pair of this id, at this port. What another change is just
 * deleting is deleted, so that view has what is left. */
int nm_pair_judge(struct nm_netlink *rtnl, struct nm_netns *ns, const char *id, const char *port,
	struct nm_pair_view *view, struct nm_err *err) NM_MUST_USE;

/* Instead of that, for a container that runs: what else it has by now is its own affair, and what is left of
 * its pair is deleted if that is not whole. */
int nm_pair_reclaim(struct nm_netlink *rtnl, struct nm_netns *ns, const char *id,
	const struct nm_attachment *a, struct nm_pair_view *view, struct nm_err *err) NM_MUST_USE;

/* A pair that is to be there. All is borrowed. */
struct nm_pair {
	const char *id;
	const struct nm_attachment *attachment;
	const struct nm_bridge *bridge;
	bool hairpin; /* hairpin mode of the port */
};

/*
 * Makes what is missing of the pair whose container has this namespace, by its view: a new one if there is
 * none, else the port's place and modes, and in either case what the container's end needs. A former pair of
 * the id's is set aside. 0, or -1 with *err and perhaps a part of it, for nm_pair_remove(): NM_ERR_REFUSED
 * when the bridge has as many ports as the kernel allows.
 */
int nm_pair_make(struct nm_netlink *rtnl, struct nm_netns *ns, const struct nm_pair *pair,
	const struct nm_pair_view *view, struct nm_err *err) NM_MUST_USE;

/* The same for the port of a pair that is there, without looking into the container. */
int nm_pair_renew_port(struct nm_netlink *rtnl, const struct nm_pair *pair, struct nm_err *err) NM_MUST_USE;

/* Removes the pair of this id, as network/aside.h says; none, and one that is not natmap's, is no error. */
int nm_pair_remove(struct nm_netlink *rtnl, const char *id, const struct nm_attachment *a,
	struct nm_err *err) NM_MUST_USE;

#endif
