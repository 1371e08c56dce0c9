/*
 * Static NAT as rules. A translation takes all ports of an entry at once, by multiport; what opens or
 * masquerades has a rule for each port or range, so that the port of the connection's first packet and the
 * port it goes to are matched together and nothing else is let through.
 */
#include "iptables/layout_static.h"

#include "iptables/layout.h"

static struct nm_rule rule_of(const struct nm_static_nat *s, enum nm_table table, enum nm_chain chain)
{
	return (struct nm_rule){.family = s->family,
		.table = table,
		.chain = chain,
		.protocol = s->kind == NM_STATIC_SNAT ? 0 : s->protocol,
		.owner = s->owner};
}

static const char *interface_of(const struct nm_static_nat *s)
{
	return s->interface[0] ? s->interface : NULL;
}

static void match_external(const struct nm_static_nat *s, struct nm_rule *rule)
{
	if (s->has_external)
		rule->dst = nm_prefix_whole(&s->external);
}

/* How many of the n ports and ranges go into one rule. */
static size_t count_multiport(const struct nm_ports *ports, size_t n)
{
	size_t slots = 0;

	for (size_t i = 0; i < n; i++) {
		slots += ports[i].first == ports[i].last ? 1 : 2;
		if (slots > NM_MULTIPORT_SLOTS)
			return i;
	}
	return n;
}

/* The rule, which has everything but ports, as often as it takes for all ports. */
static int add_translation(
	const struct nm_static_nat *s, struct nm_rule rule, struct nm_rules *rules, struct nm_err *err)
{
	size_t n;

	rule.verdict = NM_VERDICT_DNAT;
	rule.to = s->internal.addr;
	for (size_t i = 0; i < s->n_ports; i += n) {
		n = count_multiport(s->ports + i, s->n_ports - i);
		rule.dports = n == 1 ? s->ports[i] : (struct nm_ports){0};
		rule.multiport = n == 1 ? NULL : s->ports + i;
		rule.n_multiport = n == 1 ? 0 : n;
		if (nm_rules_add(rules, &rule, err) < 0)
			return -1;
	}
	return 0;
}

/* The rule, once for each port or range, for what this entry has translated. */
static int add_translated(
	const struct nm_static_nat *s, struct nm_rule rule, struct nm_rules *rules, struct nm_err *err)
{
	rule.dst = s->internal;
	rule.ct_dnat = true;
	if (s->has_external)
		rule.ct_orig_dst = nm_prefix_whole(&s->external);
	for (size_t i = 0; i < s->n_ports; i++) {
		rule.dports = rule.ct_orig_dports = s->ports[i];
		if (nm_rules_add(rules, &rule, err) < 0)
			return -1;
	}
	return 0;
}

/* An external address may be none of the host's, so that NATMAP would not be reached. */
static int add_dnat(const struct nm_static_nat *s, struct nm_rules *rules, struct nm_err *err)
{
	struct nm_rule in = rule_of(s, NM_TABLE_NAT, s->has_external ? NM_CHAIN_PREROUTING : NM_CHAIN_NATMAP);
	struct nm_rule out = rule_of(s, NM_TABLE_NAT, NM_CHAIN_OUTPUT);
	struct nm_rule accept = rule_of(s, NM_TABLE_FILTER, NM_CHAIN_NATMAP);

	match_external(s, &in);
	match_external(s, &out);
	nm_iptables_layout_exclude_link_local(&in);
	nm_iptables_layout_exclude_link_local(&out);
	in.in_if = interface_of(s);
	accept.verdict = NM_VERDICT_ACCEPT;
	if (add_translation(s, in, rules, err) < 0)
		return -1;
	if (s->has_external && add_translation(s, out, rules, err) < 0)
		return -1;
	return add_translated(s, accept, rules, err);
}

static int add_snat(const struct nm_static_nat *s, struct nm_rules *rules, struct nm_err *err)
{
	struct nm_rule rule = rule_of(s, NM_TABLE_NAT, NM_CHAIN_POSTROUTING);

	rule.place = NM_PLACE_AFTER_HEAD;
	rule.src = s->internal;
	rule.out_if = interface_of(s);
	rule.verdict = NM_VERDICT_SNAT;
	rule.to = s->external;
	return nm_rules_add(rules, &rule, err);
}

static int add_hairpin(const struct nm_static_nat *s, struct nm_rules *rules, struct nm_err *err)
{
	struct nm_rule in = rule_of(s, NM_TABLE_NAT, NM_CHAIN_PREROUTING);
	struct nm_rule masquerade = rule_of(s, NM_TABLE_NAT, NM_CHAIN_POSTROUTING);
	struct nm_rule accept = rule_of(s, NM_TABLE_FILTER, NM_CHAIN_NATMAP);

	masquerade.place = NM_PLACE_HEAD;
	masquerade.verdict = NM_VERDICT_MASQUERADE;
	masquerade.src = s->has_lan ? s->lan : s->internal;
	if (s->has_lan) /* the translation and its ACCEPT are a dnat entry's */
		return add_translated(s, masquerade, rules, err);
	match_external(s, &in);
	in.src = accept.src = s->internal;
	accept.verdict = NM_VERDICT_ACCEPT;
	if (add_translation(s, in, rules, err) < 0 || add_translated(s, masquerade, rules, err) < 0)
		return -1;
	return add_translated(s, accept, rules, err);
}

/* What is inserted later stands further up: so the longer prefix comes last, and of equals the one with an
 * interface, for the more specific SNAT to win. */
static int compare_snats(const void *a, const void *b)
{
	const struct nm_static_nat *x = *(const struct nm_static_nat *const *)a;
	const struct nm_static_nat *y = *(const struct nm_static_nat *const *)b;

	if (x->internal.len != y->internal.len)
		return x->internal.len - y->internal.len;
	return (x->interface[0] != 0) - (y->interface[0] != 0);
}

static int add_snats(const struct nm_static_nats *s, struct nm_rules *rules, struct nm_err *err)
{
	nm_autofree const struct nm_static_nat **snats = calloc(s->n + 1, sizeof(struct nm_static_nat *));
	size_t n = 0;

	if (!snats)
		return nm_fail_memory(err, "preparing the rules");
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].kind == NM_STATIC_SNAT)
			snats[n++] = &s->v[i];
	qsort(snats, n, sizeof(struct nm_static_nat *), compare_snats);
	for (size_t i = 0; i < n; i++)
		if (add_snat(snats[i], rules, err) < 0)
			return -1;
	return 0;
}

int nm_iptables_layout_static(const struct nm_static_nats *s, struct nm_rules *rules, struct nm_err *err)
{
	if (add_snats(s, rules, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if ((s->v[i].kind == NM_STATIC_DNAT && add_dnat(&s->v[i], rules, err) < 0) ||
			(s->v[i].kind == NM_STATIC_HAIRPIN && add_hairpin(&s->v[i], rules, err) < 0))
			return -1;
	return 0;
}
