/*
 * How a packet goes through the table.
 *
 * prerouting and output follow iptables' nat, so that a port that another publisher translates there stays
 * theirs. They try the static rules; then, for a local destination, host_ports before ports. On output,
 * 127.0.0.0/8 is looked up in host_ports alone.
 * forward precedes the FORWARD chains of iptables: it sets the mark of packets that were translated for a
 * mapping, and of no other packet, and opens a container with an allow list to the networks of that list.
 * What goes on passes like its beginning; a related connection (FTP's data) has no element. An allow list
 * counts for more than the lack of one, where two containers publish the same. What is not natmap's comes to
 * foreign: from an interface that forwards for natmap's sake alone, only what was forwarded before goes on:
 * multicast, and with br_netfilter what a bridge forwards by itself. forwarded follows those chains: it takes
 * the mark off and puts back what was set aside. postrouting precedes iptables' nat: the client networks of
 * masqueraded, with rules for each prefix length. guard precedes connection tracking: it drops packets for
 * 127.0.0.0/8 from elsewhere.
 */
#include "nftables/chains.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "nftables/chain_tag.h"

/* NF_CT_STATE_BIT(): bits of NFT_CT_STATE */
enum { STATE_ESTABLISHED = 1 << 1, STATE_RELATED = 1 << 2 };

#define IPV4   NM_IPV4_BIT
#define IPV6   NM_IPV6_BIT
#define BOTH   NM_BOTH_FAMILIES
#define ANY    NM_MATCH_ANY, NM_SET_MAX
#define IN(s)  NM_MATCH_ANY, NM_SET_##s
#define IF(m)  NM_MATCH_##m, NM_SET_MAX
#define JUMP   NM_ACTION_JUMP
#define GOTO   NM_ACTION_GOTO
#define RETURN NM_ACTION_RETURN, NULL
#define DROP   NM_ACTION_DROP, NULL
#define DNAT   NM_ACTION_DNAT, NULL

static const struct nm_nftables_chain_template constant[] = {
	{IPV4, "guard", NM_MATCH_FROM_OUTSIDE, NM_SET_GUARDED, DROP, NULL},
	{IPV4, "guard", NM_MATCH_FROM_OUTSIDE, NM_SET_GUARDED_RANGES, DROP, NULL},
	{IPV4, "guard", NM_MATCH_TO_LOOPBACK, NM_SET_LOCALNET, DROP, NULL},
	{BOTH, "prerouting", ANY, JUMP, "static_prerouting", NULL},
	/* link-local clients cannot be forwarded, ::1 cannot be translated */
	{IPV6, "prerouting", IF(FROM_LINK_LOCAL), RETURN, NULL},
	{BOTH, "prerouting", IF(TO_HOST), JUMP, "translate", NULL},
	{BOTH, "output", ANY, JUMP, "static_output", NULL},
	{IPV6, "output", IF(FROM_LINK_LOCAL), RETURN, NULL},
	{BOTH, "output", IF(TO_LOOPBACK), GOTO, "loopback", NULL},
	{BOTH, "output", IF(TO_HOST), JUMP, "translate", NULL},
	{IPV4, "loopback", IN(HOST_PORTS), DNAT, NULL},
	{IPV4, "loopback", IN(HOST_RANGES), DNAT, NULL},
	{IPV4, "loopback", IN(HOST_SHIFTED), DNAT, NULL},
	{BOTH, "translate", IN(HOST_PORTS), DNAT, NULL},
	{BOTH, "translate", IN(HOST_RANGES), DNAT, NULL},
	{BOTH, "translate", IN(HOST_SHIFTED), DNAT, NULL},
	{BOTH, "translate", IN(PORTS), DNAT, NULL},
	{BOTH, "translate", IN(RANGES), DNAT, NULL},
	{BOTH, "translate", IN(SHIFTED), DNAT, NULL},
	{BOTH, "translate", ANY, JUMP, "static_translate", NM_TAG_MADE},
	{BOTH, "forward", IF(MARKED), NM_ACTION_SET_ASIDE, NULL, NULL},
	{BOTH, "forward", IF(UNTRANSLATED), GOTO, "foreign", NULL},
	{BOTH, "forward", IF(ESTABLISHED), GOTO, "pass", NULL},
	{BOTH, "forward", IN(RESTRICTED), GOTO, "restricted", NULL},
	{BOTH, "forward", IN(HOST_RESTRICTED), GOTO, "restricted", NULL},
	{BOTH, "forward", IN(RESTRICTED_RANGES), GOTO, "restricted", NULL},
	{BOTH, "forward", IN(HOST_RESTRICTED_RANGES), GOTO, "restricted", NULL},
	{BOTH, "forward", IN(OPEN), GOTO, "pass", NULL},
	{BOTH, "forward", IN(HOST_OPEN), GOTO, "pass", NULL},
	{BOTH, "forward", IN(OPEN_RANGES), GOTO, "pass", NULL},
	{BOTH, "forward", IN(HOST_OPEN_RANGES), GOTO, "pass", NULL},
	{BOTH, "forward", ANY, JUMP, "static_forward", NULL},
	{BOTH, "forward", ANY, GOTO, "foreign", NULL},
	{BOTH, "foreign", IN(FORWARDING), GOTO, "closed", NULL},
	{BOTH, "closed", IF(ESTABLISHED), RETURN, NULL},
	{BOTH, "closed", IF(TO_MULTICAST), RETURN, NULL},
	{BOTH, "closed", IN(BRIDGED), RETURN, NULL},
	{BOTH, "closed", ANY, JUMP, "static_closed", NULL},
	{BOTH, "closed", ANY, DROP, NULL},
	{BOTH, "restricted", ANY, JUMP, "allowed", NULL},
	{BOTH, "restricted", ANY, DROP, NULL},
	{BOTH, "pass", ANY, NM_ACTION_PASS, NULL, NULL},
	{BOTH, "forwarded", IF(PASSED), NM_ACTION_UNMARK, NULL, NULL},
	{BOTH, "forwarded", IF(SET_ASIDE), NM_ACTION_PUT_BACK, NULL, NULL},
	{BOTH, "postrouting", IF(TRANSLATED), JUMP, "masqueraded", NULL},
	{BOTH, "postrouting", ANY, JUMP, "static_postrouting", NULL},
};
enum { N_CONSTANT = sizeof(constant) / sizeof(*constant) };

static const struct nm_nftables_chain_template of_length[] = {
	{BOTH, "masqueraded", IN(MASQUERADED), NM_ACTION_MASQUERADE, NULL, NM_NFTABLES_MASQUERADE_TAG},
	{BOTH, "masqueraded", IN(MASQUERADED_RANGES), NM_ACTION_MASQUERADE, NULL, NM_NFTABLES_MASQUERADE_TAG},
	{BOTH, "allowed", IN(ALLOWED), GOTO, "pass", NM_NFTABLES_ALLOWED_TAG},
	{BOTH, "allowed", IN(HOST_ALLOWED), GOTO, "pass", NM_NFTABLES_ALLOWED_TAG},
	{BOTH, "allowed", IN(ALLOWED_RANGES), GOTO, "pass", NM_NFTABLES_ALLOWED_TAG},
	{BOTH, "allowed", IN(HOST_ALLOWED_RANGES), GOTO, "pass", NM_NFTABLES_ALLOWED_TAG},
};
enum { N_OF_LENGTH = sizeof(of_length) / sizeof(*of_length) };

static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
enum { N_PROTOCOLS = sizeof(protocols) };

/* One pass over templates, each of which becomes rules for protocols and levels of blocks. */
struct pass {
	enum nm_family family;
	nm_nftables_chain_handler *handler;
	void *ctx;
};

/* The rules of a template for one protocol (0: any): for ports, or for the levels of blocks in bits. */
static int each_level(
	const struct pass *pass, struct nm_nftables_chain_rule rule, uint32_t bits, struct nm_err *err)
{
	if (!nm_nftables_set_is_of_blocks(rule.template->set))
		return bits & NM_LENGTH_PORTS ? pass->handler(pass->ctx, &rule, err) : 0;
	for (rule.level = 1; rule.level < NM_BLOCK_LEVELS; rule.level++)
		if (bits & nm_nftables_layout_bit(rule.level, rule.protocol) &&
			pass->handler(pass->ctx, &rule, err) < 0)
			return -1;
	return 0;
}

static bool is_per_protocol(const struct nm_nftables_chain_template *t)
{
	return t->set != NM_SET_MAX && nm_nftables_layout_is_per_protocol(t->set);
}

static int each_constant(
	const struct pass *pass, const struct nm_nftables_prefix_lengths *lengths, struct nm_err *err)
{
	for (size_t i = 0; i < N_CONSTANT; i++) {
		const struct nm_nftables_chain_template *t = &constant[i];
		uint32_t bits =
			nm_nftables_set_is_of_blocks(t->set) ? lengths->ranges[t->set] : NM_LENGTH_PORTS;
		bool per_protocol = is_per_protocol(t);

		if (!(t->families & 1u << pass->family))
			continue;
		for (size_t p = 0; p < (per_protocol ? N_PROTOCOLS : 1); p++) {
			const struct nm_nftables_chain_rule rule = {.template = t,
				.family = pass->family,
				.protocol = per_protocol ? protocols[p] : 0,
				.prefix_length = -1};

			if (each_level(pass, rule, bits, err) < 0)
				return -1;
		}
	}
	return 0;
}

static int each_of_length(const struct pass *pass, const struct nm_nftables_prefix_lengths *lengths,
	uint8_t length, struct nm_err *err)
{
	for (size_t i = 0; i < N_OF_LENGTH * N_PROTOCOLS; i++) {
		const struct nm_nftables_chain_template *t = &of_length[i % N_OF_LENGTH];
		bool is_masquerade = t->action == NM_ACTION_MASQUERADE;
		const struct nm_nftables_chain_rule rule = {.template = t,
			.family = pass->family,
			.protocol = protocols[i / N_OF_LENGTH],
			.prefix_length = length};

		if (each_level(pass, rule, (is_masquerade ? lengths->masquerade : lengths->allowed)[length],
			    err) < 0)
			return -1;
	}
	return 0;
}

int nm_nftables_chains_each(enum nm_family family, const struct nm_nftables_prefix_lengths *lengths,
	nm_nftables_chain_handler *handler, void *ctx, struct nm_err *err)
{
	const struct pass pass = {family, handler, ctx};

	if (each_constant(&pass, lengths, err) < 0)
		return -1;
	for (uint8_t length = 0; length <= nm_addr_bits(family); length++)
		if (each_of_length(&pass, lengths, length, err) < 0)
			return -1;
	return 0;
}

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
	size_t word = 0;

	for (const enum nm_nftables_field *field = nm_nftables_sets[rule->template->set].key; *field;
		field++) {
		uint32_t reg = nm_nftables_rule_register(word);

		word = nm_nftables_rule_load(b, *field, word);
		if (*field == NM_FIELD_SADDR)
			nm_nftables_rule_mask(b, (uint8_t)rule->prefix_length);
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

static int build(void *rules, const struct nm_nftables_chain_rule *rule, struct nm_err *err)
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

int nm_nftables_chains_build(enum nm_family family, const struct nm_nftables_prefix_lengths *lengths,
	struct nm_nftables_rules *ret, struct nm_err *err)
{
	return nm_nftables_chains_each(family, lengths, build, ret, err);
}
