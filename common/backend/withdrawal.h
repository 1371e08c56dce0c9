/* Deleting a container's rules of iptables' chains by the handles that its record tells, without reading the
 * chains. */
#ifndef NM_BACKEND_WITHDRAWAL_H
#define NM_BACKEND_WITHDRAWAL_H

#include "nft/transaction.h"
#include "state/chain_notes.h"
#include "state/records.h"

/* Brings the notes up to the generation: a chain is known as long as it is the same one with as many rules,
 * and one that has none is known. Interrupted as nm_nft_dump(). */
int nm_withdrawal_look(struct nm_netlink *nl, uint32_t generation, struct nm_chain_notes *notes,
	struct nm_err *err) NM_MUST_USE;

/* Asks for the rules of those of the records that are of this backend. *ret: false if a handle of a chain
 * that is known is not recorded, or no longer of its rule. */
int nm_withdrawal_ask(struct nm_netlink *nl, const struct nm_records *records,
	const struct nm_chain_notes *notes, bool *ret, struct nm_err *err) NM_MUST_USE;

/* Adds the deletion of all their rules in chains that are known, and notes it. */
int nm_withdrawal_delete(struct nm_nft_batch *txn, const struct nm_records *records,
	struct nm_chain_notes *notes, struct nm_err *err) NM_MUST_USE;

#endif
