/* Changes that make the kernel's rules in the iptables layout the desired ones. */
#ifndef NM_IPTABLES_WRITE_H
#define NM_IPTABLES_WRITE_H

#include "iptables/compare.h"
#include "nft/transaction.h"

/* For nm_iptables_compare_handler: adds the edit to an nm_nft_batch, the ctx. */
int nm_iptables_write_edit(void *txn, const struct nm_edit *edit, struct nm_err *err);

/* Adds the tables and chains that the desired rules of the families need, marked with NM_TAG_MADE as comment.
 */
int nm_iptables_write_ensure(struct nm_nft_batch *txn, const struct nm_rules *desired, unsigned families,
	struct nm_err *err) NM_MUST_USE;

/* Adds what makes the kernel's rules as the scope wants them, tables and chains included, to the attempt's
 * transaction. Rules that are as desired keep their handles and counters. */
int nm_iptables_write(const struct nm_iptables_scope *scope, struct nm_nft_attempt *attempt,
	struct nm_err *err) NM_MUST_USE;

#endif
