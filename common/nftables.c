/*
 * One change of what is published looks only at the keys that it is about: those that somebody has or had are
 * asked for, one by one, so that nothing is sent that the kernel would refuse, for a refused batch costs
 * milliseconds. Keys that nobody had are sent unseen. If one is there all the same, the kernel refuses, and
 * the next attempt asks for all of them.
 */
#include "nftables.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "nft_chain.h"
#include "nftables_elements.h"

static int add_all(struct nm_element_index *index, const struct nm_elements *elements, enum nm_hold hold,
	bool only_known, struct nm_err *err)
{
	for (size_t i = 0; i < elements->n; i++)
		if (nm_element_index_add(index, &elements->v[i], hold, only_known, err) < 0)
			return -1;
	return 0;
}

static int prepare(const struct nm_nftables_scope *scope, struct nm_element_index *index,
	struct nm_nft_attempt *a, struct nm_err *err)
{
	const struct nm_own_sink sink = {.txn = a->txn};

	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (scope->families & a->families & 1u << f &&
			nm_nftables_compare_rules(
				a->nl, f, &scope->coming->lens[f], NULL, &sink, &a->interrupted, err) < 0)
			return -1;
	if (add_all(index, scope->coming, NM_HOLD_COMING, false, err) < 0 ||
		add_all(index, scope->leaving, NM_HOLD_LEAVING, false, err) < 0 ||
		add_all(index, scope->staying, NM_HOLD_STAYING, true, err) < 0 ||
		nm_nftables_look(a->nl, index, a->again, err) < 0)
		return -1;
	return nm_nftables_settle(index, a->families, &sink, err);
}

int nm_nftables_prepare(
	const struct nm_nftables_scope *scope, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	NM_CLEANUP(nm_element_index_done) struct nm_element_index index = {0};

	return prepare(scope, &index, attempt, err);
}

int nm_nftables_compare(struct nm_netlink *nl, unsigned families, const struct nm_elements *wanted,
	const struct nm_rules *statics, const struct nm_own_sink *sink, bool *ret_interrupted,
	struct nm_err *err)
{
	NM_CLEANUP(nm_element_index_done) struct nm_element_index index = {0};

	if (add_all(&index, wanted, NM_HOLD_COMING, false, err) < 0)
		return -1;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
		if (!(families & 1u << f))
			continue;
		if (nm_nftables_compare_rules(nl, f, &wanted->lens[f], statics, sink, ret_interrupted, err) <
				0 ||
			nm_nftables_read(nl, f, &index, sink, ret_interrupted, err) < 0)
			return -1;
	}
	return nm_nftables_settle(&index, families, sink, err);
}

struct tables {
	bool found[NM_FAMILY_MAX];
	enum nm_family family;
};

static int note_table(void *ctx, const struct nm_nft_table *table, struct nm_err *err)
{
	struct tables *t = ctx;

	(void)err;
	t->found[t->family] |= !strcmp(table->name, NM_NFTABLES_TABLE);
	return 0;
}

static int flush_table(enum nm_family family, const struct nm_own_sink *sink, struct nm_err *err)
{
	const struct nm_own_edit edit = {.kind = NM_EDIT_STALE, .family = family, .where = "", .tag = ""};
	struct nlmsghdr *nlh;

	if (sink->note && sink->note(sink->ctx, &edit, err) < 0)
		return -1;
	if (!sink->txn)
		return 0;
	nlh = nm_nft_txn_begin(sink->txn, NFT_MSG_DELTABLE, 0, family, true, err);
	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, NM_NFTABLES_TABLE);
	nm_nft_txn_end(sink->txn, nlh);
	return 0;
}

int nm_nftables_flush(
	struct nm_netlink *nl, const struct nm_own_sink *sink, bool *ret_interrupted, struct nm_err *err)
{
	struct tables t = {0};

	for (t.family = NM_IPV4; t.family < NM_FAMILY_MAX; t.family++)
		if (nm_nft_each_table(nl, nm_nft_family(t.family), note_table, &t, ret_interrupted, err) < 0)
			return -1;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (t.found[f] && flush_table(f, sink, err) < 0)
			return -1;
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

int nm_nftables_check_empty(struct nm_netlink *nl, struct nm_err *err)
{
	static const enum nm_set maps[] = {NM_SET_PORTS, NM_SET_HOST_PORTS};
	bool interrupted = false; /* by others, who do not make elements of containers */

	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
			if (nm_nft_each_element(nl, nm_nft_family(f), NM_NFTABLES_TABLE, nm_set_name(maps[i]),
				    refuse_container, NULL, &interrupted, err) < 0)
				return -1;
	return 0;
}
