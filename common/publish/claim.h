/* Who owns a host port: what is recorded against what is asked for. DESIGN guarantees 2, 4 and 5. */
#ifndef NM_PUBLISH_CLAIM_H
#define NM_PUBLISH_CLAIM_H

#include "state/records.h"

/*
 * Sorts recorded, what the state knows about wanted's id, host ports, addresses and interfaces, into
 * *ret_replaced: records that wanted replaces (its own id) or takes over from (processes that are gone, with
 * a notice); moved there, the others stay. can_judge: pids of records mean something here. -1 with *err
 * NM_ERR_TAKEN, naming the owner, when a live container has a host port or the id.
 */
int nm_claim_settle(const struct nm_record *wanted, struct nm_records *recorded, bool can_judge,
	struct nm_records *ret_replaced, struct nm_err *err) NM_MUST_USE;

/* True when b has the mapping m of a, in the same network namespace and to the same address: a pod's. */
bool nm_claim_shares(const struct nm_record *a, const struct nm_mapping *m, const struct nm_record *b);

/* True when both absolute bundles are known and differ: two runtimes, or two roots of one, use the same id.
 */
bool nm_claim_other_bundle(const char *a, const char *b);

#endif
