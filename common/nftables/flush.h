/* Removes natmap's own tables. */
#ifndef NM_NFTABLES_FLUSH_H
#define NM_NFTABLES_FLUSH_H

#include "nftables/compare_rules.h"

/* Deletes the tables, or without a transaction hands them over as stale, nowhere (""). */
int nm_nftables_flush(
	struct nm_netlink *nl, const struct nm_nftables_diff_output *output, struct nm_err *err) NM_MUST_USE;

/* Does so with one table, for the reason that edit has. */
int nm_nftables_flush_table(const struct nm_nftables_diff_output *output, const struct nm_nftables_edit *edit,
	struct nm_err *err) NM_MUST_USE;

/* Fails if a container has an element, unless nft has loaded the table: then it is a saved copy. */
int nm_nftables_flush_check_empty(struct nm_netlink *nl, struct nm_err *err) NM_MUST_USE;

#endif
