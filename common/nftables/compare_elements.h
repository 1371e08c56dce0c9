/* Elements of natmap's own sets: which are there, and the changes that make them what they should be. */
#ifndef NM_NFTABLES_COMPARE_ELEMENTS_H
#define NM_NFTABLES_COMPARE_ELEMENTS_H

#include "nftables/claims.h"
#include "nftables/compare_rules.h"

/* Marks the entries that are in the kernel. By key: those of the index that may be, or all of it; one request
 * for each. */
int nm_nftables_compare_elements_get(
	struct nm_netlink *nl, struct nm_nftables_claims *index, bool all, struct nm_err *err) NM_MUST_USE;

/* Reads all sets of the family and marks what the index has; anything else is handed over as stale. */
int nm_nftables_compare_elements_read(struct nm_netlink *nl, enum nm_family family,
	struct nm_nftables_claims *index, const struct nm_nftables_diff_output *output,
	struct nm_err *err) NM_MUST_USE;

/* Hands over what makes each entry of the families what it should be, once they have been marked. */
int nm_nftables_compare_elements(const struct nm_nftables_claims *index, unsigned families,
	const struct nm_nftables_diff_output *output, struct nm_err *err) NM_MUST_USE;

#endif
