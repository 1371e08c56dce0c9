/* Networks of live containers that lack something, of which no hook tells: somebody has deleted a bridge, or
 * set an interface down. */
#ifndef NM_INVENTORY_NETWORKS_H
#define NM_INVENTORY_NETWORKS_H

#include "host/netns.h"
#include "input/config.h"
#include "network/faults.h"
#include "network/pair.h"
#include "state/records.h"

struct nm_inventory;

/* A container whose network lacks something. */
struct nm_networks_due {
	struct nm_record record; /* as it was found; owned */
	struct nm_faults faults; /* one at least; of a bridge the first container tells */
	struct nm_netns ns;      /* open, if it is needed, and then */
	struct nm_pair_view view;
};

/* Begins as zeros. */
struct nm_networks {
	struct nm_networks_due *v; /* owned */
	size_t n, capacity;
	bool has_orphans; /* interfaces with natmap's marks may be nobody's */
};

void nm_networks_done(struct nm_networks *n);

/*
 * Looks at the networks of these records, without the lock, while the process may enter network namespaces,
 * and lists those that lack something. rtnl: of the host. What it reads: two dumps, if there is a network,
 * and of each container addresses and default routes, of one that lacks something inside also interfaces. A
 * container that is gone, or cannot be looked into, is judged by what the host has. 0, or -1 with *err, and
 * then the caller must end (nm_netns_open()).
 */
int nm_networks_look(struct nm_networks *ret, struct nm_netlink *rtnl, const struct nm_records *list,
	const struct nm_config *c, struct nm_err *err) NM_MUST_USE;

/* The same for the newest records of the state, or the known stand-ins, into s->networks, before
 * nm_change_begin(). */
int nm_networks_find(struct nm_inventory *s, const char *state_dir, struct nm_err *err) NM_MUST_USE;

/* Whether this record of the state is that of the container that was looked at. */
bool nm_networks_is_same(const struct nm_networks_due *due, const struct nm_record *r);

/* Under the lock: makes what the networks of s->networks lack, where they are on record still. What cannot be
 * made is a notice. */
void nm_networks_repair(struct nm_inventory *s);

#endif
