#include "nftables/compare.h"

#include "nftables/compare_elements.h"
#include "nftables/flush.h"

int nm_nftables_compare(struct nm_netlink *nl, unsigned families, const struct nm_nftables_elements *desired,
	const struct nm_rules *statics, const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims claims = {0};

	if (nm_nftables_claims_of(desired, &claims, err) < 0)
		return -1;
	nm_each_family(f, families) {
		struct nm_nftables_schema schema = {0};
		const struct nm_nftables_edit edit = {
			.kind = NM_EDIT_CHANGED, .family = f, .where = schema.wrong, .tag = ""};
		bool found, anew;

		if (nm_nftables_schema_find_table(nl, f, &found, NULL, err) < 0 ||
			(found && nm_nftables_schema_read(nl, f, &schema, err) < 0) ||
			(schema.wrong[0] && nm_nftables_flush_table(output, &edit, err) < 0))
			return -1;
		anew = schema.wrong[0]; /* the table is deleted first, and counts as empty */
		if (anew && !output->txn)
			families &= ~(1u << f); /* all has been told */
		else if (nm_nftables_compare_rules(
				 nl, f, &desired->prefix_lengths[f], statics, anew, output, err) < 0 ||
			(!anew && nm_nftables_compare_elements_read(nl, f, &claims, output, err) < 0))
			return -1;
	}
	return nm_nftables_compare_elements(&claims, families, output, err);
}
