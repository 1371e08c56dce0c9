/* What is published and how much its rules have counted. */
#ifndef NM_ADMIN_LIST_H
#define NM_ADMIN_LIST_H

#include "input/config.h"
#include "nft/rules.h"
#include "state/records.h"

struct nm_list {
	struct nm_records records;    /* one for each container; owned */
	struct nm_counters *mappings; /* of each mapping of each record, one after the other; owned */
	struct nm_counters *statics;  /* of each static rule of the configuration; owned */
};

/*
 * Reads the containers (all, or with id only this one) and the counters of the rules that translate to them:
 * as with all rules of nat, of the first packet of each connection. The state's lock has been released then.
 * 0 with *ret for nm_list_done(), or -1 with *err.
 */
int nm_list_read(struct nm_config *c, const char *state_dir, const char *id, struct nm_list *ret,
	struct nm_err *err) NM_MUST_USE;

void nm_list_done(struct nm_list *p);

#endif
