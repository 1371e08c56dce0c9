/* One transaction carries the difference that iptables/compare.c finds, behind the tables and chains that it
 * needs: these are sent each time, and change nothing where they are. */
#include "iptables/write.h"

int nm_iptables_write_edit(void *txn, const struct nm_edit *edit, struct nm_err *err)
{
	const struct nm_rule_place *p = &edit->place;

	if (edit->add)
		return nm_nft_batch_add_rule(txn, edit->wanted, edit->neighbour, edit->behind, err);
	return nm_nft_batch_delete_rule(txn, p->family, p->table, p->chain, edit->handle, err);
}

static int ensure_chains(struct nm_nft_batch *txn, enum nm_family family,
	bool used[NM_TABLE_MAX][NM_CHAIN_MAX], struct nm_err *err)
{
	for (enum nm_table table = 0; table < NM_TABLE_MAX; table++) {
		bool ensured = false;

		for (enum nm_chain chain = 0; chain < NM_CHAIN_MAX; chain++) {
			if (!used[table][chain])
				continue;
			if (!ensured && nm_nft_batch_ensure_table(txn, family, table, err) < 0)
				return -1;
			ensured = true;
			if (nm_nft_batch_ensure_chain(txn, family, table, chain, err) < 0)
				return -1;
		}
	}
	return 0;
}

int nm_iptables_write_ensure(
	struct nm_nft_batch *txn, const struct nm_rules *wanted, unsigned families, struct nm_err *err)
{
	bool used[NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX] = {0};

	for (size_t i = 0; i < wanted->n; i++) {
		const struct nm_rule *r = &wanted->v[i];

		used[r->family][r->table][r->chain] = true;
		if (r->verdict == NM_VERDICT_JUMP) /* to a chain that may have no rules */
			used[r->family][r->table][r->target] = true;
	}
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (families & 1u << f && ensure_chains(txn, f, used[f], err) < 0)
			return -1;
	return 0;
}

int nm_iptables_write(
	const struct nm_iptables_scope *scope, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	const struct nm_iptables_compare_handler sink = {.edit = nm_iptables_write_edit, .ctx = attempt->txn};
	struct nm_iptables_scope all = *scope;

	all.look_for_old |= attempt->again;
	if (nm_iptables_write_ensure(attempt->txn, scope->wanted, attempt->families, err) < 0)
		return -1;
	return nm_iptables_compare(attempt->nl, &all, attempt->families, &sink, err);
}
