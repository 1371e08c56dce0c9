#include "backend/iptables.h"

#include <stdio.h>
#include <string.h>

#include "backend/shadow.h"
#include "backend/withdrawal.h"
#include "iptables/encode.h"
#include "iptables/layout.h"
#include "iptables/layout_forward.h"
#include "iptables/layout_network.h"
#include "iptables/layout_static.h"
#include "iptables/print.h"
#include "iptables/probe.h"
#include "iptables/table.h"

static int layout(const struct nm_publication *pub, const struct nm_layout_options *options,
	struct nm_desired *ret, struct nm_err *err)
{
	return options ? nm_iptables_layout(pub, options, &ret->rules, err)
		       : nm_desired_add_owner(ret, pub->id, err);
}

static int layout_guard(const char *owner, struct nm_desired *ret, struct nm_err *err)
{
	return nm_desired_add_owner(ret, owner, err) < 0 ? -1
							 : nm_iptables_layout_guard(owner, &ret->rules, err);
}

static int layout_network(const struct nm_network_part *part, struct nm_desired *ret, struct nm_err *err)
{
	return nm_desired_add_owner(ret, part->owner, err) < 0
		? -1
		: nm_iptables_layout_network(part, &ret->rules, err);
}

static int layout_forward(
	enum nm_family family, const char *owner, bool bridged, struct nm_desired *ret, struct nm_err *err)
{
	return nm_desired_add_owner(ret, owner, err) < 0
		? -1
		: nm_iptables_layout_forward(family, owner, bridged, &ret->rules, err);
}

static int layout_forward_base(
	unsigned families, const struct nm_static_nats *statics, struct nm_desired *ret, struct nm_err *err)
{
	return nm_iptables_layout_forward_base(families, statics, &ret->rules, err);
}

static int layout_base(
	unsigned families, const struct nm_static_nats *statics, struct nm_desired *ret, struct nm_err *err)
{
	if (nm_iptables_layout_base(families, &ret->rules, err) < 0)
		return -1;
	return statics ? nm_iptables_layout_static(statics, &ret->rules, err) : 0;
}

/* Else no chain changes of which there are notes. */
static bool is_of_containers(const struct nm_iptables_scope *scope)
{
	for (size_t i = 0; i < scope->desired->n; i++)
		if (scope->desired->v[i].owner && scope->desired->v[i].owner[0] != '@')
			return true;
	for (size_t i = 0; i < scope->n_owners; i++)
		if (scope->owners[i][0] != '@')
			return true;
	return false;
}

/* Which chains need not be read for containers that are withdrawn. */
static void settle(const struct nm_chain_notes *notes,
	bool ret[static NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX], struct nm_iptables_scope *scope)
{
	nm_each_family(f, NM_BOTH_FAMILIES)
		for (size_t i = 0; i < NM_HANDLES_CHAINS; i++) {
			const struct nm_rule_place p = nm_handles_chain(f, i);

			ret[f][p.table][p.chain] = notes->v[f][i].known;
		}
	scope->settled = (const bool(*)[NM_TABLE_MAX][NM_CHAIN_MAX])ret;
}

/* What will be known then. */
static void note_growth(struct nm_chain_notes *notes, const struct nm_iptables_written *written)
{
	nm_each_family(f, NM_BOTH_FAMILIES)
		for (size_t i = 0; i < NM_HANDLES_CHAINS; i++) {
			const struct nm_rule_place p = nm_handles_chain(f, i);

			notes->v[f][i].use += (uint32_t)written->more[f][p.table][p.chain];
		}
}

static void note_base(struct nm_chain_notes *notes, const struct nm_rules *desired, unsigned families)
{
	for (size_t i = 0; i < desired->n; i++)
		if (nm_iptables_layout_is_base(&desired->v[i]))
			notes->based |= families & 1u << desired->v[i].family;
}

static int prepare(const struct nm_backend_change *change, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	bool settled[NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX] = {0}, withdrawn = false;
	struct nm_iptables_written written = {.handles = change->handles};
	struct nm_chain_notes *notes = change->after;
	struct nm_iptables_scope scope = {
		.desired = &change->new.rules,
		.owners = change->replaced.owners.v,
		.n_owners = change->replaced.owners.n,
		.look_for_old = change->replaced.owners.n > 0,
	};

	*notes = *change->before;
	if (!scope.desired->n && !scope.n_owners)
		return 0;
	if (!is_of_containers(&scope))
		return nm_iptables_table_write(&scope, attempt, &written, err);
	if (scope.n_owners) /* a rule of a pod may have counted for another; iptables -Z, and restored tables
			     */
		*change->used = NM_BOTH_FAMILIES;
	if (nm_withdrawal_look(attempt->nl, attempt->generation, notes, err) < 0 ||
		(change->withdrawn &&
			nm_withdrawal_ask(attempt->nl, change->withdrawn, notes, &withdrawn, err) < 0))
		return -1;
	if (withdrawn)
		settle(notes, settled, &scope);
	scope.based = notes->based;
	if (nm_iptables_table_write(&scope, attempt, &written, err) < 0)
		return -1;
	note_growth(notes, &written);
	note_base(notes, scope.desired, attempt->families & ~written.ended);
	return withdrawn ? nm_withdrawal_delete(attempt->txn, change->withdrawn, notes, err) : 0;
}

static int rewrite(const struct nm_desired *desired, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	struct nm_iptables_written written = {.handles = NULL};
	const struct nm_iptables_scope scope = {
		.desired = &desired->rules, .everything = true, .look_for_old = true};

	return nm_iptables_table_write(&scope, attempt, &written, err);
}

static int flush(const struct nm_desired *desired, struct nm_nft_attempt *attempt,
	struct nm_iptables_left *ret_left, struct nm_err *err)
{
	return nm_iptables_table_flush(attempt, &desired->rules, ret_left, err);
}

/* Tells of a rule that is to be moved or made anew once, with its deletion. The base may be missing in a
 * family in which nothing is published. */
static bool is_told(const struct nm_backend_comparison *c, const struct nm_edit *edit)
{
	return edit->kind == NM_EDIT_MISSING ? c->families & 1u << edit->place.family : !edit->add;
}

static bool is_gone(const struct nm_backend_comparison *c, const struct nm_edit *edit)
{
	return edit->kind == NM_EDIT_STALE &&
		nm_gone_rules_count(c->gone, edit->place.family, edit->tag, strlen(edit->tag));
}

static bool is_lost(const struct nm_backend_comparison *c, const struct nm_edit *edit, const char *text)
{
	char tag[NM_TAG_SIZE];

	if (edit->kind != NM_EDIT_MISSING || !edit->desired->owner)
		return false;
	nm_tag_print(edit->desired->owner, edit->desired->owner_ports, tag);
	return nm_lost_rules_count(c->lost, tag, strlen(tag), text);
}

/* A comparison, and what is read for it. */
struct comparing {
	const struct nm_backend_comparison *c;
	struct nm_shadow shadow;
};

static void comparing_done(struct comparing *comparing)
{
	nm_shadow_done(&comparing->shadow);
}

static int on_edit(void *ctx, const struct nm_edit *edit, struct nm_err *err)
{
	const char *program = edit->place.family == NM_IPV4 ? "iptables" : "ip6tables";
	const struct nm_backend_words words = nm_backend_words[edit->kind];
	const char *table = nm_rule_table_name(edit->place.table), *kind = words.kind;
	struct comparing *comparing = ctx;
	const struct nm_backend_comparison *c = comparing->c;
	bool is_shadowed = true;
	const char *by_nft = edit->form == NM_FORM_NFT ? ", written by nft: iptables cannot read it" : "";
	char rule[NM_RULE_STRLEN], text[NM_RULE_STRLEN + 128];

	if (!is_told(c, edit) || is_gone(c, edit))
		return 0;
	if (edit->behind_others &&
		nm_shadow_find(&comparing->shadow, c->nl, edit->desired, edit->handle, &is_shadowed, err) < 0)
		return -1;
	if (!is_shadowed)
		return 0;
	if (edit->kind == NM_EDIT_STALE) {
		(void)snprintf(text, sizeof(text), "%s -t %s: rule '%s' in chain %s is stale%s", program,
			table, edit->tag[0] ? edit->tag : "jump", nm_rule_chain_name(edit->place.chain),
			by_nft);
	} else {
		(void)snprintf(text, sizeof(text), "%s -t %s: rule '%s' %s%s", program, table,
			nm_iptables_print_rule(edit->desired, rule), words.text, by_nft);
		kind = edit->desired->owner ? kind : "jump";
		if (is_lost(c, edit, text))
			return 0;
	}
	return c->on_difference(c->ctx, kind, text, err);
}

static int compare(struct nm_backend_comparison *c, struct nm_err *err)
{
	NM_CLEANUP(comparing_done) struct comparing comparing = {.c = c};
	const struct nm_iptables_compare_handler handler = {.edit = on_edit, .ctx = &comparing};
	const struct nm_iptables_scope all = {
		.desired = &c->desired->rules, .everything = true, .look_for_old = true};

	return nm_iptables_compare(c->nl, &all, NM_BOTH_FAMILIES, &handler, err);
}

static int on_rule(void *guards, const struct nm_nft_rule *rule, struct nm_err *err)
{
	return nm_localnet_guards_add(guards, "natmap:" NM_PUBLICATION_GUARD, rule->tag, rule->tag_len, err);
}

static int on_forward_rule(void *guards, const struct nm_nft_rule *rule, struct nm_err *err)
{
	return nm_localnet_guards_add(
		guards, "natmap:" NM_PUBLICATION_FORWARD, rule->tag, rule->tag_len, err);
}

static int read_forward_guards(
	struct nm_netlink *nl, enum nm_family family, struct nm_localnet_guards *ret, struct nm_err *err)
{
	return nm_nft_rules_each(nl, nm_iptables_encode_place(family, NM_TABLE_MANGLE, NM_CHAIN_NATMAP),
		on_forward_rule, ret, err);
}

static int read_guards(struct nm_netlink *nl, struct nm_localnet_guards *ret, struct nm_err *err)
{
	return nm_nft_rules_each(
		nl, nm_iptables_encode_place(NM_IPV4, NM_TABLE_RAW, NM_CHAIN_PREROUTING), on_rule, ret, err);
}

static int on_container_rule(void *ctx, const struct nm_edit *edit, struct nm_err *err)
{
	(void)ctx;
	if (edit->form != NM_FORM_OWN || !nm_tag_is_of_container(edit->tag, strlen(edit->tag)))
		return 0;
	return nm_fail(err, NM_ERR_FAILED,
		"the state file is missing, but there are rules of containers ('%s'): --force removes them",
		edit->tag);
}

static int check_empty(struct nm_netlink *nl, struct nm_err *err)
{
	static const struct nm_rules none;
	const struct nm_iptables_scope scope = {.desired = &none, .everything = true, .look_for_old = true};
	const struct nm_iptables_compare_handler handler = {.edit = on_container_rule};

	return nm_iptables_compare(nl, &scope, NM_BOTH_FAMILIES, &handler, err);
}

/* A packet passes several rules of its mapping, of which one translates. */
static size_t keep_verdict(struct nm_rules *rules, size_t from, enum nm_verdict verdict)
{
	for (size_t i = from; i < rules->n; i++)
		if (rules->v[i].verdict == verdict)
			rules->v[from++] = rules->v[i];
	return rules->n = from;
}

static size_t keep_counted(struct nm_desired *d, size_t from)
{
	return keep_verdict(&d->rules, from, NM_VERDICT_DNAT);
}

static int on_any_edit(void *ctx, const struct nm_edit *edit, struct nm_err *err)
{
	(void)ctx;
	(void)edit; /* natmap check tells what differs */
	(void)err;
	return 0;
}

static int count_rules(
	struct nm_netlink *nl, const struct nm_rules *rules, struct nm_counters *ret, struct nm_err *err)
{
	const struct nm_iptables_scope scope = {.desired = rules, .look_for_old = true};
	const struct nm_iptables_compare_handler handler = {.edit = on_any_edit, .counters = ret};

	if (rules->n == 0)
		return 0;
	return nm_iptables_compare(nl, &scope, NM_BOTH_FAMILIES, &handler, err);
}

static int count(
	struct nm_netlink *nl, const struct nm_desired *d, struct nm_counters *ret, struct nm_err *err)
{
	return count_rules(nl, &d->rules, ret, err);
}

/* ends: for each entry, the number of rules up to and with its own. */
static int layout_counted(
	const struct nm_static_nats *statics, struct nm_rules *rules, size_t *ends, struct nm_err *err)
{
	/* all connections of a hairpin end with MASQUERADE, whoever has sent them to the container */
	static const enum nm_verdict counted[NM_STATIC_KIND_MAX] = {
		[NM_STATIC_DNAT] = NM_VERDICT_DNAT,
		[NM_STATIC_SNAT] = NM_VERDICT_SNAT,
		[NM_STATIC_HAIRPIN] = NM_VERDICT_MASQUERADE,
	};

	for (size_t i = 0; i < statics->n; i++) {
		const struct nm_static_nats one = {.v = &statics->v[i], .n = 1};
		size_t from = rules->n;

		if (nm_iptables_layout_static(&one, rules, err) < 0)
			return -1;
		ends[i] = keep_verdict(rules, from, counted[statics->v[i].kind]);
	}
	return 0;
}

static int count_static(struct nm_netlink *nl, const struct nm_static_nats *statics, struct nm_counters *ret,
	struct nm_err *err)
{
	NM_CLEANUP(nm_rules_done) struct nm_rules rules = {0};
	nm_autofree size_t *ends = calloc(statics->n + 1, sizeof(*ends));
	nm_autofree struct nm_counters *counters = NULL;

	if (!ends)
		return nm_fail_memory(err, "reading the counters");
	if (layout_counted(statics, &rules, ends, err) < 0)
		return -1;
	counters = calloc(rules.n + 1, sizeof(*counters));
	if (!counters)
		return nm_fail_memory(err, "reading the counters");
	if (count_rules(nl, &rules, counters, err) < 0)
		return -1;
	for (size_t i = 0, rule = 0; i < statics->n; i++)
		for (; rule < ends[i]; rule++) {
			ret[i].packets += counters[rule].packets;
			ret[i].bytes += counters[rule].bytes;
		}
	return 0;
}

static int print(const struct nm_desired *d, unsigned families, FILE *out, struct nm_err *err)
{
	(void)families;
	(void)err;
	nm_iptables_print(&d->rules, out);
	return 0;
}

const struct nm_backend_ops nm_backend_iptables = {
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
	.check_empty = check_empty,
	.keep_counted = keep_counted,
	.count = count,
	.count_static = count_static,
	.print = print,
	.probe = nm_iptables_probe,
};
