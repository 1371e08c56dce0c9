/*
 * All rules of the table are read at once. Their number depends on the static rules, not on the mappings. In
 * each chain the rules of the kernel and the desired ones are compared side by side: a rule that is the same
 * as one of the desired ones to come stays, any other is deleted, and desired ones in between are inserted.
 */
#include "nftables/compare_rules.h"

#include <endian.h>
#include <string.h>

#include "nft/meaning.h"
#include "nft/rules.h"
#include "nftables/chain_tag.h"

struct comparison {
	const struct nm_nftables_diff_output *output;
	enum nm_family family;
	struct nm_nftables_rules found, desired;
	struct nm_hash_index by_comment; /* numbers of desired, by chain and comment */
	struct nm_nftables_prefix_lengths prefix_lengths;
	bool keeps_lengths; /* prefix lengths that rules in the kernel have are kept */
	bool ensured;
};

static void comparison_done(struct comparison *c)
{
	nm_nftables_rules_done(&c->found);
	nm_nftables_rules_done(&c->desired);
	nm_hash_index_done(&c->by_comment);
}

static int on_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	const struct nm_nftables_schema_chain *chain = nm_nftables_schema_find_chain(rule->chain);
	struct comparison *c = ctx;

	if (c->keeps_lengths && rule->tag)
		(void)nm_nftables_chain_tag_read(rule->tag, rule->tag_len, &c->prefix_lengths);
	if (!chain)
		return 0;
	return nm_nftables_rules_add(&c->found,
		(struct nm_nftables_rule){.family = c->family, .handle = rule->handle, .chain = chain->name},
		rule->expressions, rule->tag ? rule->tag : "", rule->tag_len, err);
}

static bool is_same(const struct nm_nftables_rule *f, const struct nm_nftables_rule *w)
{
	return !strcmp(f->chain, w->chain) && !strcmp(f->comment, w->comment) &&
		nm_nft_meaning_equal(w->family, (struct nm_attrs){w->expressions, w->len},
			(struct nm_attrs){f->expressions, f->len});
}

static int note(const struct comparison *c, enum nm_edit_kind kind, const struct nm_nftables_rule *rule,
	struct nm_err *err)
{
	const struct nm_nftables_edit edit = {.kind = kind,
		.family = c->family,
		.where = rule->chain,
		.tag = rule->comment,
		.tag_len = strlen(rule->comment)};

	return nm_nftables_compare_rules_note(c->output, &edit, err);
}

int nm_nftables_compare_rules_note(
	const struct nm_nftables_diff_output *output, const struct nm_nftables_edit *edit, struct nm_err *err)
{
	return output->note ? output->note(output->ctx, edit, err) : 0;
}

int nm_nftables_compare_rules_add(
	struct nm_nft_batch *txn, const struct nm_nftables_rule *w, uint64_t before, struct nm_err *err)
{
	struct nm_message *m = nm_nft_batch_begin_rule(
		txn, nm_nftables_schema_place(w->family, w->chain), before, !before, err);

	if (!m)
		return -1;
	nm_message_put(m, NLA_F_NESTED | NFTA_RULE_EXPRESSIONS, w->expressions, w->len);
	if (w->comment[0])
		nm_expr_put_comment(m, NFTA_RULE_USERDATA, w->comment);
	nm_nft_batch_end(txn);
	return 0;
}

/* Adds the rule; before the first one, what the table lacks. */
static int add_rule(
	struct comparison *c, const struct nm_nftables_rule *w, uint64_t before, struct nm_err *err)
{
	struct nm_nft_batch *txn = c->output->txn;

	if (note(c, NM_EDIT_MISSING, w, err) < 0)
		return -1;
	if (txn && !c->ensured && nm_nftables_schema_ensure(txn, c->family, &c->prefix_lengths, err) < 0)
		return -1;
	c->ensured = true;
	return txn ? nm_nftables_compare_rules_add(txn, w, before, err) : 0;
}

static int delete_rule(const struct comparison *c, const struct nm_nftables_rule *f, struct nm_err *err)
{
	if (note(c, NM_EDIT_STALE, f, err) < 0)
		return -1;
	if (!c->output->txn)
		return 0;
	return nm_nft_batch_delete_rule(
		c->output->txn, nm_nftables_schema_place(c->family, f->chain), f->handle, err);
}

static uint64_t hash_rule(const void *rules, size_t i)
{
	const struct nm_nftables_rule *rule = &((const struct nm_nftables_rule *)rules)[i];
	uint64_t chain = nm_hash(NM_HASH_BEGIN, rule->chain, strlen(rule->chain) + 1);

	return nm_hash(chain, rule->comment, strlen(rule->comment));
}

/* The desired rule that this one is, at position next or behind it; -1: none. */
static ssize_t find_desired(const struct comparison *c, const struct nm_nftables_rule *f, size_t next)
{
	uint64_t hash = hash_rule(f, 0);
	size_t position = 0;
	ssize_t i;

	while ((i = nm_hash_index_next(&c->by_comment, hash, &position)) >= 0)
		if ((size_t)i >= next && is_same(f, &c->desired.v[i]))
			return i;
	return -1;
}

/* Adds the desired rules of the chain from number i to end, before the rule with this handle. */
static int add_until(
	struct comparison *c, const char *chain, size_t i, size_t end, uint64_t before, struct nm_err *err)
{
	for (; i < end; i++)
		if (!strcmp(c->desired.v[i].chain, chain) && add_rule(c, &c->desired.v[i], before, err) < 0)
			return -1;
	return 0;
}

static int compare_chain(struct comparison *c, const char *chain, struct nm_err *err)
{
	size_t next = 0;

	for (size_t j = 0; j < c->found.n; j++) {
		const struct nm_nftables_rule *f = &c->found.v[j];
		ssize_t i;

		if (strcmp(f->chain, chain) != 0)
			continue;
		i = find_desired(c, f, next);
		if (i < 0 ? delete_rule(c, f, err) < 0
			  : add_until(c, chain, next, (size_t)i, f->handle, err) < 0)
			return -1;
		if (i >= 0)
			next = (size_t)i + 1;
	}
	return add_until(c, chain, next, c->desired.n, 0, err);
}

static int compare(struct comparison *c, const struct nm_rules *statics, struct nm_err *err)
{
	if (nm_nftables_chains_build(c->family, &c->prefix_lengths, &c->desired, err) < 0 ||
		(statics && nm_nftables_rules_add_static(c->family, statics, &c->desired, err) < 0) ||
		nm_hash_index_make(c->desired.v, c->desired.n, hash_rule, &c->by_comment, err) < 0)
		return -1;
	for (const struct nm_nftables_schema_chain *chain = nm_nftables_schema_chains; chain->name; chain++)
		if ((statics || !nm_nftables_schema_chain_is_static(chain->name)) &&
			compare_chain(c, chain->name, err) < 0)
			return -1;
	return 0;
}

int nm_nftables_compare_rules(struct nm_netlink *nl, enum nm_family family,
	const struct nm_nftables_prefix_lengths *lengths, const struct nm_rules *statics, bool anew,
	const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	NM_CLEANUP(comparison_done)
	struct comparison c = {
		.output = output, .family = family, .prefix_lengths = *lengths, .keeps_lengths = !statics};

	if (!anew && nm_nft_rules_each(nl, nm_nftables_schema_place(family, NULL), on_rule, &c, err) < 0)
		return -1;
	return compare(&c, statics, err);
}
