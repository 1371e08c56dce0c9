/* The ways by which packets come to published ports. */
#ifndef NM_OBSTACLE_WAYS_H
#define NM_OBSTACLE_WAYS_H

#include "follow/follow.h"
#include "host/rtnl.h"
#include "state/records.h"

/* An interface by which clients come. */
struct nm_way {
	struct nm_follow_interface in;
	bool has_address[NM_FAMILY_MAX];
	struct nm_addr address[NM_FAMILY_MAX]; /* of the host, on this interface */
	/* a container that is behind it, borrowed; NULL: others are, of which nothing is known */
	const struct nm_record *container;
};

struct nm_ways {
	struct {
		struct nm_way *v; /* owned */
		size_t n, capacity;
	} in;
	struct nm_follow_interface *out; /* owned; towards each of the records, in both families */
	struct nm_follow_interface outside[NM_FAMILY_MAX]; /* of the default route; index 0: there is none */
};

/* Finds the interfaces that are up and have a global address: bridges only where a recorded container is
 * behind them, or where the default route leads. 0 with *ret for nm_ways_done(), or -1 with *err. */
int nm_ways_find(const struct nm_records *records, struct nm_ways *ret, struct nm_err *err) NM_MUST_USE;
void nm_ways_done(struct nm_ways *w);

/* Towards the record with that number. */
const struct nm_follow_interface *nm_ways_out(const struct nm_ways *w, size_t record, enum nm_family family);

#endif
