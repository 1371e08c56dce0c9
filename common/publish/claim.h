/* Who owns a host port: what is recorded against what is asked for. DESIGN guarantees 2, 4 and 5. */
#ifndef NM_PUBLISH_CLAIM_H
#define NM_PUBLISH_CLAIM_H

#include "input/config.h"
#include "state/records.h"

/* The records of one change. Begins as zeros. */
struct nm_claim {
	struct nm_record *new;      /* borrowed; NULL: nothing is published */
	struct nm_records replaced; /* owned; their rules go */
	struct nm_records peers;    /* owned; live, and may share host ports or settings with the above; some
				     * in_part */
	struct nm_records held;     /* owned; what is left, recorded with new, of live ones that are replaced
				     * because they have lost an address */
	bool committed;             /* the kernel has, or may have, the rules of new instead of replaced's */
	unsigned unused; /* then: families in which no counter of replaced has counted anything, where
			  * its processes can be judged */
};

void nm_claim_done(struct nm_claim *claim);

/*
 * Moves out of recorded, what the state knows about the new record's id, host ports, addresses and
 * interfaces: into claim->replaced the records that the new one replaces (of its own id) or takes over from,
 * with a notice: of processes that are gone, and of a live container that verifiably has lost its address,
 * if the new one has that or is of its pod. What such a one keeps goes to claim->held: the host ports. The
 * others go to claim->peers. can_judge: pids of records mean something here. -1 with *err, naming the owner:
 * NM_ERR_TAKEN when a live container has a host port or the id, NM_ERR_REFUSED when one of another network
 * namespace has the address, unless policy.address does.
 *
 * Containers of a pod share equal mappings: those of one network namespace, to one address; and if one of
 * them has none of its addresses left, those of its namespace and those of its pod (nm_process_same_pod()),
 * whose namespace podman has made anew.
 */
int nm_claim_settle(struct nm_claim *claim, struct nm_records *recorded, bool can_judge,
	const struct nm_policy *policy, struct nm_err *err) NM_MUST_USE;

/* True when a replaced record gives the mapping to the same process. */
bool nm_claim_has_already(const struct nm_claim *claim, const struct nm_mapping *m);

/* The families in which b has the mapping m of a, in the same network namespace and to the same address: a
 * pod's. */
unsigned nm_claim_shares(const struct nm_record *a, const struct nm_mapping *m, const struct nm_record *b);

/* True when both absolute bundles are known and differ: two runtimes, or two roots of one, use the same id.
 */
bool nm_claim_other_bundle(const char *a, const char *b);

/* Writes what the change has done to the audit trail: of each container but the new record's the newest
 * replaced record, or what is left of it, then the new record. Older ones of claim->replaced go. */
void nm_claim_audit(struct nm_claim *claim);

/* True when all rules of the replaced records go, and those of each are its alone: none has the id of
 * another, or of one that is recorded now. They are few. */
bool nm_claim_is_withdrawal(const struct nm_claim *claim);

#endif
