/* One transaction carries the difference that iptables/compare.c finds, behind the tables and chains that it
 * needs: these are sent each time, and change nothing where they are. */
#include "iptables/write.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#include "iptables/encode.h"
#include "iptables/print.h"

_Static_assert((int)NM_NFT_BATCH_STRLEN >= NM_RULE_STRLEN, "a refusal has room for a rule");

static const char *print_rule(const void *rule, char buf[static NM_NFT_BATCH_STRLEN])
{
	return nm_iptables_print_rule(rule, buf);
}

static int add_rule(
	struct nm_nft_batch *txn, struct nm_nft_place place, const struct nm_edit *edit, struct nm_err *err)
{
	bool append = edit->neighbour ? edit->behind : edit->desired->place == NM_PLACE_END;
	struct nlmsghdr *nlh = nm_nft_batch_begin_rule(txn, place, edit->neighbour, append, err);

	if (!nlh)
		return -1;
	nm_iptables_encode(nlh, edit->desired);
	nm_nft_batch_end(txn, nlh);
	nm_nft_batch_describe(txn, print_rule, edit->desired);
	return 0;
}

int nm_iptables_write_edit(void *txn, const struct nm_edit *edit, struct nm_err *err)
{
	struct nm_nft_place place =
		nm_iptables_encode_place(edit->place.family, edit->place.table, edit->place.chain);

	return edit->add ? add_rule(txn, place, edit, err)
			 : nm_nft_batch_delete_rule(txn, place, edit->handle, err);
}

/* As iptables makes them. */
static const struct nm_nft_hook hooks[NM_TABLE_MAX][NM_CHAIN_MAX] = {
	[NM_TABLE_RAW][NM_CHAIN_PREROUTING] = {"filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW},
	[NM_TABLE_NAT][NM_CHAIN_PREROUTING] = {"nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST},
	[NM_TABLE_NAT][NM_CHAIN_OUTPUT] = {"nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST},
	[NM_TABLE_NAT][NM_CHAIN_POSTROUTING] = {"nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC},
	[NM_TABLE_FILTER][NM_CHAIN_FORWARD] = {"filter", NF_INET_FORWARD, NF_IP_PRI_FILTER},
};

/* The table, before its first chain, and the chains. */
static int ensure_chains(struct nm_nft_batch *txn, enum nm_family family, enum nm_table table,
	const bool used[static NM_CHAIN_MAX], struct nm_err *err)
{
	struct nm_nft_place place = {nm_addr_family_to_af(family), nm_rule_table_name(table), NULL};

	for (enum nm_chain c = 0; c < NM_CHAIN_MAX; c++) {
		if (!used[c])
			continue;
		if (!place.chain && nm_nft_batch_ensure(txn, place, NULL, NM_TAG_MADE, err) < 0)
			return -1;
		place.chain = nm_rule_chain_name(c);
		if (nm_nft_batch_ensure(txn, place, &hooks[table][c], NM_TAG_MADE, err) < 0)
			return -1;
	}
	return 0;
}

int nm_iptables_write_ensure(
	struct nm_nft_batch *txn, const struct nm_rules *desired, unsigned families, struct nm_err *err)
{
	bool used[NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX] = {0};

	for (size_t i = 0; i < desired->n; i++) {
		const struct nm_rule *r = &desired->v[i];

		used[r->family][r->table][r->chain] = true;
		if (r->verdict == NM_VERDICT_JUMP) /* to a chain that may have no rules */
			used[r->family][r->table][r->target] = true;
	}
	nm_each_family(f, families)
		for (enum nm_table t = 0; t < NM_TABLE_MAX; t++)
			if (ensure_chains(txn, f, t, used[f][t], err) < 0)
				return -1;
	return 0;
}

int nm_iptables_write(
	const struct nm_iptables_scope *scope, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	const struct nm_iptables_compare_handler handler = {
		.edit = nm_iptables_write_edit, .ctx = attempt->txn};
	struct nm_iptables_scope all = *scope;

	all.look_for_old |= attempt->again;
	if (nm_iptables_write_ensure(attempt->txn, scope->desired, attempt->families, err) < 0)
		return -1;
	return nm_iptables_compare(attempt->nl, &all, attempt->families, &handler, err);
}
