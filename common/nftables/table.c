/*
 * A change queries the kernel only for its own keys, and only for those that a record has or had: the kernel
 * would refuse a batch with a wrong one, and a refused batch costs milliseconds. Keys that no record had are
 * sent without a query. If the kernel has one all the same, it refuses, and the next attempt queries all.
 */
#include "nftables/table.h"

#include <limits.h>
#include <string.h>

#include "base/array.h"
#include "base/hash.h"
#include "nftables/compare_elements.h"
#include "nftables/expand.h"

/* What is known of the keys of one change. */
struct change {
	const struct nm_nftables_scope *scope;
	struct nm_nft_attempt *attempt;
	struct nm_nftables_claims claims;
	/* of the replaced records and peers, if an older natmap has published these: nm_nftables_expand() */
	struct nm_nftables_elements replaced, peers;
};

static void change_done(struct change *c)
{
	nm_nftables_claims_done(&c->claims);
	nm_nftables_layout_done(&c->replaced);
	nm_nftables_layout_done(&c->peers);
}

static int query(struct change *c, struct nm_err *err)
{
	const struct nm_nftables_scope *scope = c->scope;

	nm_nftables_claims_done(&c->claims);
	if (nm_nftables_claims_add(&c->claims, scope->new, NM_ROLE_NEW, err) < 0 ||
		nm_nftables_claims_add(&c->claims, scope->replaced, NM_ROLE_REPLACED, err) < 0 ||
		nm_nftables_claims_add(&c->claims, &c->replaced, NM_ROLE_REPLACED, err) < 0 ||
		nm_nftables_claims_add(&c->claims, scope->peers, NM_ROLE_PEER, err) < 0 ||
		nm_nftables_claims_add(&c->claims, &c->peers, NM_ROLE_PEER, err) < 0 ||
		nm_nftables_claims_make(&c->claims, err) < 0)
		return -1;
	return nm_nftables_compare_elements_get(c->attempt->nl, &c->claims, c->attempt->again, err);
}

/* Whether the kernel has the first ports of these blocks as ports. */
static int has_ports(
	struct nm_netlink *nl, const struct nm_nftables_elements *blocks, bool *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_layout_done) struct nm_nftables_elements first = {0};
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims claims = {0};

	if (nm_nftables_expand(blocks, 1, &first, err) < 0 ||
		nm_nftables_claims_of(&first, &claims, err) < 0 ||
		nm_nftables_compare_elements_get(nl, &claims, true, err) < 0)
		return -1;
	for (size_t i = 0; i < claims.n; i++)
		*ret |= claims.v[i].present;
	return 0;
}

/* An older natmap has published a block of a replaced record port by port, if the kernel does not have the
 * block, but its first port. */
static int find_older(const struct change *c, bool *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_layout_done) struct nm_nftables_elements missing = {0};
	const struct nm_nftables_elements *replaced = c->scope->replaced;

	for (size_t i = 0; i < replaced->n; i++) {
		const struct nm_nftables_element *e = &replaced->v[i];

		if (!nm_nftables_set_is_of_blocks(e->set) || !nm_nftables_set_is_counted(e->set) ||
			nm_nftables_claims_find(&c->claims, e)->present)
			continue;
		if (nm_grow(&missing, "preparing the elements", err) < 0)
			return -1;
		missing.v[missing.n++] = *e;
	}
	return has_ports(c->attempt->nl, &missing, ret, err);
}

static int query_older(struct change *c, struct nm_err *err)
{
	bool is_older = false;

	if (find_older(c, &is_older, err) < 0)
		return -1;
	if (!is_older)
		return 0;
	if (nm_nftables_expand(c->scope->replaced, UINT_MAX, &c->replaced, err) < 0 ||
		nm_nftables_expand(c->scope->peers, UINT_MAX, &c->peers, err) < 0)
		return -1;
	return query(c, err);
}

static uint64_t hash_lengths(const struct nm_nftables_prefix_lengths *lengths)
{
	return nm_hash(NM_HASH_BEGIN, lengths, sizeof(*lengths)) | 1;
}

/* Makes the constant rules of the family right, unless they are known to be. */
static int write_rules(struct nm_netlink *nl, enum nm_family f, const struct nm_nftables_scope *scope,
	const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	const struct nm_nftables_prefix_lengths *lengths = &scope->new->prefix_lengths[f];
	uint64_t hash = hash_lengths(lengths);
	bool found;

	if (scope->constant[f] == hash)
		return 0;
	scope->constant[f] = hash;
	if (nm_nftables_schema_find_table(nl, f, &found, NULL, err) < 0)
		return -1;
	return nm_nftables_compare_rules(nl, f, lengths, NULL, false, output, err);
}

static void note_used(const struct change *c)
{
	for (size_t i = 0; i < c->claims.n; i++) {
		const struct nm_nftables_element *e = c->claims.v[i].element;
		const struct nm_nftables_claim *first;

		if (c->claims.v[i].role != NM_ROLE_REPLACED || !nm_nftables_set_is_counted(e->set))
			continue;
		first = nm_nftables_claims_find(&c->claims, e);
		if (!first->present || !first->unused)
			*c->scope->used |= 1u << e->family;
	}
}

int nm_nftables_table_write(
	const struct nm_nftables_scope *scope, struct nm_nft_attempt *a, struct nm_err *err)
{
	NM_CLEANUP(change_done) struct change c = {.scope = scope, .attempt = a};
	struct nm_nftables_diff_output output = {.txn = a->txn};

	nm_each_family(f, scope->families & a->families)
		if (write_rules(a->nl, f, scope, &output, err) < 0)
			return -1;
	if (query(&c, err) < 0 || query_older(&c, err) < 0)
		return -1;
	note_used(&c);
	output.remakes = scope->remakes || c.replaced.n > 0; /* a block is made of what were ports */
	return nm_nftables_compare_elements(&c.claims, a->families, &output, err);
}

static int delete_table(
	const struct nm_nftables_diff_output *output, const struct nm_nftables_edit *edit, struct nm_err *err)
{
	if (nm_nftables_compare_rules_note(output, edit, err) < 0)
		return -1;
	if (!output->txn)
		return 0;
	return nm_nft_batch_delete(output->txn, nm_nftables_schema_place(edit->family, NULL), err);
}

int nm_nftables_table_compare(struct nm_netlink *nl, unsigned families,
	const struct nm_nftables_elements *desired, const struct nm_rules *statics,
	const struct nm_nftables_diff_output *output, struct nm_err *err)
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
			(schema.wrong[0] && delete_table(output, &edit, err) < 0))
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

int nm_nftables_table_flush(
	struct nm_netlink *nl, const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	nm_each_family(f, NM_BOTH_FAMILIES) {
		const struct nm_nftables_edit edit = {
			.kind = NM_EDIT_STALE, .family = f, .where = "", .tag = ""};
		bool found, foreign;

		if (nm_nftables_schema_find_table(nl, f, &found, &foreign, err) < 0 ||
			(found && delete_table(output, &edit, err) < 0))
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

int nm_nftables_table_check_empty(struct nm_netlink *nl, struct nm_err *err)
{
	static const enum nm_nftables_set maps[] = {NM_SET_PORTS, NM_SET_HOST_PORTS, NM_SET_RANGES,
		NM_SET_HOST_RANGES, NM_SET_SHIFTED, NM_SET_HOST_SHIFTED};

	nm_each_family(f, NM_BOTH_FAMILIES) {
		struct nm_nftables_schema schema;
		bool found, foreign;

		if (nm_nftables_schema_find_table(nl, f, &found, &foreign, err) < 0 ||
			nm_nftables_schema_read(nl, f, &schema, err) < 0)
			return -1;
		for (size_t i = 0; found && !schema.loaded && i < sizeof(maps) / sizeof(*maps); i++)
			if (nm_nft_objects_each_element(nl, nm_nftables_schema_place(f, NULL),
				    nm_nftables_sets[maps[i]].name, on_element, NULL, err) < 0)
				return -1;
	}
	return 0;
}

/* A few elements are queried one by one, many by reading their sets. */
enum { FEW = 256 };

static int mark(struct nm_netlink *nl, struct nm_nftables_claims *claims, struct nm_err *err)
{
	static const struct nm_nftables_diff_output no_output;

	if (claims->n <= FEW)
		return nm_nftables_compare_elements_get(nl, claims, true, err);
	nm_each_family(f, NM_BOTH_FAMILIES)
		if (nm_nftables_compare_elements_read(nl, f, claims, &no_output, err) < 0)
			return -1;
	return 0;
}

int nm_nftables_table_count(struct nm_netlink *nl, const struct nm_nftables_elements *elements,
	struct nm_counters *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims claims = {0};

	if (nm_nftables_claims_of(elements, &claims, err) < 0 || mark(nl, &claims, err) < 0)
		return -1;
	for (size_t i = 0; i < elements->n; i++) {
		const struct nm_nftables_claim *claim = nm_nftables_claims_find(&claims, &elements->v[i]);

		ret[i] = claim ? claim->counters : (struct nm_counters){0};
	}
	return 0;
}

struct sums {
	const struct nm_static_nats *statics;
	struct nm_counters *counters;
};

/* One packet counts once, though it passes several rules: a hairpin's connections all end with the
 * MASQUERADE. */
static bool counts(enum nm_static_kind kind, const char *chain)
{
	bool is_postrouting = !strcmp(chain, "static_postrouting");

	return kind == NM_STATIC_DNAT ? !is_postrouting && strcmp(chain, "static_forward") != 0
				      : is_postrouting;
}

static int add_counters(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct nm_counters c = nm_nft_rule_counters(rule);
	struct sums *sums = ctx;

	(void)err;
	for (size_t i = 0; rule->tag && i < sums->statics->n; i++) {
		const struct nm_static_nat *s = &sums->statics->v[i];

		if (!nm_tag_is_of(rule->tag, rule->tag_len, s->owner) || !counts(s->kind, rule->chain))
			continue;
		sums->counters[i].packets += c.packets;
		sums->counters[i].bytes += c.bytes;
	}
	return 0;
}

int nm_nftables_table_count_statics(struct nm_netlink *nl, const struct nm_static_nats *statics,
	struct nm_counters *ret, struct nm_err *err)
{
	struct sums sums = {.statics = statics, .counters = ret};

	nm_each_family(f, NM_BOTH_FAMILIES)
		if (nm_nft_rules_each(nl, nm_nftables_schema_place(f, NULL), add_counters, &sums, err) < 0)
			return -1;
	return 0;
}
