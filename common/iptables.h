/* The iptables backend: makes the rules in the iptables layout what they should be. */
#ifndef NM_IPTABLES_H
#define NM_IPTABLES_H

#include "iptables_diff.h"
#include "nft_transact.h"

/* A sink that adds each edit to an nm_nft_txn, which is its ctx. */
int nm_iptables_edit(void *txn, const struct nm_edit *edit, struct nm_err *err);

/* Adds what makes the kernel's rules as the scope wants them, tables and chains included, to the attempt's
 * transaction. Rules that are as wanted keep their handles and counters. */
int nm_iptables_prepare(const struct nm_iptables_scope *scope, struct nm_nft_attempt *attempt,
	struct nm_err *err) NM_MUST_USE;

/* The same as one transaction over nl (NETLINK_NETFILTER): nm_nft_transact(). */
int nm_iptables_apply(struct nm_netlink *nl, const struct nm_iptables_scope *scope, unsigned families,
	bool ipv6_optional, struct nm_err *err) NM_MUST_USE;

#endif
