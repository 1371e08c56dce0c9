/*
 * Targets of xt refuse a table that is not called nat, and matching many ports at once would need a set: so
 * each port or range gets a rule of native expressions.
 */
#include "nftables/static_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

static const char *chain_of(const struct nm_rule *rule)
{
	if (rule->table == NM_TABLE_FILTER)
		return "static_forward";
	switch (rule->chain) {
	case NM_CHAIN_PREROUTING:
		return "static_prerouting";
	case NM_CHAIN_OUTPUT:
		return "static_output";
	case NM_CHAIN_POSTROUTING:
		return "static_postrouting";
	default:
		return "static_translate";
	}
}

static void match_ports(
	struct nm_nftables_rule_builder *b, enum nm_nftables_field field, struct nm_ports ports)
{
	uint16_t first = htons(ports.first), last = htons(ports.last);

	if (!ports.first)
		return;
	(void)nm_nftables_rule_load(b, field, 0); /* the only field */
	if (first == last) {
		nm_expr_cmp(b->msg, NFT_CMP_EQ, NFT_REG_1, &first, sizeof(first));
	} else {
		nm_expr_cmp(b->msg, NFT_CMP_GTE, NFT_REG_1, &first, sizeof(first));
		nm_expr_cmp(b->msg, NFT_CMP_LTE, NFT_REG_1, &last, sizeof(last));
	}
}

static void put_matches(struct nm_nftables_rule_builder *b, const struct nm_rule *rule, struct nm_ports ports)
{
	if (rule->in_if)
		nm_nftables_rule_match_interface(b, NFT_META_IIFNAME, rule->in_if, rule->not_in_if);
	if (rule->out_if)
		nm_nftables_rule_match_interface(b, NFT_META_OIFNAME, rule->out_if, false);
	nm_nftables_rule_match_prefix(b, NM_FIELD_SADDR, &rule->src, rule->not_src);
	nm_nftables_rule_match_prefix(b, NM_FIELD_DADDR, &rule->dst, rule->not_dst);
	if (rule->protocol)
		nm_nftables_rule_match_protocol(b, rule->protocol);
	match_ports(b, NM_FIELD_DPORT, ports);
	if (rule->ct_dnat) {
		nm_expr_ct(b->msg, NFT_CT_STATUS, NFT_REG_1);
		nm_nftables_rule_match_bits(b, IPS_DST_NAT, true);
	}
	match_ports(b, NM_FIELD_HOST_PORT, rule->ct_orig_dports);
	nm_nftables_rule_match_prefix(b, NM_FIELD_HOST, &rule->ct_orig_dst, false);
}

static void put_verdict(struct nm_nftables_rule_builder *b, const struct nm_rule *rule)
{
	switch (rule->verdict) {
	case NM_VERDICT_DNAT:
	case NM_VERDICT_SNAT:
		nm_expr_value(b->msg, NFT_REG_1, rule->to.bytes, nm_addr_size(rule->family));
		nm_expr_nat(b->msg, rule->verdict == NM_VERDICT_DNAT ? NFT_NAT_DNAT : NFT_NAT_SNAT,
			nm_addr_family_to_af(rule->family), NFT_REG_1, 0);
		break;
	case NM_VERDICT_MASQUERADE:
		nm_expr_masquerade(b->msg);
		break;
	default:
		nm_expr_verdict(b->msg, NFT_GOTO, "pass");
	}
}

static int add_rule(
	const struct nm_rule *rule, struct nm_ports ports, struct nm_nftables_rules *ret, struct nm_err *err)
{
	struct nm_nftables_rule_builder b;
	char tag[NM_TAG_SIZE];

	nm_nftables_rule_begin(&b, rule->family);
	put_matches(&b, rule, ports);
	nm_expr_counter(b.msg);
	put_verdict(&b, rule);
	return nm_nftables_rule_end(
		&b, chain_of(rule), nm_tag_print(rule->owner, rule->owner_ports, tag), ret, err);
}

static int add_rules(const struct nm_rule *rule, struct nm_nftables_rules *ret, struct nm_err *err)
{
	for (size_t i = 0; i < rule->n_multiport; i++)
		if (add_rule(rule, rule->multiport[i], ret, err) < 0)
			return -1;
	return rule->n_multiport ? 0 : add_rule(rule, rule->dports, ret, err);
}

/* The order is that of iptables' chains, where a later rule for the head goes before an earlier one. */
int nm_nftables_static_rules(enum nm_family family, const struct nm_rules *statics,
	struct nm_nftables_rules *ret, struct nm_err *err)
{
	static const enum nm_place places[] = {NM_PLACE_HEAD, NM_PLACE_AFTER_HEAD, NM_PLACE_END};

	for (size_t p = 0; p < sizeof(places) / sizeof(*places); p++)
		for (size_t i = 0; i < statics->n; i++) {
			size_t at = places[p] == NM_PLACE_END ? i : statics->n - 1 - i;
			const struct nm_rule *rule = &statics->v[at];

			if (rule->family == family && rule->place == places[p] &&
				add_rules(rule, ret, err) < 0)
				return -1;
		}
	return 0;
}
