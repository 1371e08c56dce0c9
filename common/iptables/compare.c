/*
 * Each chain of the layout is read and compared with the rules desired in it. The comment tells which rules
 * are natmap's; the jumps, which have none, are known by their form.
 *
 * A desired rule that is in the chain stays untouched, unless it has no effect where it stands:
 *  - a rule of the head, or of the second tier (NM_PLACE_AFTER_HEAD), behind a rule of others that may keep
 *    packets from it,
 *  - a rule of the head behind a rule of natmap's that belongs further down,
 *  - a DROP before an ACCEPT of the same owner,
 *  - a rule of the second tier, several of which may match one packet, above one that must precede it,
 *  - the jump from DOCKER-USER before rules of the administrator; a bare RETURN at the end of that chain
 * stays behind it,
 *  - a rule in PREROUTING or OUTPUT of nat, or one that belongs to the end of POSTROUTING, behind rules of
 *    others that end nat (iptables/ends.h).
 */
#include "iptables/compare.h"

#include <string.h>

#include "base/array.h"
#include "iptables/encode.h"
#include "iptables/layout.h"
#include "iptables/reading.h"

/* Number of the desired rule that this one is; -1: none. */
static ssize_t find_desired(const struct nm_iptables_reading *r, const struct nm_nft_rule *rule)
{
	size_t position = 0;
	ssize_t i;

	while ((i = nm_rules_next(&r->d->index, &r->place, rule->tag, rule->tag_len, &position)) >= 0)
		if (r->d->fate[i] == NM_EDIT_MISSING &&
			nm_iptables_encode_equal(nm_iptables_reading_desired(r->d, (size_t)i), rule))
			return i;
	return -1;
}

/* True for a further copy of a desired jump, or one that nft has loaded. */
static bool is_copy(const struct nm_iptables_reading *r, const struct nm_nft_rule *jump)
{
	size_t position = 0;
	ssize_t i;

	while ((i = nm_rules_next(&r->d->index, &r->place, NULL, 0, &position)) >= 0)
		if (nm_iptables_encode_means(nm_iptables_reading_desired(r->d, (size_t)i), jump))
			return true;
	return false;
}

static bool is_settled(
	const struct nm_iptables_scope *scope, const struct nm_rule_place *p, const char *owner)
{
	return scope->settled && scope->settled[p->family][p->table][p->chain] && owner[0] != '@';
}

/* A rule of natmap's that nobody desires. */
static bool is_stale(const struct nm_iptables_reading *r, const struct nm_nft_rule *rule)
{
	const struct nm_iptables_scope *scope = r->d->scope;
	ssize_t i;

	if (!rule->tag)
		return scope->everything && is_copy(r, rule);
	if (scope->everything)
		return nm_tag_is_ours(rule->tag, rule->tag_len);
	i = nm_tag_find_owner(&r->d->owners, scope->owners, rule->tag, rule->tag_len);
	return i >= 0 && !is_settled(scope, &r->place, scope->owners[i]);
}

/* Whether others may have written it. */
static bool is_shared(const struct nm_rule *rule)
{
	return !rule->known && (!rule->owner || rule->owner[0] == '@');
}

/* With the desired rule i, which has come, all have come that may be there, and nothing behind them matters.
 */
static bool is_complete(struct nm_iptables_reading *r, size_t i)
{
	if (r->d->scope->look_for_old || is_shared(nm_iptables_reading_desired(r->d, i)))
		r->awaited -= r->awaited != SIZE_MAX;
	return r->awaited == 0;
}

static int on_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct nm_iptables_reading *r = ctx;
	ssize_t i = find_desired(r, rule);

	r->index++;
	r->behind_others = false;
	if (i >= 0 && nm_iptables_reading_is_misplaced(r, (size_t)i)) {
		r->d->fate[i] = NM_EDIT_MISPLACED;
		return nm_iptables_reading_add_unwanted(r, rule, i, err);
	}
	if (i >= 0) {
		r->jump = i;
		r->jump_index = r->index;
		r->jump_handle = rule->handle;
		return nm_iptables_reading_keep(r, rule, (size_t)i, err) < 0 ? -1 : is_complete(r, (size_t)i);
	}
	if (is_stale(r, rule))
		return nm_iptables_reading_add_unwanted(r, rule, -1, err);
	return nm_iptables_reading_add_other(r, rule, err);
}

/* A rule that has to go and has the comment of a missing rule of its chain, or is a jump like that, is that
 * rule, changed. */
static void pair_changed(struct nm_iptables_reading *r)
{
	for (size_t u = 0; u < r->unwanted.n; u++) {
		struct nm_iptables_unwanted *old = &r->unwanted.v[u];
		size_t position = 0;
		ssize_t i;

		while (old->desired < 0 &&
			(i = nm_rules_next(&r->d->index, &r->place, old->tag, strlen(old->tag), &position)) >=
				0) {
			if (r->d->fate[i] != NM_EDIT_MISSING)
				continue;
			r->d->fate[i] = NM_EDIT_CHANGED;
			old->desired = i;
		}
	}
}

static int delete_unwanted(const struct nm_iptables_reading *r, struct nm_err *err)
{
	const struct nm_iptables_compare_handler *handler = r->d->handler;

	for (size_t u = 0; u < r->unwanted.n; u++) {
		const struct nm_iptables_unwanted *old = &r->unwanted.v[u];
		struct nm_edit edit = {.kind = NM_EDIT_STALE,
			.place = r->place,
			.handle = old->handle,
			.tag = old->tag,
			.form = old->form,
			.behind_others = old->behind_others};

		if (old->desired >= 0) {
			edit.kind = r->d->fate[old->desired];
			edit.desired = nm_iptables_reading_desired(r->d, (size_t)old->desired);
		}
		if (handler->edit(handler->ctx, &edit, err) < 0)
			return -1;
	}
	return 0;
}

/* Handle of the kept rule to insert after: the lowest second-tier rule that must precede it, else the last
 * head rule; 0 if neither exists. */
static uint64_t rule_above(const struct nm_iptables_reading *r, size_t i)
{
	for (size_t n = r->seconds.n; n > 0; n--)
		if (r->seconds.v[n - 1].desired > i)
			return r->seconds.v[n - 1].handle;
	return r->last_head;
}

static int add_missing(const struct nm_iptables_reading *r, size_t i, struct nm_err *err)
{
	const struct nm_iptables_compare_handler *handler = r->d->handler;
	struct nm_edit edit = {.kind = r->d->fate[i],
		.place = r->place,
		.desired = nm_iptables_reading_desired(r->d, i),
		.add = true,
		.at_head = nm_iptables_reading_goes_to_head(r, nm_iptables_reading_desired(r->d, i)),
		.tag = ""};

	if (edit.desired->place == NM_PLACE_AFTER_HEAD) {
		edit.neighbour = rule_above(r, i);
		edit.behind = true;
	} else if (r->place.chain == NM_CHAIN_POSTROUTING && edit.desired->place == NM_PLACE_END &&
		edit.at_head) {
		edit.neighbour = r->seconds.n ? r->seconds.v[r->seconds.n - 1].handle : r->last_head;
		edit.behind = true;
	} else if (r->place.chain == NM_CHAIN_DOCKER_USER && r->others.last_is_return) {
		edit.neighbour = r->others.last_handle;
	}
	return handler->edit(handler->ctx, &edit, err);
}

/* A rule inserted at the head stands above those inserted before: hence the second tier comes before the
 * head, and before both what goes to the head only where others end nat. */
static int complete_chain(const struct nm_iptables_reading *r, struct nm_err *err)
{
	static const enum nm_place places[] = {NM_PLACE_END, NM_PLACE_AFTER_HEAD, NM_PLACE_HEAD};

	for (size_t p = 0; p < sizeof(places) / sizeof(*places); p++)
		for (size_t i = 0; i < r->d->scope->desired->n; i++) {
			const struct nm_rule *rule = nm_iptables_reading_desired(r->d, i);

			if (r->d->fate[i] != NM_FATE_KEPT && nm_iptables_reading_is_in(rule, &r->place) &&
				rule->place == places[p] && add_missing(r, i, err) < 0)
				return -1;
		}
	return 0;
}

/* Whether rules may be stale there. */
static bool may_have_stale(const struct nm_iptables_diff *d, const struct nm_rule_place *place)
{
	const struct nm_iptables_scope *scope = d->scope;

	for (size_t i = 0; i < scope->n_owners; i++)
		if (!is_settled(scope, place, scope->owners[i]) &&
			nm_iptables_layout_may_have(scope->owners[i], place))
			return true;
	return scope->everything;
}

/* How many rules to wait for. In nat, and where the administrator's come before the jump, all others count.
 */
static size_t count_awaited(const struct nm_iptables_reading *r)
{
	size_t n = 0;

	if (may_have_stale(r->d, &r->place) || r->place.table == NM_TABLE_NAT ||
		r->place.chain == NM_CHAIN_DOCKER_USER)
		return SIZE_MAX;
	for (size_t i = 0; i < r->d->scope->desired->n; i++) {
		const struct nm_rule *rule = nm_iptables_reading_desired(r->d, i);

		n += nm_iptables_reading_is_in(rule, &r->place) &&
			(r->d->scope->look_for_old || is_shared(rule));
	}
	return n;
}

/* Whether others of its owner, of tables that have been compared, are not there. */
static bool has_lost_others(const struct nm_iptables_diff *d, const struct nm_rule *rule)
{
	for (size_t i = 0; i < d->scope->desired->n; i++) {
		const struct nm_rule *other = nm_iptables_reading_desired(d, i);

		if (d->fate[i] != NM_FATE_KEPT && other->family == rule->family &&
			other->table < rule->table && other->owner && !strcmp(other->owner, rule->owner))
			return true;
	}
	return false;
}

static void settle_known(struct nm_iptables_diff *d, const struct nm_rule_place *place)
{
	for (size_t i = 0; d->has_known && i < d->scope->desired->n; i++) {
		const struct nm_rule *rule = nm_iptables_reading_desired(d, i);

		if (!rule->known || !nm_iptables_reading_is_in(rule, place))
			continue;
		if (has_lost_others(d, rule))
			d->shared[place->family][place->table][place->chain] = true;
		else
			d->fate[i] = NM_FATE_KEPT;
	}
}

static int compare_chain(struct nm_iptables_diff *d, const struct nm_rule_place *place, struct nm_err *err)
{
	NM_CLEANUP(nm_iptables_reading_done)
	struct nm_iptables_reading r = {.d = d, .place = *place, .jump = -1};
	bool used = d->used[place->family][place->table][place->chain];
	bool may_have_old = used || may_have_stale(d, place);

	settle_known(d, place);
	r.awaited = count_awaited(&r);
	if (((d->scope->look_for_old && may_have_old) ||
		    d->shared[place->family][place->table][place->chain]) &&
		nm_nft_rules_each(d->nl, nm_iptables_encode_place(place->family, place->table, place->chain),
			on_rule, &r, err) < 0)
		return -1;
	if (nm_iptables_reading_settle(&r, err) < 0)
		return -1;
	if (used)
		pair_changed(&r);
	if (delete_unwanted(&r, err) < 0)
		return -1;
	return used ? complete_chain(&r, err) : 0;
}

static int compare_families(struct nm_iptables_diff *d, unsigned families, struct nm_err *err)
{
	struct nm_rule_place p;

	for (p.family = NM_IPV4; p.family < NM_FAMILY_MAX; p.family++)
		for (p.table = 0; families & 1u << p.family && p.table < NM_TABLE_MAX; p.table++)
			for (p.chain = 0; p.chain < NM_CHAIN_MAX; p.chain++)
				if (compare_chain(d, &p, err) < 0)
					return -1;
	return 0;
}

static void find_chains(struct nm_iptables_diff *d)
{
	for (size_t i = 0; i < d->scope->desired->n; i++) {
		const struct nm_rule *r = nm_iptables_reading_desired(d, i);

		if (d->scope->based & 1u << r->family && nm_iptables_layout_is_base(r)) {
			d->fate[i] = NM_FATE_KEPT;
			continue;
		}
		d->used[r->family][r->table][r->chain] = true;
		d->has_known |= r->known;
		if (is_shared(r))
			d->shared[r->family][r->table][r->chain] = true;
	}
}

static void diff_done(struct nm_iptables_diff *d)
{
	free(d->fate);
	nm_hash_index_done(&d->index);
	nm_hash_index_done(&d->owners);
}

int nm_iptables_compare(struct nm_netlink *nl, const struct nm_iptables_scope *scope, unsigned families,
	const struct nm_iptables_compare_handler *handler, struct nm_err *err)
{
	NM_CLEANUP(diff_done) struct nm_iptables_diff d = {.nl = nl, .scope = scope, .handler = handler};

	if (nm_rules_index(scope->desired, &d.index, err) < 0 ||
		nm_tag_index_owners(scope->owners, scope->n_owners, &d.owners, err) < 0)
		return -1;
	d.fate = calloc(scope->desired->n + 1, sizeof(*d.fate));
	if (!d.fate)
		return nm_fail_memory(err, "preparing the rules");
	find_chains(&d);
	if (compare_families(&d, families, err) < 0)
		return -1;
	nm_each_family(f, families)
		if (handler->ended && d.ended[f])
			*handler->ended |= 1u << f;
	return 0;
}
