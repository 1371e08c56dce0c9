/*
 * The iptables layout. The order in which rules are appended here is the order in which they are written;
 * what goes to the head of a chain stands there in reverse.
 */
#include "iptables/layout.h"

#include <string.h>

#include "iptables/layout_network.h"

static const struct nm_prefix ipv4_loopback = {.addr = {.family = NM_IPV4, .bytes = {127}}, .len = 8};
static const struct nm_prefix ipv4_localhost = {
	.addr = {.family = NM_IPV4, .bytes = {127, 0, 0, 1}}, .len = 32};
static const struct nm_prefix ipv6_localhost = {.addr = {.family = NM_IPV6, .bytes = {[15] = 1}}, .len = 128};

/* One mapping in one family. */
struct part {
	const struct nm_publication *pub;
	const struct nm_layout_options *opt;
	const struct nm_mapping *m;
	enum nm_family family;
	struct nm_ports host_ports, container_ports;
	struct nm_rules *rules;
};

static bool is_on_loopback(const struct nm_mapping *m)
{
	return !m->any_host && nm_addr_is_loopback(&m->host);
}

static struct nm_rule rule_of(const struct part *p, enum nm_table table, enum nm_chain chain)
{
	return (struct nm_rule){.family = p->family,
		.table = table,
		.chain = chain,
		.protocol = p->m->protocol,
		.owner = p->pub->id,
		.owner_ports = p->host_ports};
}

void nm_iptables_layout_exclude_link_local(struct nm_rule *rule)
{
	if (rule->family != NM_IPV6)
		return;
	rule->src = nm_prefix_ipv6_link_local;
	rule->not_src = true;
}

static void translate(const struct part *p, struct nm_rule *rule)
{
	rule->dports = p->host_ports;
	if (!p->m->any_host)
		rule->dst = nm_prefix_whole(&p->m->host);
	nm_iptables_layout_exclude_link_local(rule);
	rule->verdict = NM_VERDICT_DNAT;
	rule->to = p->pub->address[p->family].addr;
	rule->to_ports = p->container_ports;
}

/* What this mapping has translated, and nothing else, on its way to the container. */
static void match_translated(const struct part *p, struct nm_rule *rule)
{
	rule->dst = nm_prefix_whole(&p->pub->address[p->family].addr);
	rule->dports = p->container_ports;
	rule->ct_dnat = true;
	rule->ct_orig_dports = p->host_ports;
}

static int add_prerouting(const struct part *p, struct nm_err *err)
{
	struct nm_rule rule = rule_of(p, NM_TABLE_NAT, NM_CHAIN_NATMAP);

	translate(p, &rule);
	rule.place = p->m->any_host ? NM_PLACE_END : NM_PLACE_HEAD;
	return nm_rules_add(p->rules, &rule, err);
}

static int add_output(const struct part *p, struct nm_err *err)
{
	struct nm_rule rule = rule_of(p, NM_TABLE_NAT, NM_CHAIN_OUTPUT);

	translate(p, &rule);
	if (p->m->any_host && p->family == NM_IPV4) {
		rule.dst = ipv4_localhost;
		if (p->opt->localhost && nm_rules_add(p->rules, &rule, err) < 0)
			return -1;
		rule.dst = ipv4_loopback;
		rule.not_dst = true;
	} else if (p->m->any_host) {
		rule.dst = ipv6_localhost;
		rule.not_dst = true;
	}
	rule.dst_local = true;
	return nm_rules_add(p->rules, &rule, err);
}

/* The rule, once for each network whose members the container would answer without the host. */
static int add_neighbours(const struct part *p, struct nm_rule rule, struct nm_err *err)
{
	rule.src = nm_prefix_network(&p->pub->address[p->family]);
	if (nm_rules_add(p->rules, &rule, err) < 0)
		return -1;
	for (size_t i = 0; i < p->pub->n_networks; i++) {
		rule.src = nm_prefix_network(&p->pub->networks[i]);
		if (rule.src.addr.family == p->family && nm_rules_add(p->rules, &rule, err) < 0)
			return -1;
	}
	return 0;
}

static int add_postrouting(const struct part *p, struct nm_err *err)
{
	struct nm_rule rule = rule_of(p, NM_TABLE_NAT, NM_CHAIN_POSTROUTING);

	match_translated(p, &rule);
	rule.place = NM_PLACE_HEAD;
	rule.verdict = NM_VERDICT_MASQUERADE;
	if (p->opt->hairpin && p->opt->masquerade_all)
		return nm_rules_add(p->rules, &rule, err);
	if (p->opt->hairpin && add_neighbours(p, rule, err) < 0)
		return -1;
	if (p->family != NM_IPV4 || !nm_publication_needs_localnet(p->m, p->opt))
		return 0;
	rule.src = ipv4_loopback;
	return nm_rules_add(p->rules, &rule, err);
}

static int add_forward(const struct part *p, struct nm_err *err)
{
	struct nm_rule rule = rule_of(p, NM_TABLE_FILTER, NM_CHAIN_NATMAP);

	if (is_on_loopback(p->m))
		return 0;
	match_translated(p, &rule);
	if (!p->m->any_host)
		rule.ct_orig_dst = nm_prefix_whole(&p->m->host);
	rule.verdict = NM_VERDICT_ACCEPT;
	if (!p->pub->restricted)
		return nm_rules_add(p->rules, &rule, err);
	for (size_t i = 0; i < p->pub->n_allow; i++) {
		if (p->pub->allow[i].addr.family != p->family)
			continue;
		rule.src = nm_prefix_network(&p->pub->allow[i]);
		if (nm_rules_add(p->rules, &rule, err) < 0)
			return -1;
	}
	rule.src = (struct nm_prefix){0};
	rule.verdict = NM_VERDICT_DROP;
	return nm_rules_add(p->rules, &rule, err);
}

/* A packet from the network to 127.x would be translated before the kernel calls it a martian. */
static int add_guard(const struct part *p, struct nm_err *err)
{
	struct nm_rule rule = rule_of(p, NM_TABLE_RAW, NM_CHAIN_PREROUTING);

	if (!is_on_loopback(p->m))
		return 0;
	rule.place = NM_PLACE_HEAD;
	rule.in_if = "lo";
	rule.not_in_if = true;
	rule.dst = nm_prefix_whole(&p->m->host);
	rule.dports = p->host_ports;
	rule.verdict = NM_VERDICT_DROP;
	return nm_rules_add(p->rules, &rule, err);
}

/* With route_localnet, whatever sits behind the interface could reach the host's own 127.0.0.1, and where
 * rp_filter is off send to its other addresses as if it were 127.0.0.2. */
int nm_iptables_layout_guard(const char *owner, struct nm_rules *rules, struct nm_err *err)
{
	struct nm_rule rule = {.family = NM_IPV4,
		.table = NM_TABLE_RAW,
		.chain = NM_CHAIN_PREROUTING,
		.place = NM_PLACE_HEAD,
		.in_if = owner + sizeof(NM_PUBLICATION_GUARD) - 1,
		.dst = ipv4_loopback,
		.verdict = NM_VERDICT_DROP,
		.owner = owner};

	if (nm_rules_add(rules, &rule, err) < 0)
		return -1;
	rule.src = rule.dst;
	rule.dst = (struct nm_prefix){.len = 0};
	return nm_rules_add(rules, &rule, err);
}

int nm_iptables_layout(const struct nm_publication *pub, const struct nm_layout_options *opt,
	struct nm_rules *rules, struct nm_err *err)
{
	for (size_t i = 0; i < pub->n_mappings; i++) {
		const struct nm_mapping *m = &pub->mappings[i];
		struct part p = {.pub = pub,
			.opt = opt,
			.m = m,
			.host_ports = {m->host_port, (uint16_t)(m->host_port + m->count - 1)},
			.container_ports = {m->container_port, (uint16_t)(m->container_port + m->count - 1)},
			.rules = rules};

		for (p.family = NM_IPV4; p.family < NM_FAMILY_MAX; p.family++) {
			if (!(m->families & pub->families & 1u << p.family))
				continue;
			if (add_guard(&p, err) < 0 || add_prerouting(&p, err) < 0 ||
				add_output(&p, err) < 0 || add_postrouting(&p, err) < 0 ||
				add_forward(&p, err) < 0)
				return -1;
		}
	}
	return 0;
}

static bool begins_with(const char *owner, const char *prefix)
{
	return !strncmp(owner, prefix, strlen(prefix));
}

bool nm_iptables_layout_may_have(const char *owner, const struct nm_rule_place *place)
{
	bool is_raw = place->table == NM_TABLE_RAW && place->chain == NM_CHAIN_PREROUTING;

	if (begins_with(owner, NM_PUBLICATION_GUARD))
		return is_raw && place->family == NM_IPV4;
	if (begins_with(owner, NM_PUBLICATION_FORWARD))
		return place->table == NM_TABLE_MANGLE && place->chain == NM_CHAIN_NATMAP;
	if (begins_with(owner, NM_PUBLICATION_NETWORK))
		return nm_iptables_layout_network_may_have(place);
	if (begins_with(owner, NM_PUBLICATION_NFTABLES))
		return place->table == NM_TABLE_FILTER && place->chain == NM_CHAIN_DOCKER_USER;
	if (owner[0] == '@' || is_raw)
		return true;
	if (place->table == NM_TABLE_NAT)
		return place->chain == NM_CHAIN_NATMAP || place->chain == NM_CHAIN_OUTPUT ||
			place->chain == NM_CHAIN_POSTROUTING;
	return place->table == NM_TABLE_FILTER && place->chain == NM_CHAIN_NATMAP;
}

static struct nm_rule jump(enum nm_family family, enum nm_table table, enum nm_chain from, enum nm_chain to)
{
	return (struct nm_rule){
		.family = family, .table = table, .chain = from, .verdict = NM_VERDICT_JUMP, .target = to};
}

struct nm_rule nm_iptables_layout_jump(enum nm_family family)
{
	struct nm_rule rule = jump(family, NM_TABLE_FILTER, NM_CHAIN_FORWARD, NM_CHAIN_DOCKER_USER);

	rule.place = NM_PLACE_HEAD;
	return rule;
}

static const char established_owner[] = "@established";

bool nm_iptables_layout_is_base(const struct nm_rule *rule)
{
	bool is_jump = rule->verdict == NM_VERDICT_JUMP && rule->table != NM_TABLE_MANGLE;

	return is_jump || (rule->owner && !strcmp(rule->owner, established_owner));
}

int nm_iptables_layout_base(unsigned families, struct nm_rules *rules, struct nm_err *err)
{
	nm_each_family(f, families) {
		const struct nm_rule forward = nm_iptables_layout_jump(f);
		const struct nm_rule user = jump(f, NM_TABLE_FILTER, NM_CHAIN_DOCKER_USER, NM_CHAIN_NATMAP);
		struct nm_rule prerouting = jump(f, NM_TABLE_NAT, NM_CHAIN_PREROUTING, NM_CHAIN_NATMAP);
		const struct nm_rule established = {.family = f,
			.table = NM_TABLE_FILTER,
			.chain = NM_CHAIN_NATMAP,
			.place = NM_PLACE_HEAD,
			.ct_established = true,
			.ct_dnat = true,
			.verdict = NM_VERDICT_ACCEPT,
			.owner = established_owner};

		prerouting.dst_local = true;
		if (nm_rules_add(rules, &forward, err) < 0 || nm_rules_add(rules, &user, err) < 0 ||
			nm_rules_add(rules, &prerouting, err) < 0 ||
			nm_rules_add(rules, &established, err) < 0)
			return -1;
	}
	return 0;
}
