/*
 * Each chain is compared with the rules desired in it. natmap's are known by the comment, jumps by their form.
 *
 * A desired rule that is in the chain stays untouched, unless it has no effect where it stands:
 *  - one of the head, or of the second tier (NM_PLACE_AFTER_HEAD), behind one of others that may decide,
 *  - a rule of the head behind a rule of natmap's that belongs further down,
 *  - a DROP before an ACCEPT of the same owner,
 *  - a rule of the second tier, several of which may match one packet, above one that must precede it,
 *  - the jump from DOCKER-USER before rules of the administrator, but for a bare RETURN at the end.
 */
#include "iptables/compare.h"

#include <string.h>

#include "base/array.h"
#include "iptables/encode.h"

/* What becomes of a desired rule: KEPT, or one of enum nm_edit_kind. */
enum { KEPT = NM_EDIT_MISPLACED + 1 };

/* A rule of natmap's that has to go. */
struct unwanted {
	uint64_t handle;
	char tag[NM_NFT_COMMENT_SIZE];
	enum nm_iptables_form form;
	ssize_t desired; /* number of the rule that it is, misplaced, or that it was; -1: none */
	bool behind_others;
};

struct diff {
	struct nm_netlink *nl;
	const struct nm_iptables_scope *scope;
	const struct nm_iptables_compare_handler *handler;
	struct nm_hash_index index;
	struct nm_hash_index owners;
	uint8_t *fate;                                          /* of each desired rule */
	bool used[NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX];   /* desired rules are in that chain */
	bool shared[NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX]; /* ... that others may have written */
};

/* A rule of the second tier that stays. */
struct second {
	size_t desired;
	uint64_t handle;
};

/* One chain while it is read. */
struct reading {
	struct diff *d;
	struct nm_rule_place place;
	struct {
		struct unwanted *v; /* owned */
		size_t n, capacity;
	} unwanted;
	struct {
		struct second *v; /* owned; in the order of the chain, that of their numbers reversed */
		size_t n, capacity;
	} seconds;
	size_t index;           /* of the next rule */
	bool behind_others;     /* struct nm_edit, of the rule that is read */
	bool others_decide;     /* one of others has come that may keep packets from those behind it */
	bool ours_further_down; /* a kept rule has come that belongs behind the head */
	uint64_t last_head;     /* handle of the last kept rule of the head */
	ssize_t jump;           /* DOCKER-USER: number of the desired jump that is there; -1: none yet */
	size_t jump_index;      /* its index in the chain */
	uint64_t jump_handle;
	size_t last_index; /* of the last rule of others */
	uint64_t last_handle;
	bool last_is_return;
};

static const struct nm_rule *desired_rule(const struct diff *d, size_t i)
{
	return &d->scope->desired->v[i];
}

static bool is_in(const struct nm_rule *rule, const struct nm_rule_place *place)
{
	return rule->family == place->family && rule->table == place->table && rule->chain == place->chain;
}

/* The desired rules of one owner stand one after the other. */
static bool stands_before_accept(const struct reading *r, size_t drop)
{
	const struct nm_rule *rule = desired_rule(r->d, drop), *before;

	if (rule->verdict != NM_VERDICT_DROP || rule->place != NM_PLACE_END)
		return false;
	for (size_t i = drop; i > 0; i--) {
		before = desired_rule(r->d, i - 1);
		if (before->owner != rule->owner)
			return false;
		if (r->d->fate[i - 1] != KEPT && is_in(before, &r->place) &&
			before->verdict == NM_VERDICT_ACCEPT)
			return true;
	}
	return false;
}

static bool is_misplaced(struct reading *r, size_t i)
{
	const struct nm_rule *rule = desired_rule(r->d, i);
	bool has_company = r->place.chain == NM_CHAIN_POSTROUTING || r->place.table == NM_TABLE_RAW ||
		(r->place.table == NM_TABLE_MANGLE && r->place.chain == NM_CHAIN_FORWARD);

	if ((rule->place == NM_PLACE_AFTER_HEAD && r->seconds.n &&
		    i > r->seconds.v[r->seconds.n - 1].desired) ||
		(rule->place == NM_PLACE_HEAD && r->ours_further_down) || stands_before_accept(r, i))
		return true;
	return r->behind_others = rule->place != NM_PLACE_END && has_company && r->others_decide;
}

/* Number of the desired rule that this one is; -1: none. */
static ssize_t find_desired(const struct reading *r, const struct nm_nft_rule *rule)
{
	size_t position = 0;
	ssize_t i;

	while ((i = nm_rules_next(&r->d->index, &r->place, rule->tag, rule->tag_len, &position)) >= 0)
		if (r->d->fate[i] == NM_EDIT_MISSING &&
			nm_iptables_encode_equal(desired_rule(r->d, (size_t)i), rule))
			return i;
	return -1;
}

/* True for a further copy of a desired jump, or one that nft has loaded. */
static bool is_copy(const struct reading *r, const struct nm_nft_rule *jump)
{
	size_t position = 0;
	ssize_t i;

	while ((i = nm_rules_next(&r->d->index, &r->place, NULL, 0, &position)) >= 0)
		if (nm_iptables_encode_means(desired_rule(r->d, (size_t)i), jump))
			return true;
	return false;
}

/* A rule of natmap's that nobody desires. */
static bool is_stale(const struct reading *r, const struct nm_nft_rule *rule)
{
	const struct nm_iptables_scope *scope = r->d->scope;

	if (!rule->tag)
		return scope->everything && is_copy(r, rule);
	if (scope->everything)
		return nm_tag_is_ours(rule->tag, rule->tag_len);
	return nm_tag_find_owner(&r->d->owners, scope->owners, rule->tag, rule->tag_len) >= 0;
}

static int add_unwanted(
	struct reading *r, const struct nm_nft_rule *rule, ssize_t desired, struct nm_err *err)
{
	struct unwanted *u;

	if (nm_grow(&r->unwanted, "preparing the rules", err) < 0)
		return -1;
	u = &r->unwanted.v[r->unwanted.n++];
	*u = (struct unwanted){.handle = rule->handle,
		.form = nm_iptables_encode_form(rule),
		.desired = desired,
		.behind_others = r->behind_others};
	if (rule->tag)
		memcpy(u->tag, rule->tag,
			rule->tag_len < sizeof(u->tag) ? rule->tag_len : sizeof(u->tag) - 1);
	return 0;
}

static int keep(struct reading *r, const struct nm_nft_rule *rule, size_t i, struct nm_err *err)
{
	enum nm_place place = desired_rule(r->d, i)->place;

	r->d->fate[i] = KEPT;
	if (r->d->handler->counters)
		r->d->handler->counters[i] = nm_nft_rule_counters(rule);
	if (place == NM_PLACE_HEAD)
		r->last_head = rule->handle;
	else
		r->ours_further_down = true;
	if (place != NM_PLACE_AFTER_HEAD)
		return 0;
	if (nm_grow(&r->seconds, "preparing the rules", err) < 0)
		return -1;
	r->seconds.v[r->seconds.n++] = (struct second){.desired = i, .handle = rule->handle};
	return 0;
}

/* A rule of another owner of natmap's matches that owner's ports only; a static SNAT may match any packet. */
static bool may_decide(const struct nm_nft_rule *rule)
{
	static const char snat[] = "natmap:@snat/";
	bool is_snat = rule->tag_len >= sizeof(snat) && !memcmp(rule->tag, snat, sizeof(snat) - 1);

	if (rule->tag && nm_tag_is_ours(rule->tag, rule->tag_len) && !is_snat)
		return false;
	return nm_nft_rule_decides(rule);
}

/* Of bare RETURNs in a row the first counts. */
static void add_other(struct reading *r, const struct nm_nft_rule *rule)
{
	static const struct nm_rule bare_return = {.verdict = NM_VERDICT_RETURN};
	bool is_return = nm_iptables_encode_equal(&bare_return, rule);

	r->others_decide = r->others_decide || may_decide(rule);
	if (!is_return || !r->last_is_return) {
		r->last_index = r->index;
		r->last_handle = rule->handle;
	}
	r->last_is_return = is_return;
}

static int on_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct reading *r = ctx;
	ssize_t i = find_desired(r, rule);

	r->index++;
	r->behind_others = false;
	if (i >= 0 && is_misplaced(r, (size_t)i)) {
		r->d->fate[i] = NM_EDIT_MISPLACED;
		return add_unwanted(r, rule, i, err);
	}
	if (i >= 0) {
		r->jump = i;
		r->jump_index = r->index;
		r->jump_handle = rule->handle;
		return keep(r, rule, (size_t)i, err);
	}
	if (is_stale(r, rule))
		return add_unwanted(r, rule, -1, err);
	add_other(r, rule);
	return 0;
}

/* The jump from DOCKER-USER must be behind the rules of others. */
static int check_jump(struct reading *r, struct nm_err *err)
{
	bool right = r->last_is_return ? r->jump_index + 1 == r->last_index : r->jump_index > r->last_index;
	const struct nm_nft_rule jump = {.handle = r->jump_handle};

	if (r->place.chain != NM_CHAIN_DOCKER_USER || r->jump < 0 || right)
		return 0;
	r->d->fate[r->jump] = NM_EDIT_MISPLACED;
	return add_unwanted(r, &jump, r->jump, err);
}

/* A rule that has to go with the comment of a missing one of its chain, or a jump, is that one, changed. */
static void pair_changed(struct reading *r)
{
	for (size_t u = 0; u < r->unwanted.n; u++) {
		struct unwanted *old = &r->unwanted.v[u];
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

static int delete_unwanted(const struct reading *r, struct nm_err *err)
{
	const struct nm_iptables_compare_handler *handler = r->d->handler;

	for (size_t u = 0; u < r->unwanted.n; u++) {
		const struct unwanted *old = &r->unwanted.v[u];
		struct nm_edit edit = {.kind = NM_EDIT_STALE,
			.place = r->place,
			.handle = old->handle,
			.tag = old->tag,
			.form = old->form,
			.behind_others = old->behind_others};

		if (old->desired >= 0) {
			edit.kind = r->d->fate[old->desired];
			edit.desired = desired_rule(r->d, (size_t)old->desired);
		}
		if (handler->edit(handler->ctx, &edit, err) < 0)
			return -1;
	}
	return 0;
}

/* Handle of the kept rule to insert after: the lowest of the second tier, else the last of the head; 0: none.
 */
static uint64_t rule_above(const struct reading *r, size_t i)
{
	for (size_t n = r->seconds.n; n > 0; n--)
		if (r->seconds.v[n - 1].desired > i)
			return r->seconds.v[n - 1].handle;
	return r->last_head;
}

static int add_missing(const struct reading *r, size_t i, struct nm_err *err)
{
	const struct nm_iptables_compare_handler *handler = r->d->handler;
	struct nm_edit edit = {.kind = r->d->fate[i],
		.place = r->place,
		.desired = desired_rule(r->d, i),
		.add = true,
		.tag = ""};

	if (edit.desired->place == NM_PLACE_AFTER_HEAD) {
		edit.neighbour = rule_above(r, i);
		edit.behind = true;
	} else if (r->place.chain == NM_CHAIN_DOCKER_USER && r->last_is_return) {
		edit.neighbour = r->last_handle;
	}
	return handler->edit(handler->ctx, &edit, err);
}

/* A rule inserted at the head stands above those inserted before: hence the second tier comes first. */
static int complete_chain(const struct reading *r, struct nm_err *err)
{
	for (int seconds = 1; seconds >= 0; seconds--)
		for (size_t i = 0; i < r->d->scope->desired->n; i++) {
			const struct nm_rule *rule = desired_rule(r->d, i);

			if (r->d->fate[i] != KEPT && is_in(rule, &r->place) &&
				(rule->place == NM_PLACE_AFTER_HEAD) == seconds && add_missing(r, i, err) < 0)
				return -1;
		}
	return 0;
}

static void reading_done(struct reading *r)
{
	free(r->unwanted.v);
	free(r->seconds.v);
}

static int compare_chain(struct diff *d, const struct nm_rule_place *place, struct nm_err *err)
{
	NM_CLEANUP(reading_done) struct reading r = {.d = d, .place = *place, .jump = -1};
	bool used = d->used[place->family][place->table][place->chain];
	bool may_have_old = used || d->scope->everything || d->scope->n_owners > 0;

	if (((d->scope->look_for_old && may_have_old) ||
		    d->shared[place->family][place->table][place->chain]) &&
		nm_nft_rules_each(d->nl, nm_iptables_encode_place(place->family, place->table, place->chain),
			on_rule, &r, err) < 0)
		return -1;
	if (check_jump(&r, err) < 0)
		return -1;
	if (used)
		pair_changed(&r);
	if (delete_unwanted(&r, err) < 0)
		return -1;
	return used ? complete_chain(&r, err) : 0;
}

static int compare_families(struct diff *d, unsigned families, struct nm_err *err)
{
	struct nm_rule_place p;

	for (p.family = NM_IPV4; p.family < NM_FAMILY_MAX; p.family++)
		for (p.table = 0; families & 1u << p.family && p.table < NM_TABLE_MAX; p.table++)
			for (p.chain = 0; p.chain < NM_CHAIN_MAX; p.chain++)
				if (compare_chain(d, &p, err) < 0)
					return -1;
	return 0;
}

static void find_chains(struct diff *d)
{
	for (size_t i = 0; i < d->scope->desired->n; i++) {
		const struct nm_rule *r = desired_rule(d, i);

		d->used[r->family][r->table][r->chain] = true;
		if (!r->owner || r->owner[0] == '@')
			d->shared[r->family][r->table][r->chain] = true;
	}
}

static void diff_done(struct diff *d)
{
	free(d->fate);
	nm_hash_index_done(&d->index);
	nm_hash_index_done(&d->owners);
}

int nm_iptables_compare(struct nm_netlink *nl, const struct nm_iptables_scope *scope, unsigned families,
	const struct nm_iptables_compare_handler *handler, struct nm_err *err)
{
	NM_CLEANUP(diff_done) struct diff d = {.nl = nl, .scope = scope, .handler = handler};

	if (nm_rules_index(scope->desired, &d.index, err) < 0 ||
		nm_tag_index_owners(scope->owners, scope->n_owners, &d.owners, err) < 0)
		return -1;
	d.fate = calloc(scope->desired->n + 1, sizeof(*d.fate));
	if (!d.fate)
		return nm_fail_memory(err, "preparing the rules");
	find_chains(&d);
	return compare_families(&d, families, err);
}
