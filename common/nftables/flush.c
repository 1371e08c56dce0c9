#include "nftables/flush.h"

#include "nft/elements.h"
#include "nft/dump.h"

int nm_nftables_flush_table(
	const struct nm_nftables_diff_output *output, const struct nm_nftables_edit *edit, struct nm_err *err)
{
	if (nm_nftables_compare_rules_note(output, edit, err) < 0)
		return -1;
	if (!output->txn)
		return 0;
	return nm_nft_batch_delete(output->txn, nm_nftables_schema_place(edit->family, NULL), err);
}

int nm_nftables_flush(struct nm_netlink *nl, const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	nm_each_family(f, NM_BOTH_FAMILIES) {
		const struct nm_nftables_edit edit = {
			.kind = NM_EDIT_STALE, .family = f, .where = "", .tag = ""};
		bool found, foreign;

		if (nm_nftables_schema_find_table(nl, f, &found, &foreign, err) < 0 ||
			(found && nm_nftables_flush_table(output, &edit, err) < 0))
			return -1;
	}
	return 0;
}

static int on_element(void *ctx, const struct nm_nft_element *e, struct nm_err *err)
{
	(void)ctx;
	if (!e->tag || !nm_tag_is_of_container(e->tag, e->tag_len))
		return 0;
	return nm_fail(err, NM_ERR_FAILED,
		"the state file is missing, but there are mappings of containers ('%.*s'): --force removes "
		"them",
		(int)e->tag_len, e->tag);
}

int nm_nftables_flush_check_empty(struct nm_netlink *nl, struct nm_err *err)
{
	static const enum nm_nftables_set maps[] = {NM_SET_PORTS, NM_SET_HOST_PORTS};

	nm_each_family(f, NM_BOTH_FAMILIES) {
		struct nm_nftables_schema schema;
		bool found, foreign;

		if (nm_nftables_schema_find_table(nl, f, &found, &foreign, err) < 0 ||
			nm_nftables_schema_read(nl, f, &schema, err) < 0)
			return -1;
		for (size_t i = 0; found && !schema.loaded && i < sizeof(maps) / sizeof(*maps); i++)
			if (nm_nft_elements_each(nl, nm_nftables_schema_place(f, NULL),
				    nm_nftables_sets[maps[i]].name, on_element, NULL, err) < 0)
				return -1;
	}
	return 0;
}
