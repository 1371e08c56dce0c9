/*
 * One change of what is published looks only at the keys that it is about: those that somebody has or had are
 * asked for, one by one, so that nothing is sent that the kernel would refuse, for a refused batch costs
 * milliseconds. Keys that nobody had are sent unseen. If one is there all the same, the kernel refuses, and
 * the next attempt asks for all of them.
 */
#include "nftables/backend.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "nftables/compare_elements.h"

static int prepare_family(const struct nm_nftables_scope *scope, enum nm_family family,
	struct nm_nft_attempt *a, struct nm_err *err)
{
	const struct nm_nftables_diff_output output = {.txn = a->txn};
	bool found;

	if (nm_nftables_schema_find_table(a->nl, family, &found, NULL, err) < 0)
		return -1;
	return nm_nftables_compare_rules(
		a->nl, family, &scope->new->prefix_lengths[family], NULL, false, &output, err);
}

static int prepare(const struct nm_nftables_scope *scope, struct nm_nftables_claims *index,
	struct nm_nft_attempt *a, struct nm_err *err)
{
	const struct nm_nftables_diff_output output = {.txn = a->txn};

	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (scope->families & a->families & 1u << f && prepare_family(scope, f, a, err) < 0)
			return -1;
	if (nm_nftables_claims_add(index, scope->new, NM_ROLE_NEW, err) < 0 ||
		nm_nftables_claims_add(index, scope->replaced, NM_ROLE_REPLACED, err) < 0 ||
		nm_nftables_claims_add(index, scope->peers, NM_ROLE_PEER, err) < 0 ||
		nm_nftables_claims_make(index, err) < 0 ||
		nm_nftables_compare_elements_get(a->nl, index, a->again, err) < 0)
		return -1;
	return nm_nftables_compare_elements(index, a->families, &output, err);
}

int nm_nftables_backend_prepare(
	const struct nm_nftables_scope *scope, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};

	return prepare(scope, &index, attempt, err);
}

static int delete_table(enum nm_family family, const char *wrong,
	const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	const struct nm_nftables_edit edit = {.kind = wrong[0] ? NM_EDIT_CHANGED : NM_EDIT_STALE,
		.family = family,
		.where = wrong,
		.tag = ""};
	struct nlmsghdr *nlh;

	if (output->note && output->note(output->ctx, &edit, err) < 0)
		return -1;
	if (!output->txn)
		return 0;
	nlh = nm_nft_batch_begin(output->txn, NFT_MSG_DELTABLE, 0, family, true, err);
	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, NM_NFTABLES_TABLE);
	nm_nft_batch_end(output->txn, nlh);
	return 0;
}

/* A table of another form goes with all that is in it: *ret_anew. What can only be told of it has been told
 * then, and the family is taken off *families. */
static int compare_form(struct nm_netlink *nl, enum nm_family family,
	const struct nm_nftables_diff_output *output, bool *ret_anew, unsigned *families, struct nm_err *err)
{
	struct nm_nftables_schema form = {0};
	bool found;

	if (nm_nftables_schema_find_table(nl, family, &found, NULL, err) < 0 ||
		(found && nm_nftables_schema_read(nl, family, &form, err) < 0))
		return -1;
	*ret_anew = form.wrong[0];
	if (!*ret_anew)
		return 0;
	if (!output->txn)
		*families &= ~(1u << family);
	return delete_table(family, form.wrong, output, err);
}

int nm_nftables_backend_compare(struct nm_netlink *nl, unsigned families,
	const struct nm_nftables_elements *wanted, const struct nm_rules *statics,
	const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};

	if (nm_nftables_claims_add(&index, wanted, NM_ROLE_NEW, err) < 0 ||
		nm_nftables_claims_make(&index, err) < 0)
		return -1;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
		bool anew = false;

		if (families & 1u << f && compare_form(nl, f, output, &anew, &families, err) < 0)
			return -1;
		if (!(families & 1u << f))
			continue;
		if (nm_nftables_compare_rules(nl, f, &wanted->prefix_lengths[f], statics, anew, output, err) <
				0 ||
			(!anew && nm_nftables_compare_elements_read(nl, f, &index, output, err) < 0))
			return -1;
	}
	return nm_nftables_compare_elements(&index, families, output, err);
}

int nm_nftables_backend_flush(
	struct nm_netlink *nl, const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
		bool found, foreign;

		if (nm_nftables_schema_find_table(nl, f, &found, &foreign, err) < 0 ||
			(found && delete_table(f, "", output, err) < 0))
			return -1;
	}
	return 0;
}

static int refuse_container(void *ctx, const struct nm_nft_element *e, struct nm_err *err)
{
	(void)ctx;
	if (!e->tag || !nm_tag_is_of_container(e->tag, e->tag_len))
		return 0;
	return nm_fail(err, NM_ERR_FAILED,
		"the state file is missing, but there are mappings of containers ('%.*s'): --force removes "
		"them",
		(int)e->tag_len, e->tag);
}

int nm_nftables_backend_check_empty(struct nm_netlink *nl, struct nm_err *err)
{
	static const enum nm_nftables_set maps[] = {NM_SET_PORTS, NM_SET_HOST_PORTS};

	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
		struct nm_nftables_schema form;
		bool found, foreign;

		if (nm_nftables_schema_find_table(nl, f, &found, &foreign, err) < 0 ||
			nm_nftables_schema_read(nl, f, &form, err) < 0)
			return -1;
		for (size_t i = 0; found && !form.loaded && i < sizeof(maps) / sizeof(*maps); i++)
			if (nm_nft_elements_each(nl, nm_nft_family(f), NM_NFTABLES_TABLE,
				    nm_nftables_set_name(maps[i]), refuse_container, NULL, err) < 0)
				return -1;
	}
	return 0;
}
