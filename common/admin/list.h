/* Published ports, static NAT, and the counters of their rules. */
#ifndef NM_ADMIN_LIST_H
#define NM_ADMIN_LIST_H

#include "input/config.h"
#include "nft/rules.h"
#include "state/records.h"

/* Of a container: its process is there, is not, or cannot be judged, because it is not recorded or of another
 * PID namespace. */
enum nm_list_state { NM_LIST_RUNNING, NM_LIST_GONE, NM_LIST_UNKNOWN };

struct nm_list {
	struct nm_records records;    /* one for each container */
	enum nm_list_state *states;   /* for each of them; owned */
	struct nm_counters *mappings; /* for each mapping of each record in order; owned */
	struct nm_counters *statics;  /* for each entry of static NAT; owned */
};

/*
 * Reads the containers (id NULL: all) and the counters of their rules, which count the first packet of each
 * connection: packets are connections. Owners of one port have the same counters. Releases the state's lock.
 * 0, or -1 with *err. *ret, zeros before, needs nm_list_done() in both cases.
 */
int nm_list_read(struct nm_config *c, const char *state_dir, const char *id, struct nm_list *ret,
	struct nm_err *err) NM_MUST_USE;

void nm_list_done(struct nm_list *p);

#endif
