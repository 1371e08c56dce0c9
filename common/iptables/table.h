/* Changing what iptables' tables have in the iptables layout. */
#ifndef NM_IPTABLES_TABLE_H
#define NM_IPTABLES_TABLE_H

#include "base/text.h"
#include "iptables/compare.h"
#include "nft/transaction.h"

/* For nm_iptables_compare_handler: adds the edit to an nm_nft_batch, the ctx. */
int nm_iptables_table_edit(void *txn, const struct nm_edit *edit, struct nm_err *err);

/* What is known of the rules once the transaction is committed. */
struct nm_iptables_written {
	uint64_t *handles; /* of each desired rule, by its number; 0: it is not known; NULL: not asked for */
	/* by how much the rules in each chain, and the jumps to it, have become more */
	int32_t more[NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX];
	unsigned ended; /* nm_iptables_compare() */
};

/* Adds what makes the kernel's rules as the scope wants them, tables and chains included, to the attempt's
 * transaction. Rules that are as desired keep their handles and counters. */
int nm_iptables_table_write(const struct nm_iptables_scope *scope, struct nm_nft_attempt *attempt,
	struct nm_iptables_written *ret, struct nm_err *err) NM_MUST_USE;

/* Prints which of iptables' tables have rules of ours that nft has written (NM_FORM_NFT), " ip nat" and the
 * like. 0, or -1 with *err. */
int nm_iptables_table_find_loaded(struct nm_netlink *nl, struct nm_text *ret, struct nm_err *err) NM_MUST_USE;

/* Chains of ours that stay, because somebody else has rules in them or leads to them. */
struct nm_iptables_left {
	bool chain[NM_FAMILY_MAX][NM_TABLE_MAX];
};

/*
 * Takes the layout out of the kernel again, by the attempt's transaction: every rule of ours and every jump
 * to NATMAP goes; so does each NATMAP chain, DOCKER-USER when natmap has made it, nobody else uses it and no
 * other chain of Docker's is there, and tables and base chains that natmap has made and nobody uses; a base
 * chain with policy DROP is used. desired, borrowed until the commit: rules of ours that are to be there all
 * the same, none of them in or to a NATMAP chain.
 */
int nm_iptables_table_flush(struct nm_nft_attempt *attempt, const struct nm_rules *desired,
	struct nm_iptables_left *ret_left, struct nm_err *err) NM_MUST_USE;

#endif
