/*
 * What closes a bridge stands in mangle, which precedes every filter: no ACCEPT of others in FORWARD opens
 * it, nor one of natmap's for another bridge, wherever that stands. It stands in FORWARD itself, since
 * NATMAP, which closes interfaces that forward for natmap's sake alone, lets packets return: what comes from
 * the bridge, too.
 *
 * What passes stands at the head of filter NATMAP, so that packets do not walk past the rules of each port.
 * Translated ones do walk, but for those of known connections: an allow list counts for a bridge's
 * containers, too. MASQUERADE comes behind all that others, or static rules, say of the same packets.
 */
#include "iptables/layout_network.h"

static struct nm_rule rule_of(const struct nm_network_part *part, enum nm_table table, enum nm_chain chain)
{
	return (struct nm_rule){.family = part->family, .table = table, .chain = chain, .owner = part->owner};
}

static int add_closed(const struct nm_network_part *part, struct nm_rules *rules, struct nm_err *err)
{
	struct nm_rule rule = rule_of(part, NM_TABLE_MANGLE, NM_CHAIN_FORWARD);

	rule.place = NM_PLACE_HEAD;
	rule.in_if = rule.out_if = nm_network_part_bridge(part);
	rule.not_in_if = part->kind == NM_NETWORK_PART_BRIDGE;
	rule.ct_foreign = true;
	rule.verdict = NM_VERDICT_DROP;
	return nm_rules_add(rules, &rule, err);
}

static int add_open(const struct nm_network_part *part, struct nm_rules *rules, struct nm_err *err)
{
	struct nm_rule rule = rule_of(part, NM_TABLE_MANGLE, NM_CHAIN_NATMAP);

	rule.place = NM_PLACE_HEAD;
	rule.in_if = nm_network_part_bridge(part);
	rule.verdict = NM_VERDICT_RETURN;
	return nm_rules_add(rules, &rule, err);
}

static int add_passing(const struct nm_network_part *part, struct nm_rules *rules, struct nm_err *err)
{
	struct nm_rule out = rule_of(part, NM_TABLE_FILTER, NM_CHAIN_NATMAP), in = out;

	out.place = in.place = NM_PLACE_HEAD;
	out.verdict = in.verdict = NM_VERDICT_ACCEPT;
	out.in_if = in.out_if = nm_network_part_bridge(part);
	out.ct_untranslated = true;
	in.ct_established = true;
	return nm_rules_add(rules, &out, err) < 0 ? -1 : nm_rules_add(rules, &in, err);
}

static int add_masquerade(const struct nm_network_part *part, struct nm_rules *rules, struct nm_err *err)
{
	struct nm_rule rule = rule_of(part, NM_TABLE_NAT, NM_CHAIN_POSTROUTING);

	rule.src = part->subnet;
	rule.out_if = nm_network_part_bridge(part);
	rule.not_out_if = true;
	rule.verdict = NM_VERDICT_MASQUERADE;
	return nm_rules_add(rules, &rule, err);
}

/* What a bridge forwards by itself, which br_netfilter shows here, too, has sources of other kinds: those of
 * neighbour discovery. */
static int add_origin(const struct nm_network_part *part, struct nm_rules *rules, struct nm_err *err)
{
	struct nm_rule rule = rule_of(part, NM_TABLE_MANGLE, NM_CHAIN_FORWARD);

	rule.place = NM_PLACE_HEAD;
	rule.in_if = rule.out_if = nm_network_part_bridge(part);
	rule.not_out_if = true;
	rule.src = part->subnet;
	rule.not_src = true;
	rule.verdict = NM_VERDICT_DROP;
	return nm_rules_add(rules, &rule, err);
}

int nm_iptables_layout_network(const struct nm_network_part *part, struct nm_rules *rules, struct nm_err *err)
{
	if (part->kind == NM_NETWORK_PART_SUBNET)
		return add_origin(part, rules, err) < 0 ? -1 : add_masquerade(part, rules, err);
	if (add_closed(part, rules, err) < 0)
		return -1;
	if (part->kind == NM_NETWORK_PART_ISOLATED)
		return 0;
	return add_open(part, rules, err) < 0 ? -1 : add_passing(part, rules, err);
}

bool nm_iptables_layout_network_may_have(const struct nm_rule_place *place)
{
	switch (place->table) {
	case NM_TABLE_MANGLE:
		return place->chain == NM_CHAIN_FORWARD || place->chain == NM_CHAIN_NATMAP;
	case NM_TABLE_NAT:
		return place->chain == NM_CHAIN_POSTROUTING;
	case NM_TABLE_FILTER:
		return place->chain == NM_CHAIN_NATMAP;
	default:
		return false;
	}
}
