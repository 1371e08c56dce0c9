/* Taking the iptables layout out of the kernel again, down to the tables and chains that natmap has made. */
#ifndef NM_IPTABLES_FLUSH_H
#define NM_IPTABLES_FLUSH_H

#include "nft/transaction.h"

#include "model/rule.h"

/* Chains of ours that stay, because somebody else has rules in them or leads to them. */
struct nm_iptables_left {
	bool chain[NM_FAMILY_MAX][NM_TABLE_MAX];
};

/*
 * Adds to the attempt's transaction: every rule of ours and every jump to NATMAP goes; so does each NATMAP
 * chain, DOCKER-USER when natmap has made it, nobody else uses it and no other chain of Docker's is there,
 * and tables and base chains that natmap has made and nobody uses; a base chain with policy DROP is used.
 * desired, borrowed until the commit: rules of ours that are to be there all the same, none of them in or to
 * a NATMAP chain.
 */
int nm_iptables_flush(struct nm_nft_attempt *attempt, const struct nm_rules *desired,
	struct nm_iptables_left *ret_left, struct nm_err *err) NM_MUST_USE;

#endif
