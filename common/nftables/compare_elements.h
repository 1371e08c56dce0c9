/* Elements of natmap's own sets: what the kernel has of them, and the changes that make them right. */
#ifndef NM_NFTABLES_COMPARE_ELEMENTS_H
#define NM_NFTABLES_COMPARE_ELEMENTS_H

#include "nftables/claims.h"
#include "nftables/compare_rules.h"

/* Queries the kernel by key, one request for each, and marks the claims whose element it has: of those that
 * it may have, or of all. */
int nm_nftables_compare_elements_get(
	struct nm_netlink *nl, struct nm_nftables_claims *claims, bool all, struct nm_err *err) NM_MUST_USE;

/* Reads all sets of the family and marks the claims whose element is in them; any other element is handed
 * over as stale. */
int nm_nftables_compare_elements_read(struct nm_netlink *nl, enum nm_family family,
	struct nm_nftables_claims *claims, const struct nm_nftables_diff_output *output,
	struct nm_err *err) NM_MUST_USE;

/* Hands over the changes for claims of the families that are marked already. */
int nm_nftables_compare_elements(const struct nm_nftables_claims *claims, unsigned families,
	const struct nm_nftables_diff_output *output, struct nm_err *err) NM_MUST_USE;

#endif
