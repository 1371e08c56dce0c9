#include "iptables/table.h"

#include <string.h>

#include "iptables/chains.h"
#include "iptables/encode.h"
#include "iptables/layout.h"
#include "iptables/print.h"
#include "nft/objects.h"

_Static_assert((int)NM_NFT_BATCH_STRLEN >= NM_RULE_STRLEN, "a refusal has room for a rule");

static const char *print_rule(const void *rule, char buf[static NM_NFT_BATCH_STRLEN])
{
	return nm_iptables_print_rule(rule, buf);
}

static int add_rule(
	struct nm_nft_batch *txn, struct nm_nft_place place, const struct nm_edit *edit, struct nm_err *err)
{
	bool append = edit->neighbour ? edit->behind : !edit->at_head;
	struct nm_message *m = nm_nft_batch_begin_rule(txn, place, edit->neighbour, append, err);

	if (!m)
		return -1;
	nm_iptables_encode(m, edit->desired);
	nm_nft_batch_end(txn);
	nm_nft_batch_describe(txn, print_rule, edit->desired);
	return 0;
}

int nm_iptables_table_edit(void *txn, const struct nm_edit *edit, struct nm_err *err)
{
	struct nm_nft_place place =
		nm_iptables_encode_place(edit->place.family, edit->place.table, edit->place.chain);

	return edit->add ? add_rule(txn, place, edit, err)
			 : nm_nft_batch_delete_rule(txn, place, edit->handle, err);
}

struct writing {
	struct nm_nft_batch *txn;
	const struct nm_rules *desired;
	struct nm_iptables_written *written;
};

static int write_edit(void *ctx, const struct nm_edit *edit, struct nm_err *err)
{
	const struct nm_rule_place *p = &edit->place;
	const struct writing *w = ctx;
	int32_t *more = w->written->more[p->family][p->table];

	if (nm_iptables_table_edit(w->txn, edit, err) < 0)
		return -1;
	more[p->chain] += edit->add ? 1 : -1;
	if (edit->desired && edit->desired->verdict == NM_VERDICT_JUMP)
		more[edit->desired->target] += edit->add ? 1 : -1;
	if (edit->add && w->written->handles)
		nm_nft_batch_report(w->txn, &w->written->handles[edit->desired - w->desired->v]);
	return 0;
}

int nm_iptables_table_write(const struct nm_iptables_scope *scope, struct nm_nft_attempt *attempt,
	struct nm_iptables_written *ret, struct nm_err *err)
{
	struct writing writing = {attempt->txn, scope->desired, ret};
	const struct nm_iptables_compare_handler handler = {
		.edit = write_edit, .ctx = &writing, .handles = ret->handles, .ended = &ret->ended};
	struct nm_iptables_scope all = *scope;

	memset(ret->more, 0, sizeof(ret->more));
	ret->ended = 0;
	if (ret->handles)
		memset(ret->handles, 0, scope->desired->n * sizeof(*ret->handles));
	all.look_for_old |= attempt->again;
	if (nm_iptables_chains_ensure(attempt, scope->desired, attempt->families, scope->based, err) < 0)
		return -1;
	return nm_iptables_compare(attempt->nl, &all, attempt->families, &handler, err);
}

struct loaded {
	bool tables[NM_FAMILY_MAX][NM_TABLE_MAX];
};

static int note_loaded(void *ctx, const struct nm_edit *edit, struct nm_err *err)
{
	struct loaded *loaded = ctx;

	(void)err;
	loaded->tables[edit->place.family][edit->place.table] |= edit->form == NM_FORM_NFT;
	return 0;
}

/* Nothing is desired but the jumps, which are known by their form only. */
static int find_loaded(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	NM_CLEANUP(nm_rules_done) struct nm_rules jumps = {0};
	const struct nm_iptables_scope scope = {.desired = &jumps, .everything = true, .look_for_old = true};
	const struct nm_iptables_compare_handler handler = {.edit = note_loaded, .ctx = ctx};

	if (nm_iptables_layout_base(NM_BOTH_FAMILIES, &jumps, err) < 0)
		return -1;
	return nm_iptables_compare(nl, &scope, NM_BOTH_FAMILIES, &handler, err);
}

int nm_iptables_table_find_loaded(struct nm_netlink *nl, struct nm_text *ret, struct nm_err *err)
{
	struct loaded loaded = {0};

	if (nm_nft_transaction_read(nl, find_loaded, &loaded, err) < 0)
		return -1;
	nm_each_family(f, NM_BOTH_FAMILIES)
		for (enum nm_table t = 0; t < NM_TABLE_MAX; t++)
			if (loaded.tables[f][t])
				nm_text_put(
					ret, " %s %s", f == NM_IPV4 ? "ip" : "ip6", nm_rule_table_name(t));
	return 0;
}

/*
 * What follows takes the layout out again. nf_tables counts for each chain the rules in it and the verdicts
 * that lead to it, for each table the chains in it. What is to be deleted is taken off these numbers: what
 * comes to zero nobody else uses.
 */

/* A chain of one of iptables' tables; those of others only count. */
struct chain {
	bool found, made, is_base, drops;
	int64_t use;
};

struct flush {
	struct nm_nft_attempt *attempt;
	const struct nm_rules *desired;
	enum nm_family family;
	enum nm_table table; /* whose chains are being read */
	struct chain chains[NM_TABLE_MAX][NM_CHAIN_MAX];
	bool docker; /* a chain of Docker's own is there */
	struct {
		bool made;
		int64_t use;
	} tables[NM_TABLE_MAX];
	enum nm_chain from; /* the chain whose jumps are being read */
	bool form_only;     /* ... those to DOCKER-USER that look like ours, to be counted; else all those to
			       NATMAP, to be deleted */
	size_t jumps;       /* how many have been found */
	uint64_t jump;      /* handle of the last one */
};

static int on_chain(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	struct flush *f = ctx;
	enum nm_table table;
	enum nm_chain c;

	(void)err;
	if (!nm_iptables_chains_find_table(chain->table, &table))
		return 0;
	if (nm_iptables_chains_find(chain->name, &c))
		f->chains[table][c] = (struct chain){.found = true,
			.made = chain->made,
			.is_base = chain->is_base,
			.drops = chain->drops,
			.use = chain->use};
	else if (table == NM_TABLE_FILTER && !strncmp(chain->name, "DOCKER", strlen("DOCKER")))
		f->docker = true;
	return 0;
}

static int on_table(void *ctx, const struct nm_nft_table *table, struct nm_err *err)
{
	struct flush *f = ctx;
	enum nm_table t;

	(void)err;
	if (nm_iptables_chains_find_table(table->name, &t)) {
		f->tables[t].made = table->made;
		f->tables[t].use = table->use;
	}
	return 0;
}

static int edit_rule(void *ctx, const struct nm_edit *edit, struct nm_err *err)
{
	struct flush *f = ctx;

	f->chains[edit->place.table][edit->place.chain].use += edit->add ? 1 : -1;
	return nm_iptables_table_edit(f->attempt->txn, edit, err);
}

static bool is_jump(const struct flush *f, const struct nm_nft_rule *rule)
{
	const struct nm_rule to_docker_user = nm_iptables_layout_jump(f->family);

	if (f->form_only)
		return nm_iptables_encode_equal(&to_docker_user, rule);
	return nm_nft_rule_leads_to(rule, nm_rule_chain_name(NM_CHAIN_NATMAP)) &&
		!(rule->tag && nm_tag_is_ours(rule->tag, rule->tag_len)); /* such are gone already */
}

static int delete_jump(struct flush *f, uint64_t handle, struct nm_err *err)
{
	f->chains[f->table][f->from].use--;
	return nm_nft_batch_delete_rule(
		f->attempt->txn, nm_iptables_encode_place(f->family, f->table, f->from), handle, err);
}

static int on_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct flush *f = ctx;

	if (!is_jump(f, rule))
		return 0;
	f->jumps++;
	f->jump = rule->handle;
	return f->form_only ? 0 : delete_jump(f, rule->handle, err);
}

static int each_jump(
	struct flush *f, enum nm_table table, enum nm_chain from, bool form_only, struct nm_err *err)
{
	f->table = table;
	f->from = from;
	f->form_only = form_only;
	f->jumps = 0;
	return nm_nft_rules_each(
		f->attempt->nl, nm_iptables_encode_place(f->family, table, from), on_rule, f, err);
}

static int delete_chain(struct flush *f, enum nm_table table, enum nm_chain chain, struct nm_err *err)
{
	f->chains[table][chain].found = false;
	f->tables[table].use--;
	return nm_nft_batch_delete(f->attempt->txn, nm_iptables_encode_place(f->family, table, chain), err);
}

static int flush_natmap(struct flush *f, enum nm_table table, bool *ret_left, struct nm_err *err)
{
	struct chain *natmap = &f->chains[table][NM_CHAIN_NATMAP];

	for (enum nm_chain from = 0; natmap->found && from < NM_CHAIN_MAX; from++) {
		if (each_jump(f, table, from, false, err) < 0)
			return -1;
		natmap->use -= (int64_t)f->jumps;
	}
	*ret_left = natmap->found && natmap->use > 0;
	return natmap->found && !*ret_left ? delete_chain(f, table, NM_CHAIN_NATMAP, err) : 0;
}

static bool is_wanted(const struct flush *f)
{
	for (size_t i = 0; i < f->desired->n; i++)
		if (f->desired->v[i].family == f->family)
			return true;
	return false;
}

static int flush_docker_user(struct flush *f, struct nm_err *err)
{
	struct chain *user = &f->chains[NM_TABLE_FILTER][NM_CHAIN_DOCKER_USER];

	if (!user->found || !user->made || f->docker || is_wanted(f))
		return 0;
	if (each_jump(f, NM_TABLE_FILTER, NM_CHAIN_FORWARD, true, err) < 0)
		return -1;
	if (user->use > (int64_t)f->jumps || f->jumps > 1)
		return 0;
	if (f->jumps && delete_jump(f, f->jump, err) < 0)
		return -1;
	return delete_chain(f, NM_TABLE_FILTER, NM_CHAIN_DOCKER_USER, err);
}

static int flush_made(struct flush *f, enum nm_table table, struct nm_err *err)
{
	const struct nm_nft_place place = {nm_addr_family_to_af(f->family), nm_rule_table_name(table), NULL};

	for (enum nm_chain c = 0; c < NM_CHAIN_MAX; c++) {
		const struct chain *chain = &f->chains[table][c];

		if (chain->found && chain->made && chain->is_base && !chain->drops && chain->use == 0 &&
			delete_chain(f, table, c, err) < 0)
			return -1;
	}
	if (!f->tables[table].made || f->tables[table].use > 0)
		return 0;
	return nm_nft_batch_delete(f->attempt->txn, place, err);
}

static int flush_family(struct flush *f, bool ret_left[static NM_TABLE_MAX], struct nm_err *err)
{
	const struct nm_iptables_scope scope = {
		.desired = f->desired, .everything = true, .look_for_old = true};
	const struct nm_iptables_compare_handler handler = {.edit = edit_rule, .ctx = f};
	const struct nm_nft_objects_handler objects = {.table = on_table, .chain = on_chain, .ctx = f};
	struct nm_nft_attempt *a = f->attempt;

	if (nm_nft_objects_each(a->nl, nm_addr_family_to_af(f->family), objects, err) < 0 ||
		nm_iptables_chains_ensure(a, f->desired, 1u << f->family, 0, err) < 0 ||
		nm_iptables_compare(a->nl, &scope, 1u << f->family, &handler, err) < 0)
		return -1;
	for (enum nm_table t = 0; t < NM_TABLE_MAX; t++)
		if (flush_natmap(f, t, &ret_left[t], err) < 0)
			return -1;
	if (flush_docker_user(f, err) < 0)
		return -1;
	for (enum nm_table t = 0; t < NM_TABLE_MAX; t++)
		if (flush_made(f, t, err) < 0)
			return -1;
	return 0;
}

int nm_iptables_table_flush(struct nm_nft_attempt *attempt, const struct nm_rules *desired,
	struct nm_iptables_left *ret_left, struct nm_err *err)
{
	nm_each_family(family, NM_BOTH_FAMILIES) {
		struct flush f = {.attempt = attempt, .desired = desired, .family = family};

		if (flush_family(&f, ret_left->chain[family], err) < 0)
			return -1;
	}
	return 0;
}
