#include "nftables/rule.h"

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
	b->msg = mnl_nlmsg_put_header(b->bytes);
	b->nest = mnl_attr_nest_start(b->msg, NFTA_RULE_EXPRESSIONS);
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
	struct nm_attrs expressions;

	mnl_attr_nest_end(b->msg, b->nest);
	expressions = (struct nm_attrs){mnl_attr_get_payload(b->nest), mnl_attr_get_payload_len(b->nest)};
	return nm_nftables_rules_add(ret, (struct nm_nftables_rule){.family = b->family, .chain = chain},
		expressions, comment, strlen(comment), err);
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

	nm_expr_payload(b->msg, NFT_PAYLOAD_NETWORK_HEADER, offset, (uint32_t)size, reg);
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
		nm_expr_ct_dir(b->msg, b->family == NM_IPV4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6,
			IP_CT_DIR_ORIGINAL, reg);
		return behind_address;
	case NM_FIELD_PROTOCOL:
		nm_expr_meta(b->msg, NFT_META_L4PROTO, reg);
		break;
	case NM_FIELD_DPORT:
		nm_expr_payload(b->msg, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg);
		break;
	case NM_FIELD_HOST_PORT:
		nm_expr_ct_dir(b->msg, NFT_CT_PROTO_DST, IP_CT_DIR_ORIGINAL, reg);
		break;
	case NM_FIELD_IN_INTERFACE:
		nm_expr_meta(b->msg, NFT_META_IIFNAME, reg);
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
	nm_expr_bitwise(b->msg, NFT_REG_1, mask, zeros, nm_addr_size(b->family));
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
	nm_expr_cmp(b->msg, negate ? NFT_CMP_NEQ : NFT_CMP_EQ, NFT_REG_1, network.addr.bytes, size);
}

void nm_nftables_rule_match_interface(
	struct nm_nftables_rule_builder *b, uint32_t key, const char *name, bool negate)
{
	char padded[IFNAMSIZ] = "";

	memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
	nm_expr_meta(b->msg, key, NFT_REG_1);
	nm_expr_cmp(b->msg, negate ? NFT_CMP_NEQ : NFT_CMP_EQ, NFT_REG_1, padded, sizeof(padded));
}

void nm_nftables_rule_match_protocol(struct nm_nftables_rule_builder *b, uint8_t protocol)
{
	(void)nm_nftables_rule_load(b, NM_FIELD_PROTOCOL, 0); /* the only field */
	nm_expr_cmp(b->msg, NFT_CMP_EQ, NFT_REG_1, &protocol, sizeof(protocol));
}

void nm_nftables_rule_match_bits(struct nm_nftables_rule_builder *b, uint32_t bits, bool set)
{
	static const uint32_t none = 0;

	nm_expr_bitwise(b->msg, NFT_REG_1, &bits, &none, sizeof(bits));
	nm_expr_cmp(b->msg, set ? NFT_CMP_NEQ : NFT_CMP_EQ, NFT_REG_1, &none, sizeof(none));
}
