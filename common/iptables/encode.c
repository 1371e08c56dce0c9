/*
 * Rules as nf_tables expressions, in the one form that iptables-nft 1.8.4 to 1.8.11 all read back as the same
 * text: layer 4 protocol by meta, addresses by full-length payload with bitwise for prefixes, ports by the xt
 * match of the protocol, everything else as iptables writes it. Values travel in register 1.
 */
#include "iptables/encode.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "nft/batch.h"
#include "nft/expr.h"
#include "nft/meaning.h"

struct nm_nft_place nm_iptables_encode_place(enum nm_family family, enum nm_table table, enum nm_chain chain)
{
	return (struct nm_nft_place){
		nm_addr_family_to_af(family), nm_rule_table_name(table), nm_rule_chain_name(chain)};
}

static void put_xt(
	struct nm_message *m, const char *kind, const char *name, uint32_t rev, const void *info, size_t len)
{
	struct nm_expr e = nm_expr_begin(m, kind);

	/* NFTA_TARGET_* have the same numbers as NFTA_MATCH_* */
	nm_message_put_string(m, NFTA_MATCH_NAME, name);
	nm_message_put_be32(m, NFTA_MATCH_REV, rev);
	nm_message_put(m, NFTA_MATCH_INFO, info, len);
	nm_expr_end(m, e);
}

/* The kernel wants, and dumps, the size of an xt structure rounded up by XT_ALIGN(). Initialize padded, which
 * is all of it: what an initializer of info leaves in the padding is up to the compiler. */
#define XT_PADDED(type)                                 \
	union {                                         \
		type info;                              \
		uint8_t padded[XT_ALIGN(sizeof(type))]; \
	}

static void put_address(struct nm_message *m, const struct nm_prefix *p, bool negate, bool source)
{
	size_t size = nm_addr_size(p->addr.family);
	uint32_t offset = p->addr.family == NM_IPV4 ? (source ? 12 : 16) : (source ? 8 : 24);
	struct nm_prefix network = nm_prefix_network(p);

	if (p->len == 0)
		return;
	nm_expr_payload(m, NFT_PAYLOAD_NETWORK_HEADER, offset, (uint32_t)size, NFT_REG_1);
	if (p->len < size * 8) {
		static const uint8_t zeros[16];
		uint8_t mask[16];

		nm_prefix_mask(p->len, mask);
		nm_expr_bitwise(m, NFT_REG_1, mask, zeros, size);
	}
	nm_expr_cmp(m, negate ? NFT_CMP_NEQ : NFT_CMP_EQ, NFT_REG_1, network.addr.bytes, size);
}

static void put_dports(struct nm_message *m, uint8_t protocol, struct nm_ports ports)
{
	XT_PADDED(struct xt_tcp) tcp = {.padded = {0}};
	XT_PADDED(struct xt_udp) udp = {.padded = {0}};
	XT_PADDED(struct xt_sctp_info) sctp = {.padded = {0}};

	tcp.info.spts[1] = udp.info.spts[1] = 65535;
	tcp.info.dpts[0] = udp.info.dpts[0] = sctp.info.dpts[0] = ports.first;
	tcp.info.dpts[1] = udp.info.dpts[1] = sctp.info.dpts[1] = ports.last;
	sctp.info.flags = XT_SCTP_DEST_PORTS;
	for (size_t i = 0; i < XT_NUM_SCTP_FLAGS; i++)
		sctp.info.flag_info[i].chunktype = 0xff; /* -1: as libxt_sctp leaves unused entries */
	if (protocol == IPPROTO_TCP)
		put_xt(m, "match", "tcp", 0, &tcp, sizeof(tcp));
	else if (protocol == IPPROTO_UDP)
		put_xt(m, "match", "udp", 0, &udp, sizeof(udp));
	else if (protocol == IPPROTO_SCTP)
		put_xt(m, "match", "sctp", 0, &sctp, sizeof(sctp));
}

_Static_assert(NM_MULTIPORT_SLOTS == XT_MULTI_PORTS, "NM_MULTIPORT_SLOTS is not the kernel's");

static void put_multiport(struct nm_message *m, const struct nm_ports *ports, size_t n)
{
	XT_PADDED(struct xt_multiport_v1) multi = {.padded = {0}};

	multi.info.flags = XT_MULTIPORT_DESTINATION;
	for (size_t i = 0; i < n; i++) {
		bool is_range = ports[i].first != ports[i].last;

		multi.info.pflags[multi.info.count] = is_range;
		multi.info.ports[multi.info.count++] = ports[i].first;
		if (is_range)
			multi.info.ports[multi.info.count++] = ports[i].last;
	}
	put_xt(m, "match", "multiport", 1, &multi, sizeof(multi));
}

static void put_addrtype_local(struct nm_message *m)
{
	XT_PADDED(struct xt_addrtype_info_v1) addrtype = {.padded = {0}};

	addrtype.info.dest = 1 << RTN_LOCAL;
	put_xt(m, "match", "addrtype", 1, &addrtype, sizeof(addrtype));
}

/* The native form, which iptables lists since 1.8.8. */
static void put_native_mark(struct nm_message *m, uint32_t mark)
{
	static const uint32_t none;

	nm_expr_meta(m, NFT_META_MARK, NFT_REG_1);
	nm_expr_bitwise(m, NFT_REG_1, &mark, &none, sizeof(mark));
	nm_expr_cmp(m, NFT_CMP_EQ, NFT_REG_1, &mark, sizeof(mark));
}

static void put_mark(struct nm_message *m, uint32_t mark)
{
	XT_PADDED(struct xt_mark_mtinfo1) match = {.padded = {0}};

	match.info.mark = match.info.mask = mark;
	put_xt(m, "match", "mark", 1, &match, sizeof(match));
}

static void put_conntrack(struct nm_message *m, const struct nm_rule *rule, uint16_t states)
{
	XT_PADDED(struct xt_conntrack_mtinfo3) ct = {.padded = {0}};

	ct.info.match_flags = XT_CONNTRACK_STATE;
	ct.info.state_mask = states;
	if (rule && rule->ct_orig_dst.len) {
		size_t size = nm_addr_size(rule->ct_orig_dst.addr.family);

		ct.info.match_flags |= XT_CONNTRACK_ORIGDST;
		memcpy(&ct.info.origdst_addr, rule->ct_orig_dst.addr.bytes, size);
		/* all of it, also for IPv4: that is what iptables makes of an address without a prefix */
		memset(&ct.info.origdst_mask, 0xff, sizeof(ct.info.origdst_mask));
	}
	if (rule && rule->ct_orig_dports.first) {
		ct.info.match_flags |= XT_CONNTRACK_ORIGDST_PORT;
		ct.info.origdst_port = rule->ct_orig_dports.first;
		ct.info.origdst_port_high = rule->ct_orig_dports.last;
	}
	put_xt(m, "match", "conntrack", 3, &ct, sizeof(ct));
}

/* A packet of a connection in none of these states. */
static void put_not_in(struct nm_message *m, uint16_t states)
{
	XT_PADDED(struct xt_conntrack_mtinfo3) ct = {.padded = {0}};

	ct.info.match_flags = ct.info.invert_flags = XT_CONNTRACK_STATE;
	ct.info.state_mask = states;
	put_xt(m, "match", "conntrack", 3, &ct, sizeof(ct));
}

static void put_interface(struct nm_message *m, uint32_t key, const char *name, bool negate)
{
	if (!name)
		return;
	nm_expr_meta(m, key, NFT_REG_1);
	nm_expr_cmp(m, negate ? NFT_CMP_NEQ : NFT_CMP_EQ, NFT_REG_1, name, strlen(name) + 1);
}

static void put_matches(struct nm_message *m, const struct nm_rule *rule)
{
	const uint16_t established =
		XT_CONNTRACK_STATE_BIT(IP_CT_RELATED) | XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED);

	put_interface(m, NFT_META_IIFNAME, rule->in_if, rule->not_in_if);
	put_interface(m, NFT_META_OIFNAME, rule->out_if, rule->not_out_if);
	if (rule->protocol) {
		nm_expr_meta(m, NFT_META_L4PROTO, NFT_REG_1);
		nm_expr_cmp(m, NFT_CMP_EQ, NFT_REG_1, &rule->protocol, sizeof(rule->protocol));
	}
	put_address(m, &rule->src, rule->not_src, true);
	put_address(m, &rule->dst, rule->not_dst, false);
	if (rule->dports.first)
		put_dports(m, rule->protocol, rule->dports);
	if (rule->n_multiport)
		put_multiport(m, rule->multiport, rule->n_multiport);
	if (rule->dst_local)
		put_addrtype_local(m);
	if (rule->mark && !rule->mark_native)
		put_mark(m, rule->mark);
	else if (rule->mark)
		put_native_mark(m, rule->mark);
	if (rule->ct_established)
		put_conntrack(m, NULL, established);
	if (rule->ct_foreign)
		put_not_in(m, established | XT_CONNTRACK_STATE_DNAT);
	if (rule->ct_untranslated)
		put_not_in(m, XT_CONNTRACK_STATE_DNAT);
	if (rule->ct_dnat)
		put_conntrack(m, rule, XT_CONNTRACK_STATE_DNAT);
}

static void put_dnat(struct nm_message *m, const struct nm_rule *rule)
{
	XT_PADDED(struct nf_nat_range2) range = {.padded = {0}};
	size_t size = nm_addr_size(rule->to.family);

	range.info.flags = NF_NAT_RANGE_MAP_IPS;
	memcpy(&range.info.min_addr, rule->to.bytes, size);
	memcpy(&range.info.max_addr, rule->to.bytes, size);
	if (rule->to_ports.first) {
		range.info.flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
		range.info.min_proto.all = htons(rule->to_ports.first);
		range.info.max_proto.all = htons(rule->to_ports.last);
	}
	if (rule->to_ports.first != rule->to_ports.last) {
		range.info.flags |= NF_NAT_RANGE_PROTO_OFFSET;
		range.info.base_proto.all = htons(rule->dports.first);
	}
	put_xt(m, "target", "DNAT", 2, &range, sizeof(range));
}

/* SNAT and MASQUERADE still have the first structure for IPv4, and differ in the revision for IPv6. */
static void put_source_nat(struct nm_message *m, const struct nm_rule *rule)
{
	XT_PADDED(struct nf_nat_ipv4_multi_range_compat) ipv4 = {.padded = {0}};
	XT_PADDED(struct nf_nat_range) ipv6 = {.padded = {0}};
	bool is_snat = rule->verdict == NM_VERDICT_SNAT;
	const char *name = is_snat ? "SNAT" : "MASQUERADE";

	ipv4.info.rangesize = 1;
	if (is_snat) {
		ipv4.info.range[0].flags = ipv6.info.flags = NF_NAT_RANGE_MAP_IPS;
		memcpy(&ipv4.info.range[0].min_ip, rule->to.bytes, nm_addr_size(NM_IPV4));
		memcpy(&ipv4.info.range[0].max_ip, rule->to.bytes, nm_addr_size(NM_IPV4));
		memcpy(&ipv6.info.min_addr, rule->to.bytes, nm_addr_size(NM_IPV6));
		memcpy(&ipv6.info.max_addr, rule->to.bytes, nm_addr_size(NM_IPV6));
	}
	if (rule->family == NM_IPV4)
		put_xt(m, "target", name, 0, &ipv4, sizeof(ipv4));
	else
		put_xt(m, "target", name, is_snat, &ipv6, sizeof(ipv6));
}

static void put_target(struct nm_message *m, const struct nm_rule *rule)
{
	static const int codes[] = {
		[NM_VERDICT_ACCEPT] = NF_ACCEPT,
		[NM_VERDICT_DROP] = NF_DROP,
		[NM_VERDICT_RETURN] = NFT_RETURN,
	};

	switch (rule->verdict) {
	case NM_VERDICT_JUMP:
		nm_expr_verdict(m, NFT_JUMP, nm_rule_chain_name(rule->target));
		break;
	case NM_VERDICT_DNAT:
		put_dnat(m, rule);
		break;
	case NM_VERDICT_SNAT:
	case NM_VERDICT_MASQUERADE:
		put_source_nat(m, rule);
		break;
	default:
		nm_expr_verdict(m, codes[rule->verdict], NULL);
	}
}

/* The largest rule: two interfaces of 92 bytes, the protocol of 80 and two IPv6 networks of 208; ports of 340
 * (sctp), addrtype of 56, two conntrack of 216, a target of 92; the counter of 44, the comment of 136 and 24
 * for nesting and NFTA_RULE_COMPAT: 1804. */
_Static_assert(NM_NFT_RULE_SIZE >= 1804, "a message has room for each rule");

void nm_iptables_encode(struct nm_message *m, const struct nm_rule *rule)
{
	struct nlattr *nest = nm_message_nest(m, NFTA_RULE_EXPRESSIONS);
	char tag[NM_TAG_SIZE];

	put_matches(m, rule);
	nm_expr_counter(m);
	put_target(m, rule);
	nm_message_nest_end(m, nest);

	nest = nm_message_nest(m, NFTA_RULE_COMPAT);
	nm_message_put_be32(m, NFTA_RULE_COMPAT_PROTO, rule->protocol);
	nm_message_put_be32(m, NFTA_RULE_COMPAT_FLAGS, 0);
	nm_message_nest_end(m, nest);

	if (rule->owner)
		nm_expr_put_comment(m, NFTA_RULE_USERDATA, nm_tag_print(rule->owner, rule->owner_ports, tag));
}

static bool tag_equal(const struct nm_rule *rule, const struct nm_nft_rule *read)
{
	char tag[NM_TAG_SIZE];

	nm_tag_print(rule->owner, rule->owner_ports, tag);
	return strlen(tag) == read->tag_len && (!read->tag_len || !memcmp(tag, read->tag, read->tag_len));
}

/* What natmap never writes. */
enum hint { NONE, XT_COMMENT = 1, NATIVE_PORT = 2, UNREADABLE = 4 };

static enum hint hint_of(const char *expression, struct nm_attrs data)
{
	static const char *const read_by_iptables[] = {
		"meta", "payload", "bitwise", "cmp", "range", "match", "counter", "target"};
	char name[NM_NFT_EXPRESSION_SIZE] = "";
	uint32_t base = 0;

	if (!strcmp(expression, "immediate")) /* a verdict, or a value for nat */
		return nm_attrs_nested(nm_attrs_nested(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT).data
			? NONE
			: UNREADABLE;
	if (!strcmp(expression, "match") && nm_attrs_string(data, NFTA_MATCH_NAME, name, sizeof(name)) &&
		!strcmp(name, "comment"))
		return XT_COMMENT;
	if (!strcmp(expression, "payload") && nm_attrs_be32(data, NFTA_PAYLOAD_BASE, &base) &&
		base == NFT_PAYLOAD_TRANSPORT_HEADER)
		return NATIVE_PORT;
	for (size_t i = 0; i < sizeof(read_by_iptables) / sizeof(*read_by_iptables); i++)
		if (!strcmp(expression, read_by_iptables[i]))
			return NONE;
	return UNREADABLE;
}

/* iptables 1.8.8 and newer write native ports, always with a comment of xt; older ones pass over them. */
enum nm_iptables_form nm_iptables_encode_form(const struct nm_nft_rule *read)
{
	struct nm_attrs list = read->expressions, data;
	char name[NM_NFT_EXPRESSION_SIZE];
	unsigned hints = NONE;

	while (nm_nft_rule_next_expression(&list, name, &data))
		hints |= hint_of(name, data);
	if (hints & UNREADABLE || hints == NATIVE_PORT)
		return NM_FORM_NFT;
	return hints ? NM_FORM_IPTABLES : NM_FORM_OWN;
}

enum likeness { UNLIKE, SAME_MEANING, SAME_BYTES };

static enum likeness compare(const struct nm_rule *rule, const struct nm_nft_rule *read)
{
	alignas(struct nlmsghdr) char buf[NM_NFT_RULE_SIZE];
	struct nm_message m = nm_message_begin(buf, sizeof(buf), 0);
	struct nm_attrs ours;

	nm_iptables_encode(&m, rule);
	if (m.too_long)
		return UNLIKE;
	ours = nm_attrs_nested(nm_attrs_of(m.header, 0), NFTA_RULE_EXPRESSIONS);
	if (nm_nft_rule_expressions_equal(ours, read->expressions))
		return SAME_BYTES;
	return nm_nft_meaning_equal(rule->family, ours, read->expressions) ? SAME_MEANING : UNLIKE;
}

static enum likeness likeness_of(const struct nm_rule *rule, const struct nm_nft_rule *read)
{
	struct nm_rule native;
	enum likeness likeness;

	if (!tag_equal(rule, read))
		return UNLIKE;
	likeness = compare(rule, read);
	if (likeness != UNLIKE || !rule->mark)
		return likeness;
	native = *rule;
	native.ct_dnat = false;
	native.mark_native = true;
	return compare(&native, read);
}

bool nm_iptables_encode_means(const struct nm_rule *rule, const struct nm_nft_rule *read)
{
	return likeness_of(rule, read) != UNLIKE;
}

bool nm_iptables_encode_equal(const struct nm_rule *rule, const struct nm_nft_rule *read)
{
	enum likeness likeness = likeness_of(rule, read);

	return likeness == SAME_BYTES ||
		(likeness == SAME_MEANING && nm_iptables_encode_form(read) != NM_FORM_NFT);
}
