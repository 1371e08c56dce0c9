/* What others have in nf_tables that keeps packets from published ports: found by following them, one for
 * each kind that the rules of others treat alike. */
#ifndef NM_OBSTACLE_OBSTACLES_H
#define NM_OBSTACLE_OBSTACLES_H

#include "follow/follow.h"
#include "host/netlink.h"
#include "model/publication.h"
#include "state/records.h"

enum nm_obstacle_kind {
	NM_OBSTACLE_DROP,       /* drops them */
	NM_OBSTACLE_TRANSLATES, /* translates them before natmap */
	NM_OBSTACLE_ACCEPTS,    /* ends NAT before natmap's rules by ACCEPT */
	NM_OBSTACLE_UNREACHED,  /* natmap's rules are not there, or nothing leads to them */
};

/* Borrowed during the call of the handler, with all that it points to. */
struct nm_obstacle {
	enum nm_obstacle_kind kind;
	struct nm_follow_result result; /* result.place is the obstacle; result.accepted: ACCEPTS */
	uint32_t hook;                  /* NF_INET_* where the packet was then */
	/* One of the packets that it concerns; record and mapping NULL: one that is published next; mapping
	 * alone NULL: what the container begins, by a bridge that natmap has made. */
	const struct nm_record *record;
	const struct nm_mapping *mapping;
	struct nm_follow_packet packet;
	const struct nm_record *client; /* a container; NULL: from outside, or the host itself */
	bool is_planned;                /* natmap's rules for it are still to be written */
};

typedef int nm_obstacle_handler(void *ctx, const struct nm_obstacle *o, struct nm_err *err);

/* Calls handler for each obstacle to the mappings of the records, and to what begins in their networks. -1
 * with *err ends the search, or when the ruleset could not be read. nl: NETLINK_NETFILTER. */
int nm_obstacles_each(struct nm_netlink *nl, const struct nm_records *records,
	const struct nm_layout_options *options, nm_obstacle_handler *handler, void *ctx,
	struct nm_err *err) NM_MUST_USE;

/* The same for a record whose rules are to be written: only packets from outside are followed, and the chain
 * FORWARD of iptables counts only where natmap's jumps are in it already. Reads nothing but the chains where
 * none of them has rules of others that could matter. */
int nm_obstacles_each_before(struct nm_netlink *nl, const struct nm_record *record,
	const struct nm_layout_options *options, nm_obstacle_handler *handler, void *ctx,
	struct nm_err *err) NM_MUST_USE;

/* The same for ports that nobody has published yet: chains that would drop their packets on the way to a
 * container. */
int nm_obstacles_each_ahead(
	struct nm_netlink *nl, nm_obstacle_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

/* True for the chain FORWARD of iptables' table filter. */
bool nm_obstacles_is_filter_forward(const struct nm_ruleset_chain *chain);

/* Sets *ret to whether a reload helps: the chain is that one, and lacks the ACCEPT that natmap's own tables
 * need there. */
int nm_obstacles_is_for_reload(
	struct nm_netlink *nl, const struct nm_obstacle *o, bool *ret, struct nm_err *err) NM_MUST_USE;

#endif
