#include "backend/nftables.h"

#include <stdio.h>
#include <string.h>

#include "iptables/layout_forward.h"
#include "iptables/layout_static.h"
#include "nft/dump.h"
#include "nft/objects.h"
#include "nftables/chain_tag.h"
#include "nftables/layout_network.h"
#include "nftables/print.h"
#include "nftables/probe.h"
#include "nftables/table.h"

static int layout(const struct nm_publication *pub, const struct nm_layout_options *options,
	struct nm_desired *ret, struct nm_err *err)
{
	return nm_nftables_layout(pub, options, &ret->elements, err);
}

static int layout_guard(const char *owner, struct nm_desired *ret, struct nm_err *err)
{
	return nm_nftables_layout_guard(owner, &ret->elements, err);
}

/* What it needs in iptables' tables goes by its owner, and comes as nm_desired_read_accept() finds it. */
static int layout_network(const struct nm_network_part *part, struct nm_desired *ret, struct nm_err *err)
{
	return nm_desired_add_owner(ret, part->accept_owner, err) < 0
		? -1
		: nm_nftables_layout_network(part, &ret->elements, err);
}

static int layout_forward(
	enum nm_family family, const char *owner, bool bridged, struct nm_desired *ret, struct nm_err *err)
{
	return nm_nftables_layout_forward(family, owner, bridged, &ret->elements, err);
}

/* Each table comes with its base. */
static int layout_forward_base(
	unsigned families, const struct nm_static_nats *statics, struct nm_desired *ret, struct nm_err *err)
{
	(void)families;
	(void)statics;
	(void)ret;
	(void)err;
	return 0;
}

/* What excepts static SNAT from forwarding that is closed is there also where nothing is. */
static int layout_base(
	unsigned families, const struct nm_static_nats *statics, struct nm_desired *ret, struct nm_err *err)
{
	(void)families;
	if (statics && nm_iptables_layout_static(statics, &ret->statics, err) < 0)
		return -1;
	return statics ? nm_iptables_layout_forward_static(statics, &ret->statics, err) : 0;
}

static int prepare(const struct nm_backend_change *change, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	struct nm_chain_notes *notes = change->after;
	const struct nm_nftables_scope scope = {
		.families = change->new.elements.n ? change->families : 0,
		.constant = notes->constant,
		.new = &change->new.elements,
		.replaced = &change->replaced.elements,
		.peers = &change->peers.elements,
		.remakes = change->replaced.owners.n > 0,
		.used = change->used,
	};

	if (!scope.new->n && !scope.replaced->n)
		return 0;
	if (notes->constant_generation != attempt->generation)
		memset(notes->constant, 0, sizeof(notes->constant));
	notes->constant_generation = attempt->generation;
	return nm_nftables_table_write(&scope, attempt, err);
}

static int rewrite(const struct nm_desired *desired, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	const struct nm_nftables_diff_output output = {.txn = attempt->txn, .remakes = true};

	return nm_nftables_table_compare(
		attempt->nl, attempt->families, &desired->elements, &desired->statics, &output, err);
}

static int flush(const struct nm_desired *desired, struct nm_nft_attempt *attempt,
	struct nm_iptables_left *ret_left, struct nm_err *err)
{
	const struct nm_nftables_diff_output output = {.txn = attempt->txn};

	(void)desired;
	(void)ret_left;
	return nm_nftables_table_flush(attempt->nl, &output, err);
}

enum { TEXT_SIZE = 512 };

struct comparison {
	const struct nm_backend_comparison *with;
	char last[TEXT_SIZE]; /* the last difference of a whole chain or set */
};

/* The base may be missing in a family in which nothing is published; a withdraw leaves the rules for prefix
 * lengths. */
static bool is_told(const struct comparison *c, const struct nm_nftables_edit *edit)
{
	struct nm_nftables_prefix_lengths lengths;

	if (edit->kind == NM_EDIT_MISSING)
		return c->with->families & 1u << edit->family;
	return edit->kind != NM_EDIT_STALE || !nm_nftables_chain_tag_read(edit->tag, edit->tag_len, &lengths);
}

/* Tells once of a chain whose rules without comment differ, or of a set whose elements without comment do. */
static int tell_place(
	struct comparison *c, const struct nm_nftables_edit *edit, const char *family, struct nm_err *err)
{
	char text[TEXT_SIZE];
	const char *what = edit->kind == NM_EDIT_MISSING ? "lost rules"
		: edit->is_element                       ? "stale elements"
							 : "stale rules";

	(void)snprintf(text, sizeof(text), "nft table %s %s: %s '%s' has %s", family, NM_NFTABLES_TABLE,
		edit->is_element ? "set" : "chain", edit->where, what);
	if (!strcmp(text, c->last))
		return 0;
	memcpy(c->last, text, sizeof(text));
	return c->with->on_difference(c->with->ctx, nm_backend_words[edit->kind].kind, text, err);
}

static bool is_gone(const struct comparison *c, const struct nm_nftables_edit *edit)
{
	return edit->kind == NM_EDIT_STALE &&
		nm_gone_rules_count(c->with->gone, edit->family, edit->tag, edit->tag_len);
}

static int on_edit(void *ctx, const struct nm_nftables_edit *edit, struct nm_err *err)
{
	const struct nm_backend_words words = nm_backend_words[edit->kind];
	const char *family = edit->family == NM_IPV4 ? "ip" : "ip6";
	struct comparison *c = ctx;
	char text[TEXT_SIZE];

	if (!is_told(c, edit) || is_gone(c, edit))
		return 0;
	if (edit->where[0] && !edit->tag_len && edit->kind != NM_EDIT_CHANGED)
		return tell_place(c, edit, family, err);
	if (!edit->where[0])
		(void)snprintf(text, sizeof(text), "nft table %s %s is stale", family, NM_NFTABLES_TABLE);
	else if (!edit->tag_len)
		(void)snprintf(text, sizeof(text), "nft table %s %s: %s has been changed", family,
			NM_NFTABLES_TABLE, edit->where);
	else
		(void)snprintf(text, sizeof(text), "nft table %s %s, %s: '%.*s' %s", family,
			NM_NFTABLES_TABLE, edit->where, (int)edit->tag_len, edit->tag, words.text);
	if (edit->kind == NM_EDIT_MISSING && edit->tag_len &&
		nm_lost_rules_count(c->with->lost, edit->tag, edit->tag_len, text))
		return 0;
	return c->with->on_difference(c->with->ctx, words.kind, text, err);
}

static int compare(struct nm_backend_comparison *with, struct nm_err *err)
{
	struct comparison c = {.with = with};
	const struct nm_nftables_diff_output output = {.note = on_edit, .ctx = &c};
	const struct nm_desired *d = with->desired;

	if (!with->in_use)
		return nm_nftables_table_flush(with->nl, &output, err);
	return nm_nftables_table_compare(with->nl, NM_BOTH_FAMILIES, &d->elements, &d->statics, &output, err);
}

static int on_element(void *guards, const struct nm_nft_element *element, struct nm_err *err)
{
	return nm_localnet_guards_add(
		guards, "natmap:" NM_PUBLICATION_GUARD, element->tag, element->tag_len, err);
}

static int on_forward_element(void *guards, const struct nm_nft_element *element, struct nm_err *err)
{
	return nm_localnet_guards_add(
		guards, "natmap:" NM_PUBLICATION_FORWARD, element->tag, element->tag_len, err);
}

static int read_forward_guards(
	struct nm_netlink *nl, enum nm_family family, struct nm_localnet_guards *ret, struct nm_err *err)
{
	return nm_nft_objects_each_element(nl, nm_nftables_schema_place(family, NULL),
		nm_nftables_sets[NM_SET_FORWARDING].name, on_forward_element, ret, err);
}

static int read_guards(struct nm_netlink *nl, struct nm_localnet_guards *ret, struct nm_err *err)
{
	return nm_nft_objects_each_element(nl, nm_nftables_schema_place(NM_IPV4, NULL),
		nm_nftables_sets[NM_SET_LOCALNET].name, on_element, ret, err);
}

static size_t keep_counted(struct nm_desired *d, size_t from)
{
	struct nm_nftables_elements *elements = &d->elements;

	for (size_t i = from; i < elements->n; i++)
		if (nm_nftables_set_is_counted(elements->v[i].set))
			elements->v[from++] = elements->v[i];
	return elements->n = from;
}

static int count(
	struct nm_netlink *nl, const struct nm_desired *d, struct nm_counters *ret, struct nm_err *err)
{
	return d->elements.n ? nm_nftables_table_count(nl, &d->elements, ret, err) : 0;
}

static int print(const struct nm_desired *d, unsigned families, FILE *out, struct nm_err *err)
{
	return nm_nftables_print(&d->elements, families, out, err);
}

const struct nm_backend_ops nm_backend_nftables = {
	.accept_mark = NM_NFTABLES_MARK,
	.layout = layout,
	.layout_guard = layout_guard,
	.layout_network = layout_network,
	.layout_forward = layout_forward,
	.layout_forward_base = layout_forward_base,
	.layout_base = layout_base,
	.prepare = prepare,
	.rewrite = rewrite,
	.flush = flush,
	.compare = compare,
	.read_guards = read_guards,
	.read_forward_guards = read_forward_guards,
	.check_empty = nm_nftables_table_check_empty,
	.keep_counted = keep_counted,
	.count = count,
	.count_static = nm_nftables_table_count_statics,
	.print = print,
	.probe = nm_nftables_probe,
};
