/* A constant rule as expressions: the match of its template, the key of its set and the look-up, and what
 * comes of it. */
#include "nftables/chain_rule.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "nftables/chain_tag.h"

/* NF_CT_STATE_BIT(): bits of NFT_CT_STATE */
enum { STATE_ESTABLISHED = 1 << 1, STATE_RELATED = 1 << 2 };

/* What is said of a packet by one bit of it. */
struct bit {
	uint32_t key, value; /* NFT_META_* */
};
static const struct bit mark = {NFT_META_MARK, NM_NFTABLES_MARK};
static const struct bit aside = {NFT_META_PRIORITY, NM_NFTABLES_ASIDE};

static void put_match_bit(struct nm_nftables_rule_builder *b, const struct bit *bit)
{
	nm_expr_meta(&b->msg, bit->key, NFT_REG_1);
	nm_nftables_rule_match_bits(b, bit->value, true);
}

static void put_match(struct nm_nftables_rule_builder *b, enum nm_nftables_match match)
{
	static const uint32_t local = RTN_LOCAL;
	static const struct nm_prefix loopback[NM_FAMILY_MAX] = {
		[NM_IPV4] = {.addr = {.family = NM_IPV4, .bytes = {127}}, .len = 8},
		[NM_IPV6] = {.addr = {.family = NM_IPV6, .bytes = {[15] = 1}}, .len = 128},
	};

	switch (match) {
	case NM_MATCH_ANY:
		break;
	case NM_MATCH_FROM_OUTSIDE:
		nm_nftables_rule_match_interface(b, NFT_META_IIFNAME, "lo", true);
		break;
	case NM_MATCH_FROM_LINK_LOCAL:
		nm_nftables_rule_match_prefix(b, NM_FIELD_SADDR, &nm_prefix_ipv6_link_local, false);
		break;
	case NM_MATCH_TO_LOOPBACK:
		nm_nftables_rule_match_prefix(b, NM_FIELD_DADDR, &loopback[b->family], false);
		break;
	case NM_MATCH_FROM_LOOPBACK:
		nm_nftables_rule_match_prefix(b, NM_FIELD_SADDR, &loopback[b->family], false);
		break;
	case NM_MATCH_TO_HOST:
		nm_expr_fib_daddr_type(&b->msg, NFT_REG_1);
		nm_expr_cmp(&b->msg, NFT_CMP_EQ, NFT_REG_1, &local, sizeof(local));
		break;
	case NM_MATCH_TO_MULTICAST:
		nm_nftables_rule_match_prefix(b, NM_FIELD_DADDR, &nm_prefix_multicast[b->family], false);
		break;
	case NM_MATCH_ESTABLISHED:
		nm_expr_ct(&b->msg, NFT_CT_STATE, NFT_REG_1);
		nm_nftables_rule_match_bits(b, STATE_ESTABLISHED | STATE_RELATED, true);
		break;
	case NM_MATCH_MARKED:
	case NM_MATCH_SET_ASIDE:
		put_match_bit(b, match == NM_MATCH_MARKED ? &mark : &aside);
		break;
	case NM_MATCH_PASSED:
		put_match_bit(b, &mark);
		/* fall through */
	case NM_MATCH_UNTRANSLATED:
	case NM_MATCH_TRANSLATED:
		nm_expr_ct(&b->msg, NFT_CT_STATUS, NFT_REG_1);
		nm_nftables_rule_match_bits(b, IPS_DST_NAT, match != NM_MATCH_UNTRANSLATED);
	}
}

/* Makes the port in the register the key of its block: nm_nftables_block_key(). */
static void put_block(struct nm_nftables_rule_builder *b, uint8_t level, uint32_t reg)
{
	unsigned size = nm_nftables_block_size(level);
	const uint16_t mask = htons((uint16_t) ~(size - 1)), middle = htons((uint16_t)(size / 2));

	nm_expr_bitwise(&b->msg, reg, &mask, &middle, sizeof(mask));
}

static void put_key(struct nm_nftables_rule_builder *b, const struct nm_nftables_chain_rule *rule)
{
	const uint8_t all = 0xff,
		      flip = nm_nftables_set_flip(
			      rule->template->set, rule->family, rule->protocol, rule->prefix_length);
	size_t word = 0;

	for (const enum nm_nftables_field *field = nm_nftables_sets[rule->template->set].key; *field;
		field++) {
		uint32_t reg = nm_nftables_rule_register(word);

		word = nm_nftables_rule_load(b, *field, word);
		if (*field == NM_FIELD_SADDR)
			nm_nftables_rule_mask(b, (uint8_t)rule->prefix_length);
		if (*field == NM_FIELD_PROTOCOL && flip)
			nm_expr_bitwise(&b->msg, reg, &all, &flip, sizeof(flip));
		if (rule->level && (*field == NM_FIELD_DPORT || *field == NM_FIELD_HOST_PORT))
			put_block(b, rule->level, reg);
	}
}

/* Where the last port that a block is shifted to is loaded: behind all that goes to the registers then. */
static const uint32_t last_port = NFT_REG_4;

static void put_lookup(struct nm_nftables_rule_builder *b, const struct nm_nftables_chain_rule *rule)
{
	enum nm_nftables_set set = rule->template->set;

	if (nm_nftables_set_is_shifted(set)) {
		put_key(b, rule);
		nm_expr_lookup(
			&b->msg, nm_nftables_sets[nm_nftables_set_for_last(set)].name, NFT_REG_1, last_port);
	}
	put_key(b, rule);
	nm_expr_lookup(
		&b->msg, nm_nftables_sets[set].name, NFT_REG_1, nm_nftables_set_is_map(set) ? NFT_REG_1 : 0);
}

static void put_bit(struct nm_nftables_rule_builder *b, const struct bit *bit, bool on)
{
	const uint32_t others = ~bit->value, value = on ? bit->value : 0;

	nm_expr_meta(&b->msg, bit->key, NFT_REG_1);
	nm_expr_bitwise(&b->msg, NFT_REG_1, &others, &value, sizeof(value));
	nm_expr_set_meta(&b->msg, bit->key, NFT_REG_1);
}

/* The data of the map are in registers: the address, and behind it the ports, if they change. */
static void put_dnat(struct nm_nftables_rule_builder *b, enum nm_nftables_set set)
{
	bool keeps_port = nm_nftables_set_is_of_blocks(set) && !nm_nftables_set_is_shifted(set);

	nm_expr_nat_to(&b->msg,
		&(struct nm_expr_nat){
			.type = NFT_NAT_DNAT,
			.nfproto = nm_addr_family_to_af(b->family),
			.reg_addr = NFT_REG_1,
			.reg_port = keeps_port ? 0 : nm_nftables_rule_register(nm_addr_size(b->family) / 4),
			.reg_last_port = nm_nftables_set_is_shifted(set) ? last_port : 0,
		});
}

static void put_action(struct nm_nftables_rule_builder *b, const struct nm_nftables_chain_template *t)
{
	static const int verdicts[] = {
		[NM_ACTION_JUMP] = NFT_JUMP,
		[NM_ACTION_GOTO] = NFT_GOTO,
		[NM_ACTION_RETURN] = NFT_RETURN,
		[NM_ACTION_DROP] = NF_DROP,
	};

	switch (t->action) {
	case NM_ACTION_DNAT:
		put_dnat(b, t->set);
		break;
	case NM_ACTION_MASQUERADE:
		nm_expr_masquerade(&b->msg);
		break;
	case NM_ACTION_PASS:
		put_bit(b, &mark, true);
		nm_expr_verdict(&b->msg, NF_ACCEPT, NULL);
		break;
	case NM_ACTION_UNMARK:
		put_bit(b, &mark, false);
		break;
	case NM_ACTION_SET_ASIDE:
	case NM_ACTION_PUT_BACK:
		put_bit(b, &mark, t->action == NM_ACTION_PUT_BACK);
		put_bit(b, &aside, t->action == NM_ACTION_SET_ASIDE);
		break;
	default:
		nm_expr_verdict(&b->msg, verdicts[t->action], t->to);
	}
}

int nm_nftables_chain_rule_build(void *rules, const struct nm_nftables_chain_rule *rule, struct nm_err *err)
{
	struct nm_nftables_rule_builder b;
	char tag[NM_TAG_SIZE];

	nm_nftables_rule_begin(&b, rule->family);
	if (rule->protocol)
		nm_nftables_rule_match_protocol(&b, rule->protocol);
	put_match(&b, rule->template->match);
	if (rule->template->set != NM_SET_MAX)
		put_lookup(&b, rule);
	put_action(&b, rule->template);
	return nm_nftables_rule_end(&b, rule->template->chain, nm_nftables_chain_tag(rule, tag), rules, err);
}
