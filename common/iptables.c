/*
 * How a change is made.
 *
 * Generation first, then every chain that matters is read and compared with what is wanted there, then one
 * transaction carries the difference, valid for that generation only. If anybody else changed the ruleset in
 * between, all of it is done again. What is ours is told by the comment alone; the jumps, which have none, by
 * their form.
 *
 * The jump from DOCKER-USER stands behind the rules that the administrator put there, but before a bare
 * RETURN at the end.
 */
#include "iptables.h"

#include <stdio.h>
#include <string.h>

#include "layout.h"
#include "log.h"
#include "nft_read.h"
#include "nft_txn.h"

enum { TRIES = 16 };

/* All that goes into one attempt. */
struct attempt {
	struct nm_netlink *nl;
	const struct nm_iptables_change *change;
	unsigned families;
	struct nm_rules rules; /* the base and the wanted rules of these families */
	bool *present;         /* for each of them */
	struct nm_nft_txn *txn;
	bool interrupted;
	bool look_for_old; /* in all chains: also when an earlier attempt may have been applied after all */
};

/* One chain while it is read. */
struct reading {
	struct attempt *attempt;
	enum nm_family family;
	enum nm_table table;
	enum nm_chain chain;
	size_t index; /* of the next rule */
	/* DOCKER-USER: our jump, and the last of the other rules */
	size_t jump_index, last_index;
	uint64_t jump_handle, last_handle;
	bool last_is_return;
};

static bool is_owned(const struct nm_nft_rule *rule, const struct nm_iptables_change *change)
{
	for (size_t i = 0; i < change->n_owners; i++)
		if (rule->tag && nm_tag_is_of(rule->tag, rule->tag_len, change->owners[i]))
			return true;
	return false;
}

static bool is_in(const struct nm_rule *rule, const struct reading *r)
{
	return rule->family == r->family && rule->table == r->table && rule->chain == r->chain;
}

/* Rules are added behind those that stay: a DROP must not stay before an ACCEPT that is added. */
static bool would_stand_early(const struct reading *r, size_t drop)
{
	const struct nm_rule *v = r->attempt->rules.v;

	for (size_t i = 0; v[drop].verdict == NM_VERDICT_DROP && v[drop].place == NM_PLACE_END && i < drop;
		i++)
		if (!r->attempt->present[i] && is_in(&v[i], r) && v[i].verdict == NM_VERDICT_ACCEPT)
			return true;
	return false;
}

/* Finds a wanted rule that this one is, and that no earlier one was. Most wanted rules have the same owner.
 */
static struct nm_rule *find_wanted(const struct reading *r, const struct nm_nft_rule *rule)
{
	struct attempt *a = r->attempt;
	const char *owner = NULL;
	bool same_owner = !rule->tag;

	for (size_t i = 0; i < a->rules.n; i++) {
		struct nm_rule *wanted = &a->rules.v[i];

		if (wanted->owner != owner) {
			owner = wanted->owner;
			same_owner = owner ? rule->tag && nm_tag_is_of(rule->tag, rule->tag_len, owner)
					   : !rule->tag;
		}
		if (!same_owner || a->present[i] || !is_in(wanted, r) || !nm_nft_rule_is(rule, wanted) ||
			would_stand_early(r, i))
			continue;
		a->present[i] = true;
		return wanted;
	}
	return NULL;
}

static void note_position(struct reading *r, const struct nm_nft_rule *rule, bool is_jump)
{
	static const struct nm_rule bare_return = {.verdict = NM_VERDICT_RETURN};

	r->index++;
	if (is_jump) {
		r->jump_index = r->index;
		r->jump_handle = rule->handle;
	} else {
		r->last_index = r->index;
		r->last_handle = rule->handle;
		r->last_is_return = nm_nft_rule_is(rule, &bare_return);
	}
}

static int examine_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct reading *r = ctx;
	const struct nm_rule *wanted = find_wanted(r, rule);

	if (r->chain == NM_CHAIN_DOCKER_USER)
		note_position(r, rule, wanted != NULL);
	if (wanted || !is_owned(rule, r->attempt->change))
		return 0;
	return nm_nft_txn_delete(r->attempt->txn, r->family, r->table, r->chain, rule->handle, err);
}

static bool is_well_placed(const struct reading *r)
{
	if (r->chain != NM_CHAIN_DOCKER_USER)
		return true;
	return r->last_is_return ? r->jump_index + 1 == r->last_index : r->jump_index > r->last_index;
}

/* Adds what the chain lacks. */
static int complete_chain(struct reading *r, struct nm_err *err)
{
	struct attempt *a = r->attempt;

	for (size_t i = 0; i < a->rules.n; i++) {
		if (!is_in(&a->rules.v[i], r) || (a->present[i] && is_well_placed(r)))
			continue;
		if (a->present[i] &&
			nm_nft_txn_delete(a->txn, r->family, r->table, r->chain, r->jump_handle, err) < 0)
			return -1;
		if (nm_nft_txn_add(a->txn, &a->rules.v[i], r->last_is_return ? r->last_handle : 0, err) < 0)
			return -1;
	}
	return 0;
}

static bool has_rules_in(const struct nm_rules *rules, enum nm_family family, enum nm_table table,
	enum nm_chain chain, bool shared_only)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct nm_rule *rule = &rules->v[i];

		if (rule->family == family && rule->table == table && rule->chain == chain &&
			(!shared_only || !rule->owner || rule->owner[0] == '@'))
			return true;
	}
	return false;
}

static int change_chain(struct attempt *a, enum nm_family family, enum nm_table table, enum nm_chain chain,
	struct nm_err *err)
{
	struct reading r = {.attempt = a, .family = family, .table = table, .chain = chain};

	if ((a->look_for_old || has_rules_in(&a->rules, family, table, chain, true)) &&
		nm_nft_each_rule(a->nl, family, table, chain, examine_rule, &r, &a->interrupted, err) < 0)
		return -1;
	return complete_chain(&r, err);
}

static int ensure_chains(struct attempt *a, enum nm_family family, enum nm_table table, struct nm_err *err)
{
	bool table_ensured = false;

	for (enum nm_chain chain = 0; chain < NM_CHAIN_MAX; chain++) {
		if (!has_rules_in(&a->rules, family, table, chain, false))
			continue;
		if (!table_ensured && nm_nft_txn_ensure_table(a->txn, family, table, err) < 0)
			return -1;
		table_ensured = true;
		if (nm_nft_txn_ensure_chain(a->txn, family, table, chain, err) < 0)
			return -1;
	}
	return 0;
}

static int change_family(struct attempt *a, enum nm_family family, struct nm_err *err)
{
	for (enum nm_table table = 0; table < NM_TABLE_MAX; table++) {
		if (ensure_chains(a, family, table, err) < 0)
			return -1;
		for (enum nm_chain chain = 0; chain < NM_CHAIN_MAX; chain++)
			if (change_chain(a, family, table, chain, err) < 0)
				return -1;
	}
	return 0;
}

/* The base stands before the wanted rules, so that its ACCEPT, inserted at the head, comes first. */
static int collect_rules(struct attempt *a, struct nm_err *err)
{
	const struct nm_rules *wanted = a->change->wanted;
	unsigned with_base = 0;

	for (size_t i = 0; i < wanted->n; i++) {
		unsigned bit = 1u << wanted->v[i].family;

		if (!(a->families & bit))
			continue;
		if (!(with_base & bit) && nm_layout_base(wanted->v[i].family, &a->rules, err) < 0)
			return -1;
		with_base |= bit;
		if (nm_rules_add(&a->rules, &wanted->v[i], err) < 0)
			return -1;
	}
	a->present = calloc(a->rules.n + 1, sizeof(*a->present));
	return a->present ? 0 : nm_fail(err, NM_ERR_FAILED, "preparing the rules: out of memory");
}

static int prepare(struct attempt *a, struct nm_err *err)
{
	uint32_t generation;

	if (collect_rules(a, err) < 0 || nm_nft_generation(a->nl, &generation, err) < 0)
		return -1;
	a->txn = nm_nft_txn_new(generation);
	if (!a->txn)
		return nm_fail(err, NM_ERR_FAILED, "preparing the rules: out of memory");
	for (enum nm_family family = NM_IPV4; family < NM_FAMILY_MAX; family++)
		if (a->families & 1u << family && change_family(a, family, err) < 0)
			return -1;
	return 0;
}

static void done(struct attempt *a)
{
	nm_nft_txn_free(a->txn);
	nm_rules_done(&a->rules);
	free(a->present);
}

static int try_once(struct attempt *a, enum nm_nft_outcome *ret, struct nm_err *err)
{
	if (prepare(a, err) < 0)
		return -1;
	*ret = a->interrupted ? NM_NFT_STALE : NM_NFT_COMMITTED;
	if (a->interrupted || nm_nft_txn_is_idle(a->txn))
		return 0;
	return nm_nft_txn_commit(a->txn, a->nl->fd, ret, err);
}

static int give_up_ipv6(const struct nm_iptables_change *change, unsigned *families, struct nm_err *err)
{
	if (!change->ipv6_optional)
		return nm_fail(err, NM_ERR_FAILED, "publishing on IPv6: the kernel's nf_tables has no IPv6");
	nm_log_notice("the kernel's nf_tables has no IPv6: published on IPv4 only");
	*families &= ~NM_IPV6_BIT;
	return 0;
}

int nm_iptables_apply(struct nm_netlink *nl, const struct nm_iptables_change *change, struct nm_err *err)
{
	unsigned families = change->families;

	for (int i = 0; i < TRIES; i++) {
		struct attempt a = {.nl = nl,
			.change = change,
			.families = families,
			.look_for_old = change->look_for_old || i > 0};
		enum nm_nft_outcome outcome;
		int rc = try_once(&a, &outcome, err);

		done(&a);
		if (rc < 0)
			return -1;
		if (outcome == NM_NFT_COMMITTED)
			return 0;
		if (outcome == NM_NFT_NO_IPV6 && give_up_ipv6(change, &families, err) < 0)
			return -1;
	}
	return nm_fail(err, NM_ERR_FAILED,
		"changing the rules: others changed the ruleset %d times meanwhile", TRIES);
}
