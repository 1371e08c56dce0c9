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
 * multicast, and with br_netfilter what a bridge forwards by itself. Before all that, origin drops what comes
 * from a bridge that natmap has made with a source that is not of its network. And network knows these
 * bridges: what comes from them passes, and what goes to them if it is an answer or a neighbour's; else it is
 * dropped. forwarded follows those chains: it takes the mark off and puts back what was set aside.
 * postrouting precedes iptables' nat: the client networks of masqueraded, with rules for each prefix length.
 * leaving follows iptables' nat, so that what others say of a container's source stays theirs. guard precedes
 * connection tracking: it drops packets for 127.0.0.0/8, or with such a source, from elsewhere.
 */
#include "nftables/chains.h"

#include <netinet/in.h>

#include "nftables/chain_rule.h"
#include "nftables/chain_tag.h"

#define IPV4 NM_IPV4_BIT
#define IPV6 NM_IPV6_BIT
#define BOTH NM_BOTH_FAMILIES
/* Where the family has a bridge of natmap's, with a subnet. */
#define BRIDGES (BOTH | OF_BRIDGES)
#define ANY     NM_MATCH_ANY, NM_SET_MAX
#define IN(s)   NM_MATCH_ANY, NM_SET_##s
#define IF(m)   NM_MATCH_##m, NM_SET_MAX
#define JUMP    NM_ACTION_JUMP
#define GOTO    NM_ACTION_GOTO
#define RETURN  NM_ACTION_RETURN, NULL
#define DROP    NM_ACTION_DROP, NULL
#define DNAT    NM_ACTION_DNAT, NULL

enum { OF_BRIDGES = 1 << NM_FAMILY_MAX };

static const struct nm_nftables_chain_template constant[] = {
	{IPV4, "guard", NM_MATCH_FROM_OUTSIDE, NM_SET_GUARDED, DROP, NULL},
	{IPV4, "guard", NM_MATCH_FROM_OUTSIDE, NM_SET_GUARDED_RANGES, DROP, NULL},
	{IPV4, "guard", NM_MATCH_TO_LOOPBACK, NM_SET_LOCALNET, DROP, NULL},
	{IPV4, "guard", NM_MATCH_FROM_LOOPBACK, NM_SET_LOCALNET, DROP, NULL},
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
	{BRIDGES, "forward", IN(OUTBOUND), JUMP, "origin", NM_NFTABLES_BRIDGES_TAG},
	{BRIDGES, "forward", IF(UNTRANSLATED), GOTO, "network", NM_NFTABLES_BRIDGES_TAG},
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
	{BRIDGES, "origin", IN(NEIGHBOURS), RETURN, NM_NFTABLES_BRIDGES_TAG},
	{BRIDGES, "network", IN(NETWORKS), GOTO, "inbound", NM_NFTABLES_BRIDGES_TAG},
	{BRIDGES, "network", IN(OUTBOUND), GOTO, "pass", NM_NFTABLES_BRIDGES_TAG},
	{BRIDGES, "network", ANY, GOTO, "foreign", NM_NFTABLES_BRIDGES_TAG},
	{BRIDGES, "inbound", IF(ESTABLISHED), GOTO, "pass", NM_NFTABLES_BRIDGES_TAG},
	{BRIDGES, "inbound", IN(ISOLATED), DROP, NM_NFTABLES_BRIDGES_TAG},
	{BRIDGES, "inbound", IN(NEIGHBOURS), GOTO, "pass", NM_NFTABLES_BRIDGES_TAG},
	{BRIDGES, "inbound", ANY, DROP, NM_NFTABLES_BRIDGES_TAG},
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
	{BRIDGES, "forwarded", NM_MATCH_MARKED, NM_SET_NETWORKS, NM_ACTION_UNMARK, NULL,
		NM_NFTABLES_BRIDGES_TAG},
	{BRIDGES, "forwarded", NM_MATCH_MARKED, NM_SET_OUTBOUND, NM_ACTION_UNMARK, NULL,
		NM_NFTABLES_BRIDGES_TAG},
	{BOTH, "forwarded", IF(SET_ASIDE), NM_ACTION_PUT_BACK, NULL, NULL},
	{BOTH, "postrouting", IF(TRANSLATED), JUMP, "masqueraded", NULL},
	{BOTH, "postrouting", ANY, JUMP, "static_postrouting", NULL},
	{BRIDGES, "leaving", IN(NETWORKS), RETURN, NM_NFTABLES_BRIDGES_TAG},
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

static const struct nm_nftables_chain_template of_subnets[] = {
	{BOTH, "origin", IN(ORIGINS), RETURN, NM_NFTABLES_SUBNETS_TAG},
	{BOTH, "leaving", IN(SUBNETS), NM_ACTION_MASQUERADE, NULL, NM_NFTABLES_SUBNETS_TAG},
};
enum { N_OF_SUBNETS = sizeof(of_subnets) / sizeof(*of_subnets) };

/* Behind the rules for prefix lengths. */
static const struct nm_nftables_chain_template last[] = {
	{BRIDGES, "origin", ANY, DROP, NM_NFTABLES_BRIDGES_TAG},
};
enum { N_LAST = sizeof(last) / sizeof(*last) };

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

static int each_constant(const struct pass *pass, const struct nm_nftables_chain_template *v, size_t n,
	const struct nm_nftables_prefix_lengths *lengths, struct nm_err *err)
{
	bool has_bridges = nm_nftables_layout_has_subnets(lengths);

	for (size_t i = 0; i < n; i++) {
		const struct nm_nftables_chain_template *t = &v[i];
		uint32_t bits =
			nm_nftables_set_is_of_blocks(t->set) ? lengths->ranges[t->set] : NM_LENGTH_PORTS;
		bool per_protocol = is_per_protocol(t);

		if (!(t->families & 1u << pass->family) || (t->families & OF_BRIDGES && !has_bridges))
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
		bool is_allow = t->action == NM_ACTION_GOTO;
		uint32_t bits = (is_allow ? lengths->allowed : lengths->masquerade)[length];
		const struct nm_nftables_chain_rule rule = {.template = t,
			.family = pass->family,
			.protocol = protocols[i / N_OF_LENGTH],
			.prefix_length = length};

		if (each_level(pass, rule, bits, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < N_OF_SUBNETS; i++) {
		const struct nm_nftables_chain_rule rule = {
			.template = &of_subnets[i], .family = pass->family, .prefix_length = length};

		if (each_level(pass, rule, lengths->subnets[length], err) < 0)
			return -1;
	}
	return 0;
}

int nm_nftables_chains_each(enum nm_family family, const struct nm_nftables_prefix_lengths *lengths,
	nm_nftables_chain_handler *handler, void *ctx, struct nm_err *err)
{
	const struct pass pass = {family, handler, ctx};

	if (each_constant(&pass, constant, N_CONSTANT, lengths, err) < 0)
		return -1;
	for (uint8_t length = 0; length <= nm_addr_bits(family); length++)
		if (each_of_length(&pass, lengths, length, err) < 0)
			return -1;
	return each_constant(&pass, last, N_LAST, lengths, err);
}

int nm_nftables_chains_build(enum nm_family family, const struct nm_nftables_prefix_lengths *lengths,
	struct nm_nftables_rules *ret, struct nm_err *err)
{
	return nm_nftables_chains_each(family, lengths, nm_nftables_chain_rule_build, ret, err);
}
