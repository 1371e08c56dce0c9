/*
 * A change queries the kernel only for its own keys, and only for those that a record has or had: the kernel
 * would refuse a batch with a wrong one, and a refused batch costs milliseconds. Keys that no record had are
 * sent without a query. If the kernel has one all the same, it refuses, and the next attempt queries all.
 */
#include "nftables/write.h"

#include "nftables/compare_elements.h"

static int write_rules(const struct nm_nftables_scope *scope, enum nm_family family, struct nm_nft_attempt *a,
	struct nm_err *err)
{
	const struct nm_nftables_diff_output output = {.txn = a->txn};
	bool found;

	if (nm_nftables_schema_find_table(a->nl, family, &found, NULL, err) < 0)
		return -1;
	return nm_nftables_compare_rules(
		a->nl, family, &scope->new->prefix_lengths[family], NULL, false, &output, err);
}

int nm_nftables_write(const struct nm_nftables_scope *scope, struct nm_nft_attempt *a, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims claims = {0};
	const struct nm_nftables_diff_output output = {.txn = a->txn};

	nm_each_family(f, scope->families & a->families)
		if (write_rules(scope, f, a, err) < 0)
			return -1;
	if (nm_nftables_claims_add(&claims, scope->new, NM_ROLE_NEW, err) < 0 ||
		nm_nftables_claims_add(&claims, scope->replaced, NM_ROLE_REPLACED, err) < 0 ||
		nm_nftables_claims_add(&claims, scope->peers, NM_ROLE_PEER, err) < 0 ||
		nm_nftables_claims_make(&claims, err) < 0 ||
		nm_nftables_compare_elements_get(a->nl, &claims, a->again, err) < 0)
		return -1;
	return nm_nftables_compare_elements(&claims, a->families, &output, err);
}
