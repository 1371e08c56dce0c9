#include "backend/shadow.h"

#include <linux/netfilter.h>
#include <string.h>

#include "backend/own.h"
#include "follow/ruleset_read.h"

struct search {
	const struct nm_rule *rule;
	uint64_t handle;
};

static bool is_in(const struct nm_ruleset_chain *chain, const struct nm_rule *rule)
{
	return chain->nfproto == nm_addr_family_to_af(rule->family) &&
		!strcmp(chain->table, nm_rule_table_name(rule->table)) &&
		!strcmp(chain->name, nm_rule_chain_name(rule->chain));
}

static enum nm_follow_own judge(
	const void *ctx, const struct nm_ruleset_chain *chain, const struct nm_ruleset_rule *rule)
{
	const struct search *s = ctx;

	if (rule && rule->handle == s->handle && is_in(chain, s->rule))
		return NM_FOLLOW_ENDS;
	return nm_own_judge(NULL, chain, rule) == NM_FOLLOW_OTHERS ? NM_FOLLOW_OTHERS : NM_FOLLOW_PASSES;
}

static struct nm_follow_target target_of(
	const struct nm_rule *rule, const struct nm_prefix *address, const struct nm_ports *ports, bool local)
{
	struct nm_follow_target t = {
		.address = address->addr, .port = ports->first, .any_port = !ports->first, .local = local};

	t.address.family = rule->family;
	t.unknown_bits = (uint8_t)(nm_addr_bits(rule->family) - address->len);
	return t;
}

/* A negated condition, and an interface, say nothing here. */
static struct nm_follow_packet packet_of(const struct nm_rule *rule)
{
	static const struct nm_prefix any;
	bool is_before = rule->chain == NM_CHAIN_PREROUTING;
	const struct nm_prefix *dst = rule->not_dst ? &any : &rule->dst;
	struct nm_follow_packet p = {.family = rule->family,
		.protocol = rule->protocol ? rule->protocol : IPPROTO_TCP,
		.has_source = true,
		.source = rule->src.addr,
		.unknown_bits = (uint8_t)(nm_addr_bits(rule->family) - (rule->not_src ? 0 : rule->src.len)),
		.first = target_of(rule, is_before ? dst : &rule->ct_orig_dst,
			is_before ? &rule->dports : &rule->ct_orig_dports, true),
		.translated = target_of(rule, dst, &rule->dports, false),
		.is_translated = rule->ct_dnat};

	p.source.family = rule->family;
	if (!rule->ct_dnat) /* SNAT, and what is not translated at all */
		p.first = target_of(rule, dst, &rule->dports, is_before);
	return p;
}

static uint32_t hook_of(const struct nm_rule *rule)
{
	static const uint32_t hooks[NM_CHAIN_MAX] = {
		[NM_CHAIN_PREROUTING] = NF_INET_PRE_ROUTING,
		[NM_CHAIN_INPUT] = NF_INET_LOCAL_IN,
		[NM_CHAIN_OUTPUT] = NF_INET_LOCAL_OUT,
		[NM_CHAIN_POSTROUTING] = NF_INET_POST_ROUTING,
		[NM_CHAIN_FORWARD] = NF_INET_FORWARD,
	};

	return hooks[rule->chain];
}

int nm_shadow_find(struct nm_shadow *s, struct nm_netlink *nl, const struct nm_rule *rule, uint64_t handle,
	bool *ret, struct nm_err *err)
{
	const struct search search = {.rule = rule, .handle = handle};
	const struct nm_follow follow = {.ruleset = &s->ruleset, .own = judge, .ctx = &search};
	const struct nm_follow_packet packet = packet_of(rule);
	struct nm_follow_result r;

	if (!s->is_read && nm_ruleset_read(nl, nm_own_leave_out, &s->ruleset, err) < 0)
		return -1;
	s->is_read = true;
	nm_follow(&follow, hook_of(rule), &packet, &r);
	if (r.end == NM_FOLLOW_DROPPED || r.end == NM_FOLLOW_TRANSLATED)
		*ret = r.is_sure && is_in(r.base, rule);
	else
		*ret = r.end == NM_FOLLOW_THROUGH && r.is_sure &&
			!(r.masquerades && rule->verdict == NM_VERDICT_MASQUERADE);
	return 0;
}

void nm_shadow_done(struct nm_shadow *s)
{
	nm_ruleset_done(&s->ruleset);
	*s = (struct nm_shadow){0};
}
