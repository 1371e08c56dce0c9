#include "iptables/reading.h"

#include <string.h>

#include "base/array.h"
#include "iptables/encode.h"

const struct nm_rule *nm_iptables_reading_desired(const struct nm_iptables_diff *d, size_t i)
{
	return &d->scope->desired->v[i];
}

bool nm_iptables_reading_is_in(const struct nm_rule *rule, const struct nm_rule_place *place)
{
	return rule->family == place->family && rule->table == place->table && rule->chain == place->chain;
}

/* The desired rules of one owner stand one after the other. */
static bool stands_before_accept(const struct nm_iptables_reading *r, size_t drop)
{
	const struct nm_rule *rule = nm_iptables_reading_desired(r->d, drop), *before;

	if (rule->verdict != NM_VERDICT_DROP || rule->place != NM_PLACE_END)
		return false;
	for (size_t i = drop; i > 0; i--) {
		before = nm_iptables_reading_desired(r->d, i - 1);
		if (before->owner != rule->owner)
			return false;
		if (r->d->fate[i - 1] != NM_FATE_KEPT && nm_iptables_reading_is_in(before, &r->place) &&
			before->verdict == NM_VERDICT_ACCEPT)
			return true;
	}
	return false;
}

/* PREROUTING, which comes first, has told that nat ends: OUTPUT and POSTROUTING have the like. */
static bool comes_too_late(const struct nm_iptables_reading *r, const struct nm_rule *rule)
{
	bool may = r->place.chain == NM_CHAIN_OUTPUT ||
		(r->place.chain == NM_CHAIN_POSTROUTING && rule->place == NM_PLACE_END);

	return may && r->place.table == NM_TABLE_NAT && r->d->ended[r->place.family] &&
		(nm_iptables_ends_may(&r->others.before) || nm_iptables_ends_may(&r->others.behind));
}

bool nm_iptables_reading_is_misplaced(struct nm_iptables_reading *r, size_t i)
{
	const struct nm_rule *rule = nm_iptables_reading_desired(r->d, i);
	bool has_company = r->place.chain == NM_CHAIN_POSTROUTING || r->place.table == NM_TABLE_RAW ||
		(r->place.table == NM_TABLE_MANGLE && r->place.chain == NM_CHAIN_FORWARD);

	if ((rule->place == NM_PLACE_AFTER_HEAD && r->seconds.n &&
		    i > r->seconds.v[r->seconds.n - 1].desired) ||
		(rule->place == NM_PLACE_HEAD && r->ours_further_down) || stands_before_accept(r, i) ||
		comes_too_late(r, rule))
		return true;
	return r->behind_others = rule->place != NM_PLACE_END && has_company && r->others.decide;
}

int nm_iptables_reading_add_unwanted(
	struct nm_iptables_reading *r, const struct nm_nft_rule *rule, ssize_t desired, struct nm_err *err)
{
	struct nm_iptables_unwanted *u;

	if (nm_grow(&r->unwanted, "preparing the rules", err) < 0)
		return -1;
	u = &r->unwanted.v[r->unwanted.n++];
	*u = (struct nm_iptables_unwanted){.handle = rule->handle,
		.form = nm_iptables_encode_form(rule),
		.desired = desired,
		.behind_others = r->behind_others};
	if (rule->tag)
		memcpy(u->tag, rule->tag,
			rule->tag_len < sizeof(u->tag) ? rule->tag_len : sizeof(u->tag) - 1);
	return 0;
}

static int add_kept(struct nm_iptables_kept_list *list, size_t i, uint64_t handle, struct nm_err *err)
{
	if (nm_grow(list, "preparing the rules", err) < 0)
		return -1;
	list->v[list->n++] = (struct nm_iptables_kept){.desired = i, .handle = handle};
	return 0;
}

int nm_iptables_reading_keep(
	struct nm_iptables_reading *r, const struct nm_nft_rule *rule, size_t i, struct nm_err *err)
{
	enum nm_place place = nm_iptables_reading_desired(r->d, i)->place;

	if (nm_iptables_ends_may(&r->others.before) && add_kept(&r->late, i, rule->handle, err) < 0)
		return -1;
	r->d->fate[i] = NM_FATE_KEPT;
	if (r->d->handler->counters)
		r->d->handler->counters[i] = nm_nft_rule_counters(rule);
	if (r->d->handler->handles)
		r->d->handler->handles[i] = rule->handle;
	if (place == NM_PLACE_HEAD)
		r->last_head = rule->handle;
	else
		r->ours_further_down = true;
	return place == NM_PLACE_AFTER_HEAD ? add_kept(&r->seconds, i, rule->handle, err) : 0;
}

/* One that may end nat counts for those of natmap's that come behind it, the first of which is the jump. */
int nm_iptables_reading_add_other(
	struct nm_iptables_reading *r, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct nm_iptables_ends *ends = r->jump < 0 ? &r->others.before : &r->others.behind;

	return nm_iptables_others_note(
		&r->others, rule, r->index, r->place.table == NM_TABLE_NAT ? ends : NULL, err);
}

/* The jump from DOCKER-USER must be behind the rules of others, known once the chain has been read. */
static int check_jump(struct nm_iptables_reading *r, struct nm_err *err)
{
	bool right = r->others.last_is_return ? r->jump_index + 1 == r->others.last_index
					      : r->jump_index > r->others.last_index;
	const struct nm_nft_rule jump = {.handle = r->jump_handle};

	if (r->place.chain != NM_CHAIN_DOCKER_USER || r->jump < 0 || right)
		return 0;
	r->d->fate[r->jump] = NM_EDIT_MISPLACED;
	return nm_iptables_reading_add_unwanted(r, &jump, r->jump, err);
}

/*
 * Chains of others are followed only where the jump is not there yet, or everything is compared: else
 * natmap's rules go before those of others that the jump stands before, whatever these do.
 */
static int check_ends(struct nm_iptables_reading *r, struct nm_err *err)
{
	struct nm_iptables_others *o = &r->others;
	bool *ended = &r->d->ended[r->place.family], before = false;

	if (r->place.table != NM_TABLE_NAT || r->place.chain != NM_CHAIN_PREROUTING)
		return 0;
	*ended = nm_iptables_ends_may(&o->behind);
	if (r->jump >= 0 && !r->d->scope->everything)
		return 0;
	if (nm_iptables_ends_follow(r->d->nl, r->place.family, &o->before, &before, err) < 0 ||
		nm_iptables_ends_follow(r->d->nl, r->place.family, &o->behind, ended, err) < 0)
		return -1;
	*ended |= before;
	for (size_t i = 0; before && i < r->late.n; i++) {
		const struct nm_nft_rule rule = {.handle = r->late.v[i].handle};

		r->d->fate[r->late.v[i].desired] = NM_EDIT_MISPLACED;
		if (nm_iptables_reading_add_unwanted(r, &rule, (ssize_t)r->late.v[i].desired, err) < 0)
			return -1;
	}
	return 0;
}

bool nm_iptables_reading_goes_to_head(const struct nm_iptables_reading *r, const struct nm_rule *rule)
{
	return rule->place != NM_PLACE_END ||
		(r->place.table == NM_TABLE_NAT && r->place.chain != NM_CHAIN_NATMAP &&
			r->d->ended[r->place.family]);
}

void nm_iptables_reading_done(struct nm_iptables_reading *r)
{
	free(r->unwanted.v);
	free(r->seconds.v);
	free(r->late.v);
	nm_iptables_others_done(&r->others);
}

int nm_iptables_reading_settle(struct nm_iptables_reading *r, struct nm_err *err)
{
	r->behind_others = false;
	return check_jump(r, err) < 0 ? -1 : check_ends(r, err);
}
