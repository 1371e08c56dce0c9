/* One dump of all tables and chains, one of the rules of each table, one of all sets, and one of the elements
 * of each set that a rule looks up. */
#include "follow/ruleset_read.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "base/array.h"
#include "follow/dports.h"
#include "nft/transaction.h"

enum { CHAINS_MAX = 64 };

static const char reading[] = "reading the ruleset";

/* No bytes are NULL. */
static int keep(struct nm_ruleset *r, const void *bytes, size_t len, const uint8_t **ret, struct nm_err *err)
{
	*ret = bytes ? nm_ruleset_keep(r, bytes, len, err) : NULL;
	return bytes && !*ret ? -1 : 0;
}

static int keep_text(struct nm_ruleset *r, const char *text, size_t len, const char **ret, struct nm_err *err)
{
	*ret = text ? nm_ruleset_keep(r, text, len, err) : NULL;
	return text && !*ret ? -1 : 0;
}

static int keep_name(struct nm_ruleset *r, const char *name, const char **ret, struct nm_err *err)
{
	return keep_text(r, name, strlen(name), ret, err);
}

struct reader {
	struct nm_ruleset *r;
	struct nm_netlink *nl;
	nm_ruleset_leave_out *leave_out;
	struct nm_nft_place table; /* whose rules are read */
	bool has_sets;             /* a rule looks one up */
	struct nm_ruleset_set *set;
	struct {
		struct nm_nft_place *v; /* owned; names are in the blocks */
		size_t n, capacity;
	} dormant;
};

static void reader_done(struct reader *reader)
{
	free(reader->dormant.v);
}

static bool is_followed(uint8_t nfproto)
{
	return nfproto == NFPROTO_IPV4 || nfproto == NFPROTO_IPV6 || nfproto == NFPROTO_INET;
}

static bool is_dormant(const struct reader *reader, uint8_t nfproto, const char *table)
{
	for (size_t i = 0; i < reader->dormant.n; i++)
		if (reader->dormant.v[i].nfproto == nfproto && !strcmp(reader->dormant.v[i].table, table))
			return true;
	return false;
}

static int on_table(void *ctx, const struct nm_nft_table *table, struct nm_err *err)
{
	struct reader *reader = ctx;
	struct nm_nft_place *place;

	if (!table->is_dormant)
		return 0;
	if (nm_grow(&reader->dormant, reading, err) < 0)
		return -1;
	place = &reader->dormant.v[reader->dormant.n];
	*place = (struct nm_nft_place){.nfproto = table->nfproto};
	if (keep_name(reader->r, table->name, &place->table, err) < 0)
		return -1;
	reader->dormant.n++;
	return 0;
}

static int on_chain(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	struct reader *reader = ctx;
	struct nm_ruleset *r = reader->r;
	struct nm_ruleset_chain *c;

	if (!is_followed(chain->nfproto) || is_dormant(reader, chain->nfproto, chain->table))
		return 0;
	if (nm_grow(&r->chains, reading, err) < 0)
		return -1;
	c = &r->chains.v[r->chains.n];
	*c = (struct nm_ruleset_chain){.nfproto = chain->nfproto,
		.is_base = chain->is_base,
		.is_nat = !strcmp(chain->type, "nat"),
		.drops = chain->drops,
		.hook = chain->hook,
		.priority = chain->priority};
	if (keep_name(r, chain->table, &c->table, err) < 0 || keep_name(r, chain->name, &c->name, err) < 0)
		return -1;
	r->chains.n++;
	return 0;
}

static bool looks_up(struct nm_attrs list)
{
	char name[NM_NFT_EXPRESSION_SIZE];
	struct nm_attrs data;

	while (nm_nft_rule_next_expression(&list, name, &data))
		if (!strcmp(name, "lookup"))
			return true;
	return false;
}

static int on_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct reader *reader = ctx;
	const struct nm_nft_place place = {reader->table.nfproto, reader->table.table, rule->chain};
	struct nm_ruleset_chain *c;
	struct nm_ruleset_rule *kept;
	const uint8_t *bytes;

	if (reader->leave_out(&place))
		return 0;
	c = nm_ruleset_get_chain(reader->r, &place);
	if (!c) /* it came since the chains were read: the dump will be interrupted */
		return 0;
	if (nm_grow(c, reading, err) < 0)
		return -1;
	kept = &c->v[c->n];
	*kept = (struct nm_ruleset_rule){.handle = rule->handle, .dports = nm_dports_find(rule->expressions)};
	if (keep(reader->r, rule->expressions.data, rule->expressions.len, &bytes, err) < 0 ||
		keep_text(reader->r, rule->tag, rule->tag_len, &kept->tag, err) < 0)
		return -1;
	kept->expressions = (struct nm_attrs){bytes, rule->expressions.len};
	c->n++;
	reader->has_sets |= looks_up(rule->expressions);
	return 0;
}

static bool is_left_out(const struct reader *reader, const struct nm_ruleset_chain *c)
{
	const struct nm_nft_place place = {c->nfproto, c->table, c->name};

	return reader->leave_out(&place);
}

/* Chain by chain where one is left out, unless there are too many. */
static int read_table(struct reader *reader, size_t first, size_t end, struct nm_err *err)
{
	const struct nm_ruleset_chain *v = reader->r->chains.v;
	bool has_base = false, has_left_out = false;

	reader->table = (struct nm_nft_place){v[first].nfproto, v[first].table, NULL};
	for (size_t i = first; i < end; i++) {
		has_base |= v[i].is_base;
		has_left_out |= is_left_out(reader, &v[i]);
	}
	if (!has_base || reader->leave_out(&reader->table))
		return 0;
	if (!has_left_out || end - first > CHAINS_MAX)
		return nm_nft_rules_each(reader->nl, reader->table, on_rule, reader, err);
	for (size_t i = first; i < end; i++) {
		const struct nm_nft_place chain = {v[i].nfproto, v[i].table, v[i].name};

		if (!is_left_out(reader, &v[i]) &&
			nm_nft_rules_each(reader->nl, chain, on_rule, reader, err) < 0)
			return -1;
	}
	return 0;
}

/* Chains of one table come one after the other. */
static int read_rules(struct reader *reader, struct nm_err *err)
{
	const struct nm_ruleset *r = reader->r;

	for (size_t i = 0, end; i < r->chains.n; i = end) {
		const struct nm_ruleset_chain *first = &r->chains.v[i];

		for (end = i; end < r->chains.n && r->chains.v[end].nfproto == first->nfproto &&
			!strcmp(r->chains.v[end].table, first->table);)
			end++;
		if (read_table(reader, i, end, err) < 0)
			return -1;
	}
	return 0;
}

static int on_set(void *ctx, const struct nm_nft_set *set, struct nm_err *err)
{
	struct reader *reader = ctx;
	struct nm_ruleset *r = reader->r;
	struct nm_ruleset_set *s;

	if (!is_followed(set->nfproto))
		return 0;
	if (nm_grow(&r->sets, reading, err) < 0)
		return -1;
	s = &r->sets.v[r->sets.n];
	*s = (struct nm_ruleset_set){.nfproto = set->nfproto,
		.flags = set->flags,
		.key_size = set->key_size,
		.data_size = set->data_size,
		.n_fields = set->n_fields};
	memcpy(s->fields, set->fields, sizeof(s->fields));
	if (keep_name(r, set->table, &s->table, err) < 0 || keep_name(r, set->name, &s->name, err) < 0)
		return -1;
	r->sets.n++;
	return 0;
}

static void mark_used(struct nm_ruleset *r, const struct nm_ruleset_chain *c, struct nm_attrs list)
{
	char name[NM_NFT_EXPRESSION_SIZE], set[NFT_NAME_MAXLEN];
	const struct nm_nft_place table = {c->nfproto, c->table, NULL};
	struct nm_attrs data;

	while (nm_nft_rule_next_expression(&list, name, &data)) {
		struct nm_ruleset_set *s = NULL;

		if (!strcmp(name, "lookup") && nm_attrs_string(data, NFTA_LOOKUP_SET, set, sizeof(set)))
			s = nm_ruleset_get_set(r, &table, set);
		if (s)
			s->is_used = true;
	}
}

static int keep_verdict(
	struct nm_ruleset *r, struct nm_ruleset_element *e, struct nm_attrs verdict, struct nm_err *err)
{
	char chain[NFT_NAME_MAXLEN];
	uint32_t code;

	if (!nm_attrs_be32(verdict, NFTA_VERDICT_CODE, &code))
		return 0;
	e->verdict = (int32_t)code;
	if (nm_attrs_string(verdict, NFTA_VERDICT_CHAIN, chain, sizeof(chain)))
		return keep_name(r, chain, &e->chain, err);
	return 0;
}

static int on_element(void *ctx, const struct nm_nft_element *element, struct nm_err *err)
{
	const struct reader *reader = ctx;
	struct nm_ruleset_set *s = reader->set;
	struct nm_ruleset *r = reader->r;
	struct nm_ruleset_element *e;

	s->is_too_big |= s->n == NM_RULESET_ELEMENTS_MAX;
	if (s->is_too_big || (element->key.len != s->key_size && !(element->flags & NFT_SET_ELEM_CATCHALL)))
		return 0;
	if (nm_grow(s, reading, err) < 0)
		return -1;
	e = &s->v[s->n];
	*e = (struct nm_ruleset_element){.flags = element->flags};
	if (keep(r, element->key.data, element->key.len, &e->key, err) < 0 ||
		(element->key_end.len == s->key_size &&
			keep(r, element->key_end.data, element->key_end.len, &e->key_end, err) < 0) ||
		(element->data.len == s->data_size &&
			keep(r, element->data.data, element->data.len, &e->data, err) < 0) ||
		keep_text(r, element->tag, element->tag_len, &e->tag, err) < 0)
		return -1;
	s->n++;
	return keep_verdict(r, e, element->verdict, err);
}

static int compare_elements(const void *a, const void *b, void *set)
{
	const struct nm_ruleset_element *x = a, *y = b;
	const struct nm_ruleset_set *s = set;
	int order;

	if (!x->key || !y->key)
		return (x->key != NULL) - (y->key != NULL);
	order = memcmp(x->key, y->key, s->key_size);
	/* where an interval ends, the next one may begin */
	return order
		? order
		: (int)(y->flags & NFT_SET_ELEM_INTERVAL_END) - (int)(x->flags & NFT_SET_ELEM_INTERVAL_END);
}

static int read_elements(struct reader *reader, struct nm_err *err)
{
	struct nm_ruleset *r = reader->r;

	for (struct nm_ruleset_set *s = r->sets.v; s < r->sets.v + r->sets.n; s++) {
		const struct nm_nft_place table = {s->nfproto, s->table, NULL};

		reader->set = s;
		if (!s->is_used)
			continue;
		if (nm_nft_objects_each_element(reader->nl, table, s->name, on_element, reader, err) < 0)
			return -1;
		if (s->is_too_big)
			s->n = 0;
		if (s->n > 1)
			qsort_r(s->v, s->n, sizeof(*s->v), compare_elements, s);
	}
	return 0;
}

static int read_sets(struct reader *reader, struct nm_err *err)
{
	const struct nm_nft_objects_handler handler = {.set = on_set, .ctx = reader};
	struct nm_ruleset *r = reader->r;

	if (nm_nft_objects_each(reader->nl, NFPROTO_UNSPEC, handler, err) < 0 ||
		nm_ruleset_index_sets(r, err) < 0)
		return -1;
	for (size_t i = 0; i < r->chains.n; i++)
		for (size_t k = 0; k < r->chains.v[i].n; k++)
			mark_used(r, &r->chains.v[i], r->chains.v[i].v[k].expressions);
	return read_elements(reader, err);
}

static int read_all(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	struct reader *reader = ctx;
	struct nm_ruleset *r = reader->r;
	const struct nm_nft_objects_handler handler = {.table = on_table, .chain = on_chain, .ctx = reader};

	nm_ruleset_done(r);
	reader->nl = nl;
	reader->dormant.n = 0;
	reader->has_sets = false;
	if (nm_nft_objects_each(nl, NFPROTO_UNSPEC, handler, err) < 0 ||
		nm_ruleset_index_chains(r, err) < 0 || read_rules(reader, err) < 0)
		return -1;
	return reader->has_sets ? read_sets(reader, err) : 0;
}

int nm_ruleset_read(
	struct nm_netlink *nl, nm_ruleset_leave_out *leave_out, struct nm_ruleset *ret, struct nm_err *err)
{
	struct nm_ruleset r = {0};
	NM_CLEANUP(reader_done) struct reader reader = {.r = &r, .leave_out = leave_out};

	if (nm_nft_transaction_read(nl, read_all, &reader, err) < 0) {
		nm_ruleset_done(&r);
		return -1;
	}
	*ret = r;
	return 0;
}
