/*
 * For each mapping there are questions: what becomes of a packet that comes by this way to that address?
 * Those with one key have one answer.
 */
#include "obstacle/obstacles.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/own.h"
#include "base/array.h"
#include "follow/landmarks.h"
#include "follow/ruleset_read.h"
#include "iptables/accept.h"
#include "model/rule.h"
#include "obstacle/likely.h"
#include "obstacle/questions.h"

struct search {
	struct nm_ruleset ruleset;
	struct nm_landmarks landmarks;
	struct nm_ways ways;
	struct nm_follow follow;
	const struct nm_records *records;
	const struct nm_layout_options *options;
	enum {
		NOW,
		AHEAD,
		BEFORE
	} when; /* BEFORE the rules of the one record are written, AHEAD of any record */
	struct nm_questions questions;
	struct {
		struct nm_obstacle *v; /* owned */
		size_t n, capacity;
	} found;
};

static void search_done(struct search *s)
{
	nm_ruleset_done(&s->ruleset);
	nm_landmarks_done(&s->landmarks);
	nm_ways_done(&s->ways);
	nm_questions_done(&s->questions);
	free(s->found.v);
}

bool nm_obstacles_is_filter_forward(const struct nm_ruleset_chain *chain)
{
	return chain->nfproto != NFPROTO_INET && chain->is_base && chain->hook == NF_INET_FORWARD &&
		!strcmp(chain->table, nm_rule_table_name(NM_TABLE_FILTER));
}

int nm_obstacles_is_for_reload(
	struct nm_netlink *nl, const struct nm_obstacle *o, bool *ret, struct nm_err *err)
{
	struct nm_network_part parts[NM_NETWORK_PARTS_MAX], *list[NM_NETWORK_PARTS_MAX];
	const struct nm_iptables_accept accept = {
		.mark = o->record ? nm_backend_ops(o->record->backend)->accept_mark : 0,
		.parts = list,
		.n_parts = o->record ? nm_network_parts(&o->record->network, parts) : 0};
	struct nm_iptables_accept_found found;

	*ret = false;
	if (!accept.mark || o->kind != NM_OBSTACLE_DROP || !nm_obstacles_is_filter_forward(o->result.base))
		return 0;
	for (size_t i = 0; i < accept.n_parts; i++)
		list[i] = &parts[i];
	if (nm_iptables_accept_find(nl, 1u << o->packet.family, accept, &found, err) < 0)
		return -1;
	*ret = found.differs;
	return 0;
}

/* natmap makes a way through the FORWARD chain of iptables with the first port, and with its own tables. */
static bool is_opened(const struct search *s, const struct nm_ruleset_chain *chain)
{
	if (s->when == NOW || !nm_obstacles_is_filter_forward(chain))
		return false;
	return s->when == AHEAD || s->follow.own_mark ||
		!nm_ruleset_find_chain(&s->ruleset, chain, nm_rule_chain_name(NM_CHAIN_NATMAP));
}

static enum nm_follow_own own(
	const void *ctx, const struct nm_ruleset_chain *chain, const struct nm_ruleset_rule *rule)
{
	const struct search *s = ctx;

	if (!rule && is_opened(s, chain))
		return NM_FOLLOW_PASSES;
	return nm_own_judge(NULL, chain, rule);
}

/* Chains of iptables where natmap has rules for each port, and that no question is about. */
static bool leave_out_before(const struct nm_nft_place *place)
{
	static const enum nm_chain chains[] = {NM_CHAIN_INPUT, NM_CHAIN_OUTPUT, NM_CHAIN_POSTROUTING};

	for (size_t i = 0; place->chain && i < sizeof(chains) / sizeof(*chains); i++)
		if (place->nfproto != NFPROTO_INET && !strcmp(place->chain, nm_rule_chain_name(chains[i])))
			return true;
	return nm_own_leave_out(place);
}

/* Answers */

static int ask(struct search *s, struct nm_err *err)
{
	const struct nm_questions_scope scope = {.records = s->records,
		.ways = &s->ways,
		.landmarks = &s->landmarks,
		.localhost = s->options->localhost,
		.only_outside = s->when == BEFORE};

	return nm_questions_ask(&scope, &s->questions, err);
}

static struct nm_follow_packet packet_of(const struct search *s, const struct nm_question *q)
{
	static const struct nm_follow_interface none = {.known = true}, lo = {.known = true, 1, "lo"};
	const struct nm_record *r = &s->records->v[q->record];
	const struct nm_mapping *m = &r->mappings.v[q->mapping];
	enum nm_family family = q->host.family;
	struct nm_follow_packet p = {.family = family,
		.protocol = m->protocol,
		.in = q->way ? q->way->in : none,
		.out = q->way ? none : lo,
		.has_source = !q->way || q->way->container,
		.first = {q->host, (uint16_t)(m->host_port + q->offset), true},
		.translated = {r->address[family].addr, (uint16_t)(m->container_port + q->offset), false}};

	if (p.has_source)
		p.source = q->way ? q->way->container->address[family].addr : q->host;
	return p;
}

static bool is_same(const struct nm_obstacle *a, const struct nm_obstacle *b)
{
	return a->kind == b->kind && a->result.is_sure == b->result.is_sure && !a->mapping == !b->mapping &&
		!memcmp(&a->result.place, &b->result.place, sizeof(a->result.place)) &&
		!memcmp(&a->result.accepted, &b->result.accepted, sizeof(a->result.accepted));
}

static int add(struct search *s, const struct nm_obstacle *o, struct nm_err *err)
{
	for (size_t i = 0; i < s->found.n; i++)
		if (is_same(&s->found.v[i], o))
			return 0;
	if (nm_grow(&s->found, "judging the ruleset", err) < 0)
		return -1;
	s->found.v[s->found.n++] = *o;
	return 0;
}

static enum nm_obstacle_kind kind_of(const struct nm_follow_result *r)
{
	if (r->end == NM_FOLLOW_DROPPED)
		return NM_OBSTACLE_DROP;
	if (r->end == NM_FOLLOW_TRANSLATED)
		return NM_OBSTACLE_TRANSLATES;
	return r->accepted.chain ? NM_OBSTACLE_ACCEPTS : NM_OBSTACLE_UNREACHED;
}

/* What natmap is about to write translates before this. */
static bool comes_behind(const struct search *s, const struct nm_obstacle *o)
{
	enum { NATMAP_PRIORITY = -99 }; /* of the chain prerouting in natmap's own tables */
	int32_t own = s->follow.own_mark ? NATMAP_PRIORITY : NF_IP_PRI_NAT_DST;

	return s->when == BEFORE && o->kind == NM_OBSTACLE_TRANSLATES && o->result.base->priority > own;
}

/* Follows through the hook. *goes_on: the packet may get through it. */
static int answer_hook(
	struct search *s, uint32_t hook, struct nm_obstacle *o, bool *goes_on, struct nm_err *err)
{
	bool translates = hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT;
	enum nm_follow_end good = translates ? NM_FOLLOW_TAKEN : NM_FOLLOW_THROUGH;
	struct nm_follow_result *r = &o->result;

	o->hook = hook;
	nm_follow(&s->follow, hook, &o->packet, r);
	*goes_on = r->end == good || r->end == NM_FOLLOW_TAKEN || !r->is_sure;
	if (r->is_sure && *goes_on)
		return 0;
	o->kind = kind_of(r);
	*goes_on |= s->when == BEFORE && o->kind != NM_OBSTACLE_DROP;
	if (comes_behind(s, o) || (s->when == BEFORE && o->kind == NM_OBSTACLE_UNREACHED))
		return 0;
	if (o->kind != NM_OBSTACLE_ACCEPTS)
		r->accepted = (struct nm_follow_place){0};
	return add(s, o, err);
}

/* The way of the first packet behind the first hook, and that of the answer. */
static int answer_forwarded(struct search *s, struct nm_obstacle *o, struct nm_err *err)
{
	const struct nm_follow_interface in = o->packet.in, unknown = {0};
	bool goes_on;

	if (in.index && answer_hook(s, NF_INET_FORWARD, o, &goes_on, err) < 0)
		return -1;
	if (in.index && !goes_on)
		return 0;
	o->packet.in = unknown;
	if (s->when == NOW && answer_hook(s, NF_INET_POST_ROUTING, o, &goes_on, err) < 0)
		return -1;
	o->packet.is_answer = true;
	o->packet.in = o->packet.out;
	o->packet.out = in;
	return in.index ? answer_hook(s, NF_INET_FORWARD, o, &goes_on, err) : 0;
}

static int answer(struct search *s, const struct nm_question *q, struct nm_err *err)
{
	struct nm_obstacle o = {.record = &s->records->v[q->record],
		.mapping = &s->records->v[q->record].mappings.v[q->mapping],
		.packet = packet_of(s, q),
		.client = q->way ? q->way->container : NULL,
		.is_planned = s->when == BEFORE};
	bool goes_on;

	s->follow.own_mark = nm_backend_ops(o.record->backend)->accept_mark;
	if (answer_hook(s, q->way ? NF_INET_PRE_ROUTING : NF_INET_LOCAL_OUT, &o, &goes_on, err) < 0)
		return -1;
	o.packet.is_translated = true;
	o.packet.out = *nm_ways_out(&s->ways, q->record, q->host.family);
	return goes_on ? answer_forwarded(s, &o, err) : 0;
}

static int answer_all(struct search *s, struct nm_err *err)
{
	for (size_t i = 0; i < s->questions.n; i++)
		if ((i == 0 ||
			    memcmp(&s->questions.v[i].key, &s->questions.v[i - 1].key,
				    sizeof(struct nm_question_key)) != 0) &&
			answer(s, &s->questions.v[i], err) < 0)
			return -1;
	return 0;
}

/* Where most of what is outside is reached. */
static struct nm_follow_interface outside(const struct search *s, enum nm_family family)
{
	const struct nm_follow_interface none = {.index = 0};

	if (s->ways.outside[family].index)
		return s->ways.outside[family];
	for (size_t i = 0; i < s->ways.in.n; i++)
		if (!s->ways.in.v[i].container && s->ways.in.v[i].has_address[family])
			return s->ways.in.v[i].in;
	return none;
}

/* A connection that the container begins, to a server of the web. */
static int answer_outbound(struct search *s, size_t record, enum nm_family family, struct nm_err *err)
{
	enum { HTTPS = 443 };
	const struct nm_follow_target server = {.port = HTTPS, .unnamed = true};
	const struct nm_record *r = &s->records->v[record];
	const struct nm_follow_interface bridge = *nm_ways_out(&s->ways, record, family);
	struct nm_obstacle o = {.record = r,
		.packet = {.family = family,
			.protocol = IPPROTO_TCP,
			.in = bridge,
			.out = outside(s, family),
			.has_source = true,
			.source = r->network.address[family].addr,
			.first = server,
			.translated = server}};
	bool goes_on = o.packet.out.index;

	s->follow.own_mark = nm_backend_ops(r->backend)->accept_mark;
	if (goes_on && answer_hook(s, NF_INET_FORWARD, &o, &goes_on, err) < 0)
		return -1;
	if (!goes_on)
		return 0;
	o.packet.is_answer = true;
	o.packet.in = o.packet.out;
	o.packet.out = bridge;
	return answer_hook(s, NF_INET_FORWARD, &o, &goes_on, err);
}

/* True for the first of the records that are on its bridge. */
static bool is_first(const struct search *s, size_t record, enum nm_family family)
{
	const struct nm_attachment *a = &s->records->v[record].network, *b;

	for (size_t i = 0; i < record; i++) {
		b = &s->records->v[i].network;
		if (b->families & 1u << family && !strcmp(a->bridge, b->bridge))
			return false;
	}
	return true;
}

static int answer_networks(struct search *s, struct nm_err *err)
{
	for (size_t i = 0; i < s->records->n; i++)
		nm_each_family(f, s->records->v[i].network.families)
			if (is_first(s, i, f) && answer_outbound(s, i, f, err) < 0)
				return -1;
	return 0;
}

/* A port that is published next: neither it nor the container is known. */
static int preview_way(struct search *s, const struct nm_way *way, enum nm_family family, struct nm_err *err)
{
	enum { ANY_PORT = 49151 }; /* the last that is registered, for nothing */
	const struct nm_follow_target next = {.port = ANY_PORT, .unnamed = true};
	struct nm_obstacle o = {.packet = {.family = family,
					.protocol = IPPROTO_TCP,
					.in = way->in,
					.first = next,
					.translated = next,
					.is_translated = true}};

	return way->has_address[family] ? answer_forwarded(s, &o, err) : 0;
}

static int preview(struct search *s, struct nm_err *err)
{
	for (size_t i = 0; i < s->ways.in.n; i++)
		nm_each_family(f, NM_BOTH_FAMILIES)
			if (preview_way(s, &s->ways.in.v[i], f, err) < 0)
				return -1;
	return 0;
}

/* Then looking for landmarks takes longer than following a packet for each port. */
static bool has_few_ports(const struct search *s)
{
	enum { FEW = 64 };
	size_t n = 0;

	for (size_t i = 0; i < s->records->n && n <= FEW; i++)
		for (size_t k = 0; k < s->records->v[i].mappings.n; k++)
			n += s->records->v[i].mappings.v[k].count;
	return n <= FEW;
}

static int find(struct search *s, struct nm_netlink *nl, struct nm_err *err)
{
	s->follow = (struct nm_follow){.ruleset = &s->ruleset, .own = own, .ctx = s};
	if (nm_ruleset_read(nl, s->when == BEFORE ? leave_out_before : nm_own_leave_out, &s->ruleset, err) <
			0 ||
		nm_ways_find(s->records, &s->ways, err) < 0)
		return -1;
	if (s->when == AHEAD)
		return preview(s, err);
	if ((!has_few_ports(s) && nm_landmarks_find(&s->follow, &s->landmarks, err) < 0) || ask(s, err) < 0)
		return -1;
	if (answer_all(s, err) < 0)
		return -1;
	return s->when == NOW ? answer_networks(s, err) : 0;
}

static int each(
	struct search *s, struct nm_netlink *nl, nm_obstacle_handler *handler, void *ctx, struct nm_err *err)
{
	if (find(s, nl, err) < 0)
		return -1;
	for (size_t i = 0; i < s->found.n; i++)
		if (handler(ctx, &s->found.v[i], err) < 0)
			return -1;
	return 0;
}

int nm_obstacles_each(struct nm_netlink *nl, const struct nm_records *records,
	const struct nm_layout_options *options, nm_obstacle_handler *handler, void *ctx, struct nm_err *err)
{
	NM_CLEANUP(search_done) struct search s = {.records = records, .options = options};

	return records->n > 0 ? each(&s, nl, handler, ctx, err) : 0;
}

int nm_obstacles_each_ahead(
	struct nm_netlink *nl, nm_obstacle_handler *handler, void *ctx, struct nm_err *err)
{
	static const struct nm_records none;
	NM_CLEANUP(search_done) struct search s = {.records = &none, .when = AHEAD};

	return each(&s, nl, handler, ctx, err);
}

int nm_obstacles_each_before(struct nm_netlink *nl, const struct nm_record *record,
	const struct nm_layout_options *options, nm_obstacle_handler *handler, void *ctx, struct nm_err *err)
{
	struct nm_record copy = *record; /* borrows all of it */
	const struct nm_records one = {.v = &copy, .n = 1};
	NM_CLEANUP(search_done) struct search s = {.records = &one, .options = options, .when = BEFORE};
	bool likely;

	s.follow.own_mark = nm_backend_ops(record->backend)->accept_mark;
	if (nm_likely_find(nl, &likely, err) < 0)
		return -1;
	return likely ? each(&s, nl, handler, ctx, err) : 0;
}
