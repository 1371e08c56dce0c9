/*
 * Base chains of one hook run by priority, but for those of type nat, which run together where the kernel has
 * put NAT: by their priority among themselves, until one has translated. Of two with one priority the one
 * made later runs first, and nothing says which that is, for nfnetlink_hook lists NAT's own hook and none of
 * its chains (Linux 7.2): when it matters, the result is not sure.
 *
 * What a rule that is not decided would do is remembered as a doubt, and the way goes on as if it did not
 * match.
 */
#include "follow/follow.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#include "follow/packet.h"
#include "follow/rule.h"

enum {
	DEPTH_MAX = 16,         /* NFT_JUMP_STACK_SIZE */
	RULES_MAX = 1000 * 1000 /* on one way: chains may be jumped to again and again */
};

/* What a chain has made of the packet. */
enum way { GOES_ON, ACCEPTED, TAKEN, DROPPED, ELSEWHERE };

struct walk {
	const struct nm_follow *f;
	struct nm_follow_state s;
	size_t n_rules;
	struct nm_follow_place place;                 /* where the way has ended */
	struct nm_follow_action action;               /* of that rule */
	const struct nm_ruleset_chain *base, *branch; /* where the way is: struct nm_follow_result */
	/* The first rule that is not decided and would end the way well, or badly; chain NULL: none. */
	struct nm_follow_place good_doubt, bad_doubt;
	struct nm_follow_result bad; /* what bad_doubt would do */
};

static bool is_good(enum way way)
{
	return way == ACCEPTED || way == TAKEN;
}

static void put_end(struct walk *w, enum way way, struct nm_follow_result *ret)
{
	ret->end = way == DROPPED ? NM_FOLLOW_DROPPED : NM_FOLLOW_TRANSLATED;
	ret->place = w->place;
	ret->base = w->base;
	ret->branch = w->branch;
	ret->to_address = w->action.to_address;
	ret->to_port = w->action.to_port;
	ret->to_host = w->action.to_host;
	ret->address = w->action.address;
	ret->port = w->action.port;
}

static void add_doubt(struct walk *w, enum way way, const struct nm_follow_place *undecided)
{
	struct nm_follow_place *doubt = is_good(way) ? &w->good_doubt : &w->bad_doubt;

	if (way == GOES_ON || doubt->chain)
		return;
	*doubt = *undecided;
	if (!is_good(way))
		put_end(w, way, &w->bad);
}

static enum way walk_chain(struct walk *w, const struct nm_ruleset_chain *chain, unsigned depth);

static enum way follow_own(struct walk *w, enum nm_follow_own own)
{
	const uint8_t *bits = (const uint8_t *)&w->f->own_mark;

	for (size_t i = 0; own == NM_FOLLOW_MARKS && i < sizeof(w->f->own_mark); i++) {
		w->s.marks.bytes[NM_FOLLOW_MARK + i] |= bits[i];
		w->s.marks.known[NM_FOLLOW_MARK + i] |= bits[i];
	}
	return own == NM_FOLLOW_TAKES || own == NM_FOLLOW_ENDS ? TAKEN : GOES_ON;
}

static enum way jump(struct walk *w, const struct nm_ruleset_chain *from, const char *to, unsigned depth)
{
	const struct nm_ruleset_chain *chain = nm_ruleset_find_chain(w->f->ruleset, from, to);
	enum nm_follow_own own = chain ? w->f->own(w->f->ctx, chain, NULL) : NM_FOLLOW_PASSES;

	if (own != NM_FOLLOW_OTHERS)
		return follow_own(w, own);
	if (depth == 0)
		w->branch = chain;
	return depth < DEPTH_MAX ? walk_chain(w, chain, depth + 1) : GOES_ON;
}

/* *returns: the chain ends with this rule. */
static enum way act(struct walk *w, const struct nm_follow_place *place,
	const struct nm_follow_action *action, unsigned depth, bool *returns)
{
	bool is_own = place->rule->tag && w->f->own(w->f->ctx, place->chain, place->rule) == NM_FOLLOW_TAKES;

	*returns = action->act == NM_FOLLOW_RETURNS || action->act == NM_FOLLOW_GOES_TO;
	if (action->act == NM_FOLLOW_JUMPS || action->act == NM_FOLLOW_GOES_TO)
		return jump(w, place->chain, action->chain, depth);
	if (action->act == NM_FOLLOW_GOES_ON || action->act == NM_FOLLOW_RETURNS)
		return GOES_ON;
	w->place = *place;
	w->place.element = action->element;
	w->action = *action;
	if (is_own)
		return TAKEN;
	return action->act == NM_FOLLOW_ACCEPTS  ? ACCEPTED
		: action->act == NM_FOLLOW_DROPS ? DROPPED
						 : ELSEWHERE;
}

/* What follows a rule that may set the mark is in doubt about it. */
static void blur_marks(struct walk *w, const struct nm_value *before)
{
	if (memcmp(before, &w->s.marks, sizeof(*before)) != 0)
		nm_value_put_unknown(&w->s.marks, 0, 2 * sizeof(uint32_t));
}

static enum way walk_rule(struct walk *w, const struct nm_follow_place *place, unsigned depth, bool *returns)
{
	const struct nm_value before = w->s.marks;
	struct nm_follow_action action;
	enum nm_tri matches = nm_follow_rule(&w->s, w->f->ruleset, place->chain, place->rule, &action);
	enum way way;

	*returns = false;
	if (matches == NM_FALSE)
		return GOES_ON;
	way = act(w, place, &action, depth, returns);
	if (matches == NM_TRUE)
		return way;
	blur_marks(w, &before);
	add_doubt(w, way, place);
	*returns = false;
	return GOES_ON;
}

static bool is_for_other_ports(const struct walk *w, const struct nm_ruleset_rule *rule)
{
	uint16_t port;

	return rule->dports.last && nm_follow_packet_dport(&w->s, &port) &&
		(port < rule->dports.first || port > rule->dports.last);
}

static enum way walk_chain(struct walk *w, const struct nm_ruleset_chain *chain, unsigned depth)
{
	for (size_t i = 0; i < chain->n && w->n_rules < RULES_MAX; i++) {
		const struct nm_follow_place place = {chain, &chain->v[i], NULL};
		enum nm_follow_own own;
		bool returns;
		enum way way;

		w->n_rules++;
		if (is_for_other_ports(w, place.rule))
			continue;
		own = place.rule->tag ? w->f->own(w->f->ctx, chain, place.rule) : NM_FOLLOW_OTHERS;
		if (depth == 0)
			w->branch = NULL;
		if (own == NM_FOLLOW_PASSES)
			continue;
		if (own == NM_FOLLOW_ENDS)
			return TAKEN;
		way = walk_rule(w, &place, depth, &returns);
		if (way != GOES_ON || returns)
			return way;
	}
	return GOES_ON;
}

static enum way walk_base(struct walk *w, const struct nm_ruleset_chain *chain)
{
	enum nm_follow_own own = w->f->own(w->f->ctx, chain, NULL);
	enum way way;

	w->s.is_tracked = (chain->hook != NF_INET_PRE_ROUTING && chain->hook != NF_INET_LOCAL_OUT) ||
		chain->is_nat || chain->priority > NF_IP_PRI_CONNTRACK;
	if (own != NM_FOLLOW_OTHERS)
		return follow_own(w, own);
	w->base = chain;
	way = walk_chain(w, chain, 0);
	if (way != GOES_ON || !chain->drops)
		return way;
	w->branch = NULL;
	w->place = (struct nm_follow_place){.chain = chain};
	w->action = (struct nm_follow_action){.act = NM_FOLLOW_DROPS};
	return DROPPED;
}

/* The order of base chains */

static int32_t kernel_priority(const struct nm_ruleset_chain *chain)
{
	bool is_destination = chain->hook == NF_INET_PRE_ROUTING || chain->hook == NF_INET_LOCAL_OUT;

	if (!chain->is_nat)
		return chain->priority;
	return is_destination ? NF_IP_PRI_NAT_DST : NF_IP_PRI_NAT_SRC;
}

/* -1, 0, 1; 0: which of them runs first is not known. */
static int compare_chains(const struct nm_ruleset_chain *a, const struct nm_ruleset_chain *b)
{
	int32_t x = kernel_priority(a), y = kernel_priority(b);

	if (x != y)
		return x < y ? -1 : 1;
	if (a->is_nat != b->is_nat)
		return b->is_nat ? -1 : 1;
	return (a->priority > b->priority) - (a->priority < b->priority);
}

/* Later ones of the list come first, as they do where tables were made one after the other. */
static bool comes_before(const struct nm_ruleset_chain *a, const struct nm_ruleset_chain *b)
{
	int order = compare_chains(a, b);

	return order ? order < 0 : a > b;
}

static bool is_at(const struct nm_ruleset_chain *chain, uint32_t hook, enum nm_family family)
{
	return chain->is_base && chain->hook == hook &&
		(chain->nfproto == NFPROTO_INET || chain->nfproto == nm_addr_family_to_af(family));
}

/* The chain that runs behind *before; NULL: the first one. */
static const struct nm_ruleset_chain *next_base(const struct nm_follow *f, uint32_t hook,
	enum nm_family family, const struct nm_ruleset_chain *before)
{
	const struct nm_ruleset_chain *next = NULL;

	for (size_t i = f->ruleset->chains.n; i-- > 0;) {
		const struct nm_ruleset_chain *c = &f->ruleset->chains.v[i];

		if (!is_at(c, hook, family))
			continue;
		if (before && !comes_before(before, c))
			continue;
		if (!next || comes_before(c, next))
			next = c;
	}
	return next;
}

bool nm_follow_has_others(const struct nm_follow *f, uint32_t hook)
{
	for (size_t i = 0; i < f->ruleset->chains.n; i++) {
		const struct nm_ruleset_chain *c = &f->ruleset->chains.v[i];

		if (c->is_base && c->hook == hook && f->own(f->ctx, c, NULL) == NM_FOLLOW_OTHERS)
			return true;
	}
	return false;
}

static void end_as(struct walk *w, const struct walk *other)
{
	w->place = other->place;
	w->action = other->action;
	w->base = other->base;
	w->branch = other->branch;
}

/* One of the same priority may have the packet first, if that one translates, too. */
static void doubt_order(struct walk *w, const struct nm_ruleset_chain *chain, enum way way)
{
	const struct nm_ruleset_chain *other = chain;
	const struct walk after = *w;
	struct nm_follow_place here = w->place;

	if (way == TAKEN)
		here = (struct nm_follow_place){.chain = chain};
	while ((other = next_base(w->f, chain->hook, w->s.packet->family, other)) &&
		other->priority == chain->priority) {
		enum way second = other->is_nat ? walk_base(w, other) : GOES_ON;
		struct walk seen = *w;

		*w = after;
		if ((second != TAKEN && second != ELSEWHERE) || second == way)
			continue;
		end_as(w, &seen);
		add_doubt(w, second, &here);
		end_as(w, &after);
	}
}

static void finish(struct walk *w, enum way way, struct nm_follow_result *ret)
{
	if (way == DROPPED || way == ELSEWHERE) {
		put_end(w, way, ret);
		ret->is_sure = !w->good_doubt.chain;
		ret->doubt = w->good_doubt;
	} else if (w->bad_doubt.chain) {
		w->bad.accepted = ret->accepted;
		*ret = w->bad;
		ret->is_sure = false;
		ret->doubt = w->bad_doubt;
	}
}

void nm_follow(const struct nm_follow *f, uint32_t hook, const struct nm_follow_packet *packet,
	struct nm_follow_result *ret)
{
	const struct nm_ruleset_chain *chain = NULL;
	struct walk w = {.f = f};
	bool nat_is_done = packet->is_translated && hook != NF_INET_POST_ROUTING;
	enum way way = GOES_ON;

	*ret = (struct nm_follow_result){.end = NM_FOLLOW_THROUGH, .is_sure = true};
	nm_follow_packet_begin(&w.s, packet, hook);
	while ((chain = next_base(f, hook, packet->family, chain))) {
		if (chain->is_nat && nat_is_done)
			continue;
		way = walk_base(&w, chain);
		if (chain->is_nat && (way == TAKEN || way == ELSEWHERE))
			doubt_order(&w, chain, way);
		if (way == DROPPED || way == ELSEWHERE)
			break;
		if (way == ACCEPTED && chain->is_nat) {
			ret->accepted = w.place;
			ret->masquerades = w.action.masquerades;
		}
		if (way == TAKEN)
			ret->end = NM_FOLLOW_TAKEN;
		if (way == TAKEN && chain->is_nat) {
			nat_is_done = true;
			nm_follow_packet_translate(&w.s);
		}
	}
	finish(&w, way, ret);
}
