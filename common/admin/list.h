/* Published ports, static NAT, and the counters of their rules. */
#ifndef NM_ADMIN_LIST_H
#define NM_ADMIN_LIST_H

#include "input/config.h"
#include "nft/rules.h"
#include "state/records.h"

struct nm_list {
	struct nm_records records;    /* one for each container */
	struct nm_counters *mappings; /* for each mapping of each record in order; owned */
	struct nm_counters *statics;  /* for each entry of static NAT; owned */
};

/*
 * Reads the containers (id NULL: all) and the counters of their rules, which count the first packet of each
 * connection. Releases the state's lock. 0, or -1 with *err. *ret, zeros before, needs nm_list_done()
 * in both cases.
 */
int nm_list_read(struct nm_config *c, const char *state_dir, const char *id, struct nm_list *ret,
	struct nm_err *err) NM_MUST_USE;

void nm_list_done(struct nm_list *p);

#endif
