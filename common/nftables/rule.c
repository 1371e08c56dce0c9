#include "nftables/rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <net/if.h>
#include <string.h>

#include "base/array.h"

uint32_t nm_nftables_rule_register(size_t word)
{
	return (uint32_t)(word % 4 ? NFT_REG32_00 + word : NFT_REG_1 + word / 4);
}

void nm_nftables_rule_begin(struct nm_nftables_rule_builder *b, enum nm_family family)
{
	b->family = family;
	b->msg = nm_message_begin(b->bytes, sizeof(b->bytes), 0);
	b->nest = nm_message_nest(&b->msg, NFTA_RULE_EXPRESSIONS);
}

int nm_nftables_rules_add(struct nm_nftables_rules *rules, struct nm_nftables_rule rule,
	struct nm_attrs expressions, const char *comment, size_t comment_len, struct nm_err *err)
{
	if (nm_grow(rules, "preparing the rules", err) < 0)
		return -1;
	rule.len = expressions.len;
	rule.expressions = malloc(rule.len + 1);
	rule.comment = strndup(comment, comment_len);
	if (rule.expressions && rule.len)
		memcpy(rule.expressions, expressions.data, rule.len);
	rules->v[rules->n++] = rule;
	return rule.expressions && rule.comment ? 0 : nm_fail_memory(err, "preparing the rules");
}

int nm_nftables_rule_end(struct nm_nftables_rule_builder *b, const char *chain, const char *comment,
	struct nm_nftables_rules *ret, struct nm_err *err)
{
	nm_message_nest_end(&b->msg, b->nest);
	if (b->msg.too_long)
		return nm_fail_errno(err, EMSGSIZE, "preparing the rules");
	return nm_nftables_rules_add(ret, (struct nm_nftables_rule){.family = b->family, .chain = chain},
		nm_attrs_inside(b->nest), comment, strlen(comment), err);
}

void nm_nftables_rules_done(struct nm_nftables_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		free(rules->v[i].comment);
		free(rules->v[i].expressions);
	}
	free(rules->v);
	*rules = (struct nm_nftables_rules){0};
}

static void load_address(struct nm_nftables_rule_builder *b, bool source, size_t size, uint32_t reg)
{
	uint32_t offset = b->family == NM_IPV4 ? (source ? 12 : 16) : (source ? 8 : 24);

	nm_expr_payload(&b->msg, NFT_PAYLOAD_NETWORK_HEADER, offset, (uint32_t)size, reg);
}

size_t nm_nftables_rule_load(struct nm_nftables_rule_builder *b, enum nm_nftables_field field, size_t word)
{
	size_t behind_address = word + nm_addr_size(b->family) / 4;
	uint32_t reg = nm_nftables_rule_register(word);

	switch (field) {
	case NM_FIELD_SADDR:
	case NM_FIELD_DADDR:
		load_address(b, field == NM_FIELD_SADDR, nm_addr_size(b->family), reg);
		return behind_address;
	case NM_FIELD_HOST:
		nm_expr_ct_dir(&b->msg, b->family == NM_IPV4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6,
			IP_CT_DIR_ORIGINAL, reg);
		return behind_address;
	case NM_FIELD_PROTOCOL:
		nm_expr_meta(&b->msg, NFT_META_L4PROTO, reg);
		break;
	case NM_FIELD_DPORT:
		nm_expr_payload(&b->msg, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg);
		break;
	case NM_FIELD_HOST_PORT:
		nm_expr_ct_dir(&b->msg, NFT_CT_PROTO_DST, IP_CT_DIR_ORIGINAL, reg);
		break;
	case NM_FIELD_IN_INTERFACE:
		nm_expr_meta(&b->msg, NFT_META_IIFNAME, reg);
		return word + IFNAMSIZ / 4;
	case NM_FIELD_OUT_INTERFACE:
		nm_expr_meta(&b->msg, NFT_META_OIFNAME, reg);
		return word + IFNAMSIZ / 4;
	case NM_FIELD_END:
		return word;
	}
	return word + 1;
}

void nm_nftables_rule_mask(struct nm_nftables_rule_builder *b, uint8_t len)
{
	static const uint8_t zeros[16];
	uint8_t mask[16];

	if (len >= nm_addr_bits(b->family))
		return;
	nm_prefix_mask(len, mask);
	nm_expr_bitwise(&b->msg, NFT_REG_1, mask, zeros, nm_addr_size(b->family));
}

/* Of a network that ends with a byte only these bytes are loaded, as nft does it. */
void nm_nftables_rule_match_prefix(struct nm_nftables_rule_builder *b, enum nm_nftables_field field,
	const struct nm_prefix *p, bool negate)
{
	bool is_of_bytes = p->len % 8 == 0 && field != NM_FIELD_HOST;
	size_t size = is_of_bytes ? p->len / 8 : nm_addr_size(b->family);
	struct nm_prefix network = nm_prefix_network(p);

	if (!p->len)
		return;
	if (is_of_bytes) {
		load_address(b, field == NM_FIELD_SADDR, size, NFT_REG_1);
	} else {
		(void)nm_nftables_rule_load(b, field, 0); /* the only field */
		nm_nftables_rule_mask(b, p->len);
	}
	nm_expr_cmp(&b->msg, negate ? NFT_CMP_NEQ : NFT_CMP_EQ, NFT_REG_1, network.addr.bytes, size);
}

void nm_nftables_rule_match_interface(
	struct nm_nftables_rule_builder *b, uint32_t key, const char *name, bool negate)
{
	char padded[IFNAMSIZ] = "";

	memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
	nm_expr_meta(&b->msg, key, NFT_REG_1);
	nm_expr_cmp(&b->msg, negate ? NFT_CMP_NEQ : NFT_CMP_EQ, NFT_REG_1, padded, sizeof(padded));
}

void nm_nftables_rule_match_protocol(struct nm_nftables_rule_builder *b, uint8_t protocol)
{
	(void)nm_nftables_rule_load(b, NM_FIELD_PROTOCOL, 0); /* the only field */
	nm_expr_cmp(&b->msg, NFT_CMP_EQ, NFT_REG_1, &protocol, sizeof(protocol));
}

void nm_nftables_rule_match_bits(struct nm_nftables_rule_builder *b, uint32_t bits, bool set)
{
	static const uint32_t none = 0;

	nm_expr_bitwise(&b->msg, NFT_REG_1, &bits, &none, sizeof(bits));
	nm_expr_cmp(&b->msg, set ? NFT_CMP_NEQ : NFT_CMP_EQ, NFT_REG_1, &none, sizeof(none));
}

/* Targets of xt refuse a table that is not called nat, and matching many ports at once would need a set: so
 * each port or range gets a rule of native expressions. */
static const char *chain_of(const struct nm_rule *rule)
{
	if (rule->table == NM_TABLE_FILTER)
		return "static_forward";
	if (rule->table == NM_TABLE_MANGLE)
		return "static_closed";
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
		nm_expr_cmp(&b->msg, NFT_CMP_EQ, NFT_REG_1, &first, sizeof(first));
	} else {
		nm_expr_cmp(&b->msg, NFT_CMP_GTE, NFT_REG_1, &first, sizeof(first));
		nm_expr_cmp(&b->msg, NFT_CMP_LTE, NFT_REG_1, &last, sizeof(last));
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
		nm_expr_ct(&b->msg, NFT_CT_STATUS, NFT_REG_1);
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
		nm_expr_value(&b->msg, NFT_REG_1, rule->to.bytes, nm_addr_size(rule->family));
		nm_expr_nat(&b->msg, rule->verdict == NM_VERDICT_DNAT ? NFT_NAT_DNAT : NFT_NAT_SNAT,
			nm_addr_family_to_af(rule->family), NFT_REG_1, 0);
		break;
	case NM_VERDICT_MASQUERADE:
		nm_expr_masquerade(&b->msg);
		break;
	case NM_VERDICT_RETURN: /* from what closes an interface, to what comes after it */
		nm_expr_verdict(&b->msg, NF_ACCEPT, NULL);
		break;
	default:
		nm_expr_verdict(&b->msg, NFT_GOTO, "pass");
	}
}

static int add_rule(
	const struct nm_rule *rule, struct nm_ports ports, struct nm_nftables_rules *ret, struct nm_err *err)
{
	struct nm_nftables_rule_builder b;
	char tag[NM_TAG_SIZE];

	nm_nftables_rule_begin(&b, rule->family);
	put_matches(&b, rule, ports);
	nm_expr_counter(&b.msg);
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
int nm_nftables_rules_add_static(enum nm_family family, const struct nm_rules *statics,
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
