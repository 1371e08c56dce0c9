/*
 * How a packet goes through the table.
 *
 * prerouting and output, just behind iptables' nat, so that a port that another publisher translates there
 * stays theirs: static rules; then, for a local destination, host_ports before ports. On output, 127.0.0.0/8
 * is looked up in host_ports alone.
 * forward, before the FORWARD chains of iptables: what was translated for a mapping is marked; a container
 * with an allow list is opened to the networks of that list. forwarded, behind them, takes the mark off.
 * postrouting, before iptables' nat: the client networks of masqueraded, with rules for each prefix length.
 * guard, before connection tracking: 127.0.0.0/8 from elsewhere.
 *
 * A port of the connection is a word of nft's language only where the protocol is known: hence a rule for
 * each, so that a saved ruleset can be loaded again.
 */
#include "nftables/chains.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* NF_CT_STATE_BIT(): bits of NFT_CT_STATE */
enum { STATE_ESTABLISHED = 1 << 1, STATE_RELATED = 1 << 2 };

static const struct nm_prefix loopback[NM_FAMILY_MAX] = {
	[NM_IPV4] = {.addr = {.family = NM_IPV4, .bytes = {127}}, .len = 8},
	[NM_IPV6] = {.addr = {.family = NM_IPV6, .bytes = {[15] = 1}}, .len = 128},
};

static void match_local(struct nm_nftables_rule_builder *b)
{
	static const uint32_t local = RTN_LOCAL;
	uint32_t reg = nm_nftables_rule_register(NM_NFTABLES_FIRST_REGISTER);

	nm_expr_fib_daddr_type(b->msg, reg);
	nm_expr_cmp(b->msg, NFT_CMP_EQ, reg, &local, sizeof(local));
}

static void look_up(struct nm_nftables_rule_builder *b, enum nm_nftables_set set)
{
	uint32_t reg = nm_nftables_rule_register(NM_NFTABLES_FIRST_REGISTER);

	nm_expr_lookup(b->msg, nm_nftables_set_name(set), reg, nm_nftables_set_is_map(set) ? reg : 0);
}

static int add_translate(enum nm_family family, enum nm_nftables_set set, const char *chain,
	struct nm_nftables_rules *ret, struct nm_err *err)
{
	size_t word = NM_NFTABLES_FIRST_REGISTER,
	       port = NM_NFTABLES_FIRST_REGISTER + nm_addr_size(family) / 4;
	struct nm_nftables_rule_builder b;

	nm_nftables_rule_begin(&b, family);
	if (set == NM_SET_HOST_PORTS)
		word = nm_nftables_rule_load(&b, NM_FIELD_DADDR, word);
	word = nm_nftables_rule_load(&b, NM_FIELD_PROTOCOL, word);
	(void)nm_nftables_rule_load(&b, NM_FIELD_DPORT, word);
	look_up(&b, set);
	nm_expr_nat(b.msg, NFT_NAT_DNAT, nm_nft_family(family),
		nm_nftables_rule_register(NM_NFTABLES_FIRST_REGISTER), nm_nftables_rule_register(port));
	return nm_nftables_rule_end(&b, chain, "", ret, err);
}

static int add_entry(enum nm_family family, bool output, struct nm_nftables_rules *ret, struct nm_err *err)
{
	const char *chain = output ? "output" : "prerouting";
	struct nm_nftables_rule_builder b;

	nm_nftables_rule_begin(&b, family);
	if (nm_nftables_rule_end_verdict(
		    &b, chain, NFT_JUMP, output ? "static_output" : "static_prerouting", ret, err) < 0)
		return -1;
	/* link-local clients cannot be forwarded, ::1 cannot be translated */
	nm_nftables_rule_begin(&b, family);
	nm_nftables_rule_match_prefix(&b, NM_FIELD_SADDR, &nm_prefix_ipv6_link_local, false);
	if (family == NM_IPV6 && nm_nftables_rule_end_verdict(&b, chain, NFT_RETURN, NULL, ret, err) < 0)
		return -1;
	nm_nftables_rule_begin(&b, family);
	nm_nftables_rule_match_prefix(&b, NM_FIELD_DADDR, &loopback[family], false);
	if (output && nm_nftables_rule_end_verdict(&b, chain, NFT_GOTO, "loopback", ret, err) < 0)
		return -1;
	nm_nftables_rule_begin(&b, family);
	match_local(&b);
	return nm_nftables_rule_end_verdict(&b, chain, NFT_JUMP, "translate", ret, err);
}

/* prerouting, output, translate, loopback */
static int add_nat(enum nm_family family, struct nm_nftables_rules *ret, struct nm_err *err)
{
	struct nm_nftables_rule_builder b;

	if (add_entry(family, false, ret, err) < 0 || add_entry(family, true, ret, err) < 0)
		return -1;
	if (family == NM_IPV4 && add_translate(family, NM_SET_HOST_PORTS, "loopback", ret, err) < 0)
		return -1;
	if (add_translate(family, NM_SET_HOST_PORTS, "translate", ret, err) < 0 ||
		add_translate(family, NM_SET_PORTS, "translate", ret, err) < 0)
		return -1;
	nm_nftables_rule_begin(&b, family);
	nm_expr_verdict(b.msg, NFT_JUMP, "static_translate");
	return nm_nftables_rule_end(&b, "translate", NM_TAG_MADE, ret, err);
}

static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
enum { PROTOCOLS = sizeof(protocols) };

/* What a flow's keys have behind the addresses of client and host. */
static void load_flow(struct nm_nftables_rule_builder *b, size_t word)
{
	word = nm_nftables_rule_load(b, NM_FIELD_DADDR, word);
	word = nm_nftables_rule_load(b, NM_FIELD_PROTOCOL, word);
	word = nm_nftables_rule_load(b, NM_FIELD_DPORT, word);
	(void)nm_nftables_rule_load(b, NM_FIELD_HOST_PORT, word);
}

/* Rules for all protocols. */
static int add_flow_lookups(enum nm_family family, enum nm_nftables_set set, bool of_host, const char *to,
	struct nm_nftables_rules *ret, struct nm_err *err)
{
	struct nm_nftables_rule_builder b;

	for (size_t i = 0; i < PROTOCOLS; i++) {
		nm_nftables_rule_begin(&b, family);
		nm_nftables_rule_match_protocol(&b, protocols[i]);
		load_flow(&b,
			of_host ? nm_nftables_rule_load(&b, NM_FIELD_HOST, NM_NFTABLES_FIRST_REGISTER)
				: NM_NFTABLES_FIRST_REGISTER);
		look_up(&b, set);
		if (nm_nftables_rule_end_verdict(&b, "forward", NFT_GOTO, to, ret, err) < 0)
			return -1;
	}
	return 0;
}

/*
 * What goes on passes like its beginning; a related connection (FTP's data) is nobody's element. An allow
 * list counts for more than another container's lack of one, where both publish the same.
 */
static int add_forward(enum nm_family family, struct nm_nftables_rules *ret, struct nm_err *err)
{
	struct nm_nftables_rule_builder b;

	nm_nftables_rule_begin(&b, family);
	nm_nftables_rule_match_ct(&b, NFT_CT_STATUS, IPS_DST_NAT, false);
	if (nm_nftables_rule_end_verdict(&b, "forward", NFT_RETURN, NULL, ret, err) < 0)
		return -1;
	nm_nftables_rule_begin(&b, family);
	nm_nftables_rule_match_ct(&b, NFT_CT_STATE, STATE_ESTABLISHED | STATE_RELATED, true);
	if (nm_nftables_rule_end_verdict(&b, "forward", NFT_GOTO, "pass", ret, err) < 0 ||
		add_flow_lookups(family, NM_SET_RESTRICTED, false, "restricted", ret, err) < 0 ||
		add_flow_lookups(family, NM_SET_HOST_RESTRICTED, true, "restricted", ret, err) < 0 ||
		add_flow_lookups(family, NM_SET_OPEN, false, "pass", ret, err) < 0 ||
		add_flow_lookups(family, NM_SET_HOST_OPEN, true, "pass", ret, err) < 0)
		return -1;
	nm_nftables_rule_begin(&b, family);
	return nm_nftables_rule_end_verdict(&b, "forward", NFT_JUMP, "static_forward", ret, err);
}

/* restricted; its rules for prefix lengths are in allowed */
static int add_restricted(enum nm_family family, struct nm_nftables_rules *ret, struct nm_err *err)
{
	struct nm_nftables_rule_builder b;

	nm_nftables_rule_begin(&b, family);
	if (nm_nftables_rule_end_verdict(&b, "restricted", NFT_JUMP, "allowed", ret, err) < 0)
		return -1;
	nm_nftables_rule_begin(&b, family);
	return nm_nftables_rule_end_verdict(&b, "restricted", NF_DROP, NULL, ret, err);
}

static void set_mark(struct nm_nftables_rule_builder *b, uint32_t value)
{
	const uint32_t others = ~NM_NFTABLES_MARK;
	uint32_t reg = nm_nftables_rule_register(NM_NFTABLES_FIRST_REGISTER);

	nm_expr_meta(b->msg, NFT_META_MARK, reg);
	nm_expr_bitwise(b->msg, reg, &others, &value, sizeof(value));
	nm_expr_set_mark(b->msg, reg);
}

/* pass, forwarded */
static int add_marks(enum nm_family family, struct nm_nftables_rules *ret, struct nm_err *err)
{
	struct nm_nftables_rule_builder b;

	nm_nftables_rule_begin(&b, family);
	set_mark(&b, NM_NFTABLES_MARK);
	if (nm_nftables_rule_end_verdict(&b, "pass", NF_ACCEPT, NULL, ret, err) < 0)
		return -1;
	nm_nftables_rule_begin(&b, family);
	nm_nftables_rule_match_mark(&b, NM_NFTABLES_MARK);
	nm_nftables_rule_match_ct(&b, NFT_CT_STATUS, IPS_DST_NAT, true);
	set_mark(&b, 0);
	return nm_nftables_rule_end(&b, "forwarded", "", ret, err);
}

static int add_postrouting(enum nm_family family, struct nm_nftables_rules *ret, struct nm_err *err)
{
	struct nm_nftables_rule_builder b;

	nm_nftables_rule_begin(&b, family);
	nm_nftables_rule_match_ct(&b, NFT_CT_STATUS, IPS_DST_NAT, true);
	if (nm_nftables_rule_end_verdict(&b, "postrouting", NFT_JUMP, "masqueraded", ret, err) < 0)
		return -1;
	nm_nftables_rule_begin(&b, family);
	return nm_nftables_rule_end_verdict(&b, "postrouting", NFT_JUMP, "static_postrouting", ret, err);
}

static int add_guard(enum nm_family family, struct nm_nftables_rules *ret, struct nm_err *err)
{
	struct nm_nftables_rule_builder b;
	size_t word;

	if (family != NM_IPV4)
		return 0;
	nm_nftables_rule_begin(&b, family);
	nm_nftables_rule_match_interface(&b, NFT_META_IIFNAME, "lo", true);
	word = nm_nftables_rule_load(&b, NM_FIELD_DADDR, NM_NFTABLES_FIRST_REGISTER);
	word = nm_nftables_rule_load(&b, NM_FIELD_PROTOCOL, word);
	(void)nm_nftables_rule_load(&b, NM_FIELD_DPORT, word);
	look_up(&b, NM_SET_GUARDED);
	if (nm_nftables_rule_end_verdict(&b, "guard", NF_DROP, NULL, ret, err) < 0)
		return -1;
	nm_nftables_rule_begin(&b, family);
	nm_nftables_rule_match_prefix(&b, NM_FIELD_DADDR, &loopback[family], false);
	nm_expr_meta(b.msg, NFT_META_IIFNAME, nm_nftables_rule_register(NM_NFTABLES_FIRST_REGISTER));
	look_up(&b, NM_SET_LOCALNET);
	return nm_nftables_rule_end_verdict(&b, "guard", NF_DROP, NULL, ret, err);
}

static int add_masquerade(enum nm_family family, uint8_t len, uint8_t protocol, struct nm_nftables_rules *ret,
	struct nm_err *err)
{
	char tag[sizeof(NM_NFTABLES_MASQUERADE_TAG) + 3];
	struct nm_nftables_rule_builder b;
	size_t word;

	nm_nftables_rule_begin(&b, family);
	nm_nftables_rule_match_protocol(&b, protocol);
	word = nm_nftables_rule_load(&b, NM_FIELD_SADDR, NM_NFTABLES_FIRST_REGISTER);
	nm_nftables_rule_mask(&b, len, NM_NFTABLES_FIRST_REGISTER);
	load_flow(&b, word);
	look_up(&b, NM_SET_MASQUERADED);
	nm_expr_masquerade(b.msg);
	(void)snprintf(tag, sizeof(tag), NM_NFTABLES_MASQUERADE_TAG "%u", len);
	return nm_nftables_rule_end(&b, "masqueraded", tag, ret, err);
}

static int add_allowed(enum nm_family family, uint8_t len, uint8_t protocol, enum nm_nftables_set set,
	struct nm_nftables_rules *ret, struct nm_err *err)
{
	char tag[sizeof(NM_NFTABLES_ALLOWED_TAG) + 3];
	struct nm_nftables_rule_builder b;
	size_t word;

	nm_nftables_rule_begin(&b, family);
	nm_nftables_rule_match_protocol(&b, protocol);
	word = nm_nftables_rule_load(&b, NM_FIELD_SADDR, NM_NFTABLES_FIRST_REGISTER);
	nm_nftables_rule_mask(&b, len, NM_NFTABLES_FIRST_REGISTER);
	if (set == NM_SET_HOST_ALLOWED)
		word = nm_nftables_rule_load(&b, NM_FIELD_HOST, word);
	word = nm_nftables_rule_load(&b, NM_FIELD_PROTOCOL, word);
	(void)nm_nftables_rule_load(&b, NM_FIELD_HOST_PORT, word);
	look_up(&b, set);
	nm_expr_verdict(b.msg, NFT_GOTO, "pass");
	(void)snprintf(tag, sizeof(tag), NM_NFTABLES_ALLOWED_TAG "%u", len);
	return nm_nftables_rule_end(&b, "allowed", tag, ret, err);
}

static int add_len(enum nm_family family, const struct nm_nftables_prefix_lengths *lengths, uint8_t len,
	struct nm_nftables_rules *ret, struct nm_err *err)
{
	for (size_t i = 0; i < PROTOCOLS; i++) {
		if (lengths->masquerade[len] && add_masquerade(family, len, protocols[i], ret, err) < 0)
			return -1;
		if (lengths->allowed[len] &&
			(add_allowed(family, len, protocols[i], NM_SET_ALLOWED, ret, err) < 0 ||
				add_allowed(family, len, protocols[i], NM_SET_HOST_ALLOWED, ret, err) < 0))
			return -1;
	}
	return 0;
}

int nm_nftables_chains_build(enum nm_family family, const struct nm_nftables_prefix_lengths *lengths,
	struct nm_nftables_rules *ret, struct nm_err *err)
{
	static int (*const adders[])(enum nm_family, struct nm_nftables_rules *, struct nm_err *) = {
		add_guard, add_nat, add_forward, add_restricted, add_marks, add_postrouting};

	for (size_t i = 0; i < sizeof(adders) / sizeof(*adders); i++)
		if (adders[i](family, ret, err) < 0)
			return -1;
	for (uint8_t len = 0; len <= nm_addr_bits(family); len++)
		if (add_len(family, lengths, len, ret, err) < 0)
			return -1;
	return 0;
}

static bool read_len(const char *tag, size_t tag_len, const char *before, bool lengths[static 129])
{
	size_t skip = strlen(before);
	uint64_t len;

	if (tag_len <= skip || memcmp(tag, before, skip) != 0 ||
		nm_text_number(tag + skip, tag_len - skip, 128, &len) < 0)
		return false;
	lengths[len] = true;
	return true;
}

bool nm_nftables_chains_read_prefix_length(
	const char *tag, size_t tag_len, struct nm_nftables_prefix_lengths *lengths)
{
	return read_len(tag, tag_len, NM_NFTABLES_MASQUERADE_TAG, lengths->masquerade) ||
		read_len(tag, tag_len, NM_NFTABLES_ALLOWED_TAG, lengths->allowed);
}
