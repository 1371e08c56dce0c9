/*
 * Every chain that matters is read and compared with what is wanted there. What is ours is told by the
 * comment alone; the jumps, which have none, by their form.
 *
 * A wanted rule that is there stays untouched, unless it stands where it does not do its work:
 *  - a rule of the head or neck of a chain behind a rule of others that may keep packets from it,
 *  - a rule of the head behind one of ours that belongs further down,
 *  - a DROP before an ACCEPT of the same owner,
 *  - one of the neck, of which several may match a packet, above one that is wanted above it,
 *  - the jump from DOCKER-USER before rules that the administrator put there; a bare RETURN at the end of
 *    that chain stays behind it.
 */
#include "iptables/compare.h"

#include <string.h>

#include "base/array.h"
#include "iptables/encode.h"
#include "nft/comment.h"
#include "nft/dump.h"

enum fate { MISSING, KEPT, CHANGED, MISPLACED };

/* A rule of ours that cannot stay. */
struct unwanted {
	uint64_t handle;
	char tag[NM_NFT_COMMENT_SIZE];
	bool restored;
	ssize_t wanted; /* the rule that it is, misplaced, or should be; -1: none */
};

struct diff {
	struct nm_netlink *nl;
	const struct nm_iptables_scope *scope;
	const struct nm_iptables_compare_handler *sink;
	struct nm_hash_index index;
	struct nm_hash_index owners;
	uint8_t *fate;                                          /* enum fate of each wanted rule */
	bool used[NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX];   /* wanted rules are in that chain */
	bool shared[NM_FAMILY_MAX][NM_TABLE_MAX][NM_CHAIN_MAX]; /* ... that others may have written */
};

/* A rule of the neck that stays. */
struct neck {
	size_t wanted;
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
		struct neck *v; /* owned; what is wanted later, as what is inserted later, stands above */
		size_t n, capacity;
	} necks;
	size_t index;           /* of the next rule */
	bool others_decide;     /* a rule of others that may keep packets from those behind it has come */
	bool ours_further_down; /* a rule of ours that stays and belongs behind the head */
	uint64_t last_head;     /* handle of the last rule that stays and belongs to the head */
	ssize_t jump;           /* DOCKER-USER: the wanted rule that our jump there is; -1: none yet */
	size_t jump_index;      /* ... its index */
	uint64_t jump_handle;   /* ... its handle */
	size_t last_index;      /* of the last of the other rules */
	uint64_t last_handle;
	bool last_is_return;
};

static const struct nm_rule *wanted_rule(const struct diff *d, size_t i)
{
	return &d->scope->wanted->v[i];
}

static bool is_owned(const struct diff *d, const struct nm_nft_rule *rule)
{
	if (d->scope->everything)
		return rule->tag && nm_tag_is_ours(rule->tag, rule->tag_len);
	return rule->tag &&
		nm_iptables_index_has_owner(&d->owners, d->scope->owners, rule->tag, rule->tag_len);
}

/* A further copy of one of our jumps. */
static bool is_spare_jump(const struct reading *r, const struct nm_nft_rule *rule)
{
	size_t position = 0;
	ssize_t i;

	while (!rule->tag && r->d->scope->everything &&
		(i = nm_iptables_index_next_rule(&r->d->index, &r->place, "", 0, &position)) >= 0)
		if (nm_iptables_encode_equal(wanted_rule(r->d, (size_t)i), rule))
			return true;
	return false;
}

static bool is_in(const struct nm_rule *rule, const struct nm_rule_place *place)
{
	return rule->family == place->family && rule->table == place->table && rule->chain == place->chain;
}

/* The wanted rules of one owner stand one after the other. */
static bool stands_before_accept(const struct reading *r, size_t drop)
{
	const struct nm_rule *rule = wanted_rule(r->d, drop), *before;

	if (rule->verdict != NM_VERDICT_DROP || rule->place != NM_PLACE_END)
		return false;
	for (size_t i = drop; i > 0; i--) {
		before = wanted_rule(r->d, i - 1);
		if (before->owner != rule->owner)
			return false;
		if (r->d->fate[i - 1] != KEPT && is_in(before, &r->place) &&
			before->verdict == NM_VERDICT_ACCEPT)
			return true;
	}
	return false;
}

static bool is_misplaced(const struct reading *r, size_t i)
{
	const struct nm_rule *rule = wanted_rule(r->d, i);
	bool has_company = r->place.chain == NM_CHAIN_POSTROUTING || r->place.table == NM_TABLE_RAW;

	if (rule->place != NM_PLACE_END && has_company && r->others_decide)
		return true;
	if (rule->place == NM_PLACE_AFTER_HEAD && r->necks.n && i > r->necks.v[r->necks.n - 1].wanted)
		return true;
	return (rule->place == NM_PLACE_HEAD && r->ours_further_down) || stands_before_accept(r, i);
}

/* Finds a wanted rule that this one is, and that no earlier one was; -1: none. */
static ssize_t find_wanted(const struct reading *r, const struct nm_nft_rule *rule)
{
	size_t position = 0;
	ssize_t i;

	while ((i = nm_iptables_index_next_rule(
			&r->d->index, &r->place, rule->tag ? rule->tag : "", rule->tag_len, &position)) >= 0)
		if (r->d->fate[i] == MISSING && nm_iptables_encode_equal(wanted_rule(r->d, (size_t)i), rule))
			return i;
	return -1;
}

static int add_unwanted(struct reading *r, const struct nm_nft_rule *rule, ssize_t wanted, struct nm_err *err)
{
	struct unwanted *u;

	if (nm_grow(&r->unwanted, "preparing the rules", err) < 0)
		return -1;
	u = &r->unwanted.v[r->unwanted.n++];
	*u = (struct unwanted){.handle = rule->handle, .restored = rule->restored, .wanted = wanted};
	if (rule->tag)
		memcpy(u->tag, rule->tag,
			rule->tag_len < sizeof(u->tag) ? rule->tag_len : sizeof(u->tag) - 1);
	return 0;
}

static int keep_neck(struct reading *r, uint64_t handle, size_t i, struct nm_err *err)
{
	if (nm_grow(&r->necks, "preparing the rules", err) < 0)
		return -1;
	r->necks.v[r->necks.n++] = (struct neck){.wanted = i, .handle = handle};
	return 0;
}

static int keep(struct reading *r, const struct nm_nft_rule *rule, size_t i, struct nm_err *err)
{
	r->d->fate[i] = KEPT;
	if (r->d->sink->counters)
		r->d->sink->counters[i] = nm_nft_rule_counters(rule);
	if (wanted_rule(r->d, i)->place == NM_PLACE_HEAD)
		r->last_head = rule->handle;
	else
		r->ours_further_down = true;
	return wanted_rule(r->d, i)->place == NM_PLACE_AFTER_HEAD ? keep_neck(r, rule->handle, i, err) : 0;
}

/* What natmap wrote for others matches only their own ports, but for a static SNAT, which takes whatever
 * comes. */
static bool may_decide(const struct nm_nft_rule *rule)
{
	static const char snat[] = "natmap:@snat/";
	bool is_snat = rule->tag_len >= sizeof(snat) && !memcmp(rule->tag, snat, sizeof(snat) - 1);

	if (rule->tag && nm_tag_is_ours(rule->tag, rule->tag_len) && !is_snat)
		return false;
	return nm_nft_rule_decides(rule);
}

/* Of several bare RETURNs in a row, the first is the one that counts. */
static void note_other(struct reading *r, const struct nm_nft_rule *rule)
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

static int examine_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct reading *r = ctx;
	ssize_t i = find_wanted(r, rule);

	r->index++;
	if (i >= 0 && is_misplaced(r, (size_t)i)) {
		r->d->fate[i] = MISPLACED;
		return add_unwanted(r, rule, i, err);
	}
	if (i >= 0) {
		r->jump = i;
		r->jump_index = r->index;
		r->jump_handle = rule->handle;
		return keep(r, rule, (size_t)i, err);
	}
	if (is_owned(r->d, rule) || is_spare_jump(r, rule))
		return add_unwanted(r, rule, -1, err);
	note_other(r, rule);
	return 0;
}

/* The jump from DOCKER-USER, the only rule of ours there, can be judged when the whole chain has been read.
 */
static int judge_jump(struct reading *r, struct nm_err *err)
{
	bool right = r->last_is_return ? r->jump_index + 1 == r->last_index : r->jump_index > r->last_index;
	const struct nm_nft_rule jump = {.handle = r->jump_handle};

	if (r->place.chain != NM_CHAIN_DOCKER_USER || r->jump < 0 || right)
		return 0;
	r->d->fate[r->jump] = MISPLACED;
	return add_unwanted(r, &jump, r->jump, err);
}

/* A rule that is to go and has the comment of a missing one of the same chain is that one, changed. */
static void pair_changed(struct reading *r)
{
	for (size_t u = 0; u < r->unwanted.n; u++) {
		struct unwanted *old = &r->unwanted.v[u];
		size_t position = 0;
		ssize_t i;

		while (old->wanted < 0 && old->tag[0] &&
			(i = nm_iptables_index_next_rule(
				 &r->d->index, &r->place, old->tag, strlen(old->tag), &position)) >= 0) {
			if (r->d->fate[i] != MISSING)
				continue;
			r->d->fate[i] = CHANGED;
			old->wanted = i;
		}
	}
}

static const enum nm_edit_kind kind_of[] = {
	[MISSING] = NM_EDIT_MISSING, [CHANGED] = NM_EDIT_CHANGED, [MISPLACED] = NM_EDIT_MISPLACED};

static int delete_unwanted(const struct reading *r, struct nm_err *err)
{
	const struct nm_iptables_compare_handler *sink = r->d->sink;

	for (size_t u = 0; u < r->unwanted.n; u++) {
		const struct unwanted *old = &r->unwanted.v[u];
		struct nm_edit edit = {.kind = NM_EDIT_STALE,
			.place = r->place,
			.handle = old->handle,
			.tag = old->tag,
			.restored = old->restored};

		if (old->wanted >= 0) {
			edit.kind = kind_of[r->d->fate[old->wanted]];
			edit.wanted = wanted_rule(r->d, (size_t)old->wanted);
		}
		if (sink->edit(sink->ctx, &edit, err) < 0)
			return -1;
	}
	return 0;
}

/* Behind which rule that stays one of the neck belongs: the lowest of those wanted above it, else the head's
 * last. 0: there is none. */
static uint64_t rule_above(const struct reading *r, size_t i)
{
	for (size_t n = r->necks.n; n > 0; n--)
		if (r->necks.v[n - 1].wanted > i)
			return r->necks.v[n - 1].handle;
	return r->last_head;
}

static int add_missing(const struct reading *r, size_t i, struct nm_err *err)
{
	const struct nm_iptables_compare_handler *sink = r->d->sink;
	struct nm_edit edit = {.kind = kind_of[r->d->fate[i]],
		.place = r->place,
		.wanted = wanted_rule(r->d, i),
		.add = true,
		.tag = ""};

	if (edit.wanted->place == NM_PLACE_AFTER_HEAD) {
		edit.neighbour = rule_above(r, i);
		edit.behind = true;
	} else if (r->place.chain == NM_CHAIN_DOCKER_USER && r->last_is_return) {
		edit.neighbour = r->last_handle;
	}
	return sink->edit(sink->ctx, &edit, err);
}

/* What is inserted at the head later stands further up: so the neck comes first. */
static int complete_chain(const struct reading *r, struct nm_err *err)
{
	for (int necks = 1; necks >= 0; necks--)
		for (size_t i = 0; i < r->d->scope->wanted->n; i++) {
			const struct nm_rule *rule = wanted_rule(r->d, i);

			if (r->d->fate[i] != KEPT && is_in(rule, &r->place) &&
				(rule->place == NM_PLACE_AFTER_HEAD) == necks && add_missing(r, i, err) < 0)
				return -1;
		}
	return 0;
}

static int compare_chain(struct diff *d, const struct nm_rule_place *place, struct nm_err *err)
{
	struct reading r = {.d = d, .place = *place, .jump = -1};
	bool used = d->used[place->family][place->table][place->chain];
	bool may_have_old = used || d->scope->everything || d->scope->n_owners > 0;
	int rc = 0;

	if ((d->scope->look_for_old && may_have_old) || d->shared[place->family][place->table][place->chain])
		rc = nm_nft_rules_each(d->nl, nm_nft_family(place->family), nm_rule_table_name(place->table),
			nm_rule_chain_name(place->chain), examine_rule, &r, err);
	if (rc == 0)
		rc = judge_jump(&r, err);
	if (rc == 0 && used)
		pair_changed(&r);
	if (rc == 0)
		rc = delete_unwanted(&r, err);
	if (rc == 0 && used)
		rc = complete_chain(&r, err);
	free(r.unwanted.v);
	free(r.necks.v);
	return rc;
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

static void note_chains(struct diff *d)
{
	for (size_t i = 0; i < d->scope->wanted->n; i++) {
		const struct nm_rule *r = wanted_rule(d, i);

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
	const struct nm_iptables_compare_handler *sink, struct nm_err *err)
{
	NM_CLEANUP(diff_done) struct diff d = {.nl = nl, .scope = scope, .sink = sink};

	if (nm_iptables_index_rules(scope->wanted, &d.index, err) < 0 ||
		nm_iptables_index_owners(scope->owners, scope->n_owners, &d.owners, err) < 0)
		return -1;
	d.fate = calloc(scope->wanted->n + 1, sizeof(*d.fate));
	if (!d.fate)
		return nm_fail_memory(err, "preparing the rules");
	note_chains(&d);
	return compare_families(&d, families, err);
}
