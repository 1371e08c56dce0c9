/* nftables/chains.c, chain_rule.c and rule.c: the rules that every table has, exactly. */
#include <stdlib.h>

#include "nft/rules.h"
#include "nftables/chain_tag.h"
#include "expr_text.h"
#include "tap.h"

enum { TEXT_MAX = 16384 };

/* "CHAIN EXPRESSIONS [# COMMENT]" a line */
static const char *print(
	const struct nm_nftables_rules *rules, enum nm_family family, char out[static TEXT_MAX])
{
	char text[NM_EXPR_TEXT_SIZE];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < rules->n && used < TEXT_MAX; i++) {
		const struct nm_nftables_rule *r = &rules->v[i];

		used += (size_t)snprintf(out + used, TEXT_MAX - used, "%s %s%s%s%s\n", r->chain,
			expr_text(family, (struct nm_attrs){r->expressions, r->len}, text),
			r->family == family ? "" : " !family", r->comment[0] ? " # " : "", r->comment);
	}
	return out;
}

#define HOST_PORTS                                                       \
	"host_ports { daddr l4proto dport } dnat to host_ports.address " \
	": host_ports.port\n"
#define FLOW                     "daddr l4proto dport ct original dport }"
#define LOOKUP(p, set, host, to) "forward l4proto == " p " " set " { " host FLOW " goto " to "\n"
#define LOOKUPS(set, host, to) \
	LOOKUP("6", set, host, to) LOOKUP("17", set, host, to) LOOKUP("132", set, host, to)
#define MARKED "mark & 0x1000 != 0x0 "
#define FOREIGN(multicast)                             \
	"foreign forwarding { iifname } goto closed\n" \
	"closed ct state & 0x6 != 0x0 return\n"        \
	"closed daddr" multicast " return\n"           \
	"closed bridged { iifname oifname } return\n"  \
	"closed jump static_closed\n"                  \
	"closed drop\n"
/* What is there without bridges of natmap's, and with them. */
#define PLAIN(text)
#define BRIDGED(text) text
#define OF_BRIDGES    " # natmap:@bridges\n"
#define ORIGIN        "forward outbound { iifname } jump origin" OF_BRIDGES
#define NETWORK                                                                               \
	"origin neighbours { iifname oifname } return" OF_BRIDGES                             \
	"network networks { oifname } goto inbound" OF_BRIDGES                                \
	"network outbound { iifname } goto pass" OF_BRIDGES "network goto foreign" OF_BRIDGES \
	"inbound ct state & 0x6 != 0x0 goto pass" OF_BRIDGES                                  \
	"inbound isolated { iifname oifname } drop" OF_BRIDGES                                \
	"inbound neighbours { iifname oifname } goto pass" OF_BRIDGES "inbound drop" OF_BRIDGES
#define UNMARK(set) "forwarded " MARKED set " mark = (mark & 0xffffefff)" OF_BRIDGES
/* clang-format off */
#define FORWARD(multicast, with)                                                           \
	"forward " MARKED "mark = (mark & 0xffffefff)"                                     \
	" priority = (priority & 0xbfffffff ^ 0x40000000)\n"                               \
	with(ORIGIN "forward ct status & 0x20 == 0x0 goto network" OF_BRIDGES)             \
	"forward ct status & 0x20 == 0x0 goto foreign\n"                                   \
	"forward ct state & 0x6 != 0x0 goto pass\n"                                        \
	LOOKUPS("restricted", "", "restricted")                                            \
	LOOKUPS("host_restricted", "ct original daddr ", "restricted")                     \
	LOOKUPS("open", "", "pass")                                                        \
	LOOKUPS("host_open", "ct original daddr ", "pass")                                 \
	"forward jump static_forward\n"                                                    \
	"forward goto foreign\n"                                                           \
	with(NETWORK)                                                                      \
	FOREIGN(multicast)                                                                 \
	"restricted jump allowed\n"                                                        \
	"restricted drop\n"                                                                \
	"pass mark = (mark & 0xffffefff ^ 0x1000) accept\n"                                \
	"forwarded " MARKED "ct status & 0x20 != 0x0 mark = (mark & 0xffffefff)\n"         \
	with(UNMARK("networks { oifname }") UNMARK("outbound { iifname }"))                \
	"forwarded priority & 0x40000000 != 0x0 mark = (mark & 0xffffefff ^ 0x1000)"       \
	" priority = (priority & 0xbfffffff)\n"                                            \
	"postrouting ct status & 0x20 != 0x0 jump masqueraded\n"                           \
	"postrouting jump static_postrouting\n"                                            \
	with("leaving networks { oifname } return" OF_BRIDGES)
/* clang-format on */
#define TRANSLATE                                                                                        \
	"translate " HOST_PORTS "translate ports { l4proto dport } dnat to ports.address : ports.port\n" \
	"translate jump static_translate # natmap:@made\n"
#define LINK_LOCAL " saddr & ffc0:: == fe80:: return\n"

#define BASE4(with)                                                  \
	"guard iifname != lo guarded { daddr l4proto dport } drop\n" \
	"guard daddr/8 == 127.0.0.0 localnet { iifname } drop\n"     \
	"guard saddr/8 == 127.0.0.0 localnet { iifname } drop\n"     \
	"prerouting jump static_prerouting\n"                        \
	"prerouting fib daddr type == 0x2 jump translate\n"          \
	"output jump static_output\n"                                \
	"output daddr/8 == 127.0.0.0 goto loopback\n"                \
	"output fib daddr type == 0x2 jump translate\n"              \
	"loopback " HOST_PORTS TRANSLATE FORWARD(" & 240.0.0.0 == 224.0.0.0", with)
#define BASE6(with)                                                                 \
	"prerouting jump static_prerouting\n"                                       \
	"prerouting" LINK_LOCAL "prerouting fib daddr type == 0x2 jump translate\n" \
	"output jump static_output\n"                                               \
	"output" LINK_LOCAL "output daddr == ::1 goto loopback\n"                   \
	"output fib daddr type == 0x2 jump translate\n" TRANSLATE FORWARD("/8 == ff00::", with)

static const char *const base[NM_FAMILY_MAX][2] = {
	[NM_IPV4] = {BASE4(PLAIN), BASE4(BRIDGED)},
	[NM_IPV6] = {BASE6(PLAIN), BASE6(BRIDGED)},
};

/* For one protocol, and for all of them. */
#define MASQUERADE(p, mask, len)                                         \
	"masqueraded l4proto == " p " masqueraded { saddr" mask " " FLOW \
	" masquerade # natmap:@masquerade/" len "\n"
#define ALLOWED_AS(p, mask, protocol, len)                                                         \
	"allowed l4proto == " p " allowed { saddr" mask protocol " ct original dport } goto pass " \
	"# natmap:@allowed/" len "\n"                                                              \
	"allowed l4proto == " p " host_allowed { saddr" mask " ct original daddr" protocol         \
	" ct original dport } goto pass # natmap:@allowed/" len "\n"
#define ALLOWED(p, mask, len) ALLOWED_AS(p, mask, " l4proto", len)
/* Of networks: what each protocol's number is flipped by. */
#define FLIPPED(p, mask, flip, len) ALLOWED_AS(p, mask, " l4proto & 255 ^ " flip, len)
#define NETWORKS(mask, len, tcp, udp, sctp) \
	FLIPPED("6", mask, tcp, len) FLIPPED("17", mask, udp, len) FLIPPED("132", mask, sctp, len)
#define BOTH8(p, flip) MASQUERADE(p, " & 255.0.0.0", "8") FLIPPED(p, " & 255.0.0.0", flip, "8")
#define SUBNETS(mask, len)                                                            \
	"origin origins { saddr" mask " iifname } return # natmap:@subnets/" len "\n" \
	"leaving subnets { saddr" mask " } masquerade # natmap:@subnets/" len "\n"
#define BOTH(p, mask, len)    MASQUERADE(p, mask, len) ALLOWED(p, mask, len)
#define EACH(what, mask, len) what("6", mask, len) what("17", mask, len) what("132", mask, len)

static struct nm_nftables_rules base_rules(
	enum nm_family family, const struct nm_nftables_prefix_lengths *lengths)
{
	struct nm_nftables_rules rules = {0};
	struct nm_err err;

	if (nm_nftables_chains_build(family, lengths, &rules, &err) < 0)
		tap_ok(false, "%s", err.msg);
	return rules;
}

static void test_rules(void)
{
	static const struct {
		const char *name;
		enum nm_family family;
		struct nm_nftables_prefix_lengths prefix_lengths;
		const char *more;
	} rows[] = {
		{"IPv4", NM_IPV4, {{0}, {0}, {0}}, ""},
		{"IPv6", NM_IPV6, {{0}, {0}, {0}}, ""},
		{"IPv4, prefix lengths", NM_IPV4,
			{{[0] = true, [8] = true, [32] = true}, {[8] = true, [30] = true}, {0}},
			EACH(MASQUERADE, " & 0.0.0.0", "0") BOTH8("6", "16") BOTH8("17", "71")
				BOTH8("132", "19") NETWORKS(" & 255.255.255.252", "30", "39", "112", "38")
					EACH(MASQUERADE, "", "32")},
		{"IPv6, prefix lengths", NM_IPV6,
			{{[63] = true, [128] = true}, {[0] = true, [126] = true, [128] = true}, {0}},
			NETWORKS(" & ::", "0", "20", "67", "23")
				EACH(MASQUERADE, " & ffff:ffff:ffff:fffe::", "63")
					NETWORKS(" & ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc", "126", "87",
						"131", "86") EACH(BOTH, "", "128")},
		{"IPv4, subnets", NM_IPV4, {{0}, {0}, {[24] = true, [32] = true}, {0}},
			SUBNETS(" & 255.255.255.0", "24") SUBNETS("", "32") "origin drop" OF_BRIDGES},
		{"IPv6, subnets", NM_IPV6, {{0}, {[64] = true}, {[64] = true}, {0}},
			NETWORKS(" & ffff:ffff:ffff:ffff::", "64", "52", "99", "55")
				SUBNETS(" & ffff:ffff:ffff:ffff::", "64") "origin drop" OF_BRIDGES},
		{"IPv4, a length of IPv6's", NM_IPV4, {{[33] = true}, {[128] = true}, {0}}, ""},
	};
	static char got[TEXT_MAX], expected[TEXT_MAX];

	nm_each(row, rows) {
		struct nm_nftables_rules rules = base_rules(row->family, &row->prefix_lengths);

		(void)snprintf(expected, sizeof(expected), "%s%s",
			base[row->family][nm_nftables_layout_has_subnets(&row->prefix_lengths)], row->more);
		tap_is(print(&rules, row->family, got), expected, "rules of %s", row->name);
		nm_nftables_rules_done(&rules);
	}
}

static const struct nm_nftables_prefix_lengths *all_lengths(void)
{
	static struct nm_nftables_prefix_lengths lengths;

	memset(&lengths, 0xff, sizeof(lengths));
	return &lengths;
}

/* A '!' that is not of "!=". */
static bool is_marked(const char *text)
{
	while ((text = strchr(text, '!')) && text[1] == '=')
		text++;
	return text;
}

static void test_all_lens(void)
{
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
		struct nm_nftables_rules rules = base_rules(f, all_lengths());
		struct nm_nftables_prefix_lengths got = {{0}, {0}, {0}};
		const uint32_t all_bits = (1u << (1 + 3 * (NM_BLOCK_LEVELS - 1))) - 1;
		unsigned marks = 0, masquerades = 0, allowed = 0, subnets = 0, ranges = 0;
		char text[NM_EXPR_TEXT_SIZE];

		for (size_t i = 0; i < rules.n; i++) {
			const struct nm_nftables_rule *r = &rules.v[i];

			expr_text(f, (struct nm_attrs){r->expressions, r->len}, text);
			marks += is_marked(text);
			nm_nftables_chain_tag_read(r->comment, strlen(r->comment), &got);
		}
		for (int len = 0; len < 129; len++) {
			masquerades += (got.masquerade[len] & all_bits) == all_bits;
			allowed += (got.allowed[len] & all_bits) == all_bits;
			subnets += got.subnets[len] == NM_LENGTH_PORTS;
		}
		for (enum nm_nftables_set set = NM_SET_RANGES; set < NM_SET_MAX; set++)
			ranges += nm_nftables_set_exists(set, f) && got.ranges[set];
		tap_ok(ranges == (f == NM_IPV4 ? 9 : 8), "those of all sets for blocks, too");
		tap_ok(masquerades == nm_addr_bits(f) + 1u && allowed == nm_addr_bits(f) + 1u &&
				subnets == nm_addr_bits(f) + 1u,
			"the comments of all lengths are read back");
		tap_ok(marks == 0, "all rules are as nf_tables takes and dumps them");
		nm_nftables_rules_done(&rules);
	}
}

/* Of blocks of 16 ports, udp, and of 256. */
static void test_blocks(void)
{
	const uint32_t udp16 = nm_nftables_layout_bit(2, IPPROTO_UDP), any256 = nm_nftables_layout_bit(4, 0);
	const struct nm_nftables_prefix_lengths lengths = {
		.masquerade = {[24] = udp16},
		.ranges = {[NM_SET_HOST_RANGES] = any256,
			[NM_SET_SHIFTED] = any256,
			[NM_SET_OPEN_RANGES] = udp16},
	};
	static char got[TEXT_MAX];
	struct nm_nftables_rules rules = base_rules(NM_IPV4, &lengths), blocks = {0};
	struct nm_err err;

	for (size_t i = 0; i < rules.n; i++) {
		const struct nm_nftables_rule *r = &rules.v[i];

		if (strchr(r->comment, '/') &&
			nm_nftables_rules_add(&blocks, *r, (struct nm_attrs){r->expressions, r->len},
				r->comment, strlen(r->comment), &err) < 0)
			tap_ok(false, "%s", err.msg);
	}
	tap_is(print(&blocks, NM_IPV4, got),
		"loopback host_ranges { dport & 65280 ^ 128 l4proto daddr } dnat to host_ranges.address "
		"# natmap:@ranges/host_ranges/8\n"
		"translate host_ranges { dport & 65280 ^ 128 l4proto daddr } dnat to host_ranges.address "
		"# natmap:@ranges/host_ranges/8\n"
		"translate shifted_last { dport & 65280 ^ 128 l4proto } shifted_ranges { dport & 65280 ^ 128 "
		"l4proto } dnat to shifted_ranges.address : shifted_ranges.port to shifted_last.port, "
		"shifted # natmap:@ranges/shifted_ranges/8\n"
		"forward l4proto == 17 open_ranges { daddr l4proto dport & 65520 ^ 8 ct original dport & "
		"65520 ^ 8 } goto pass # natmap:@ranges/open_ranges/udp/12\n"
		"masqueraded l4proto == 17 masqueraded_ranges { saddr & 255.255.255.0 daddr l4proto dport & "
		"65520 ^ 8 ct original dport & 65520 ^ 8 } masquerade # natmap:@masquerade/24/udp/12\n",
		"rules for blocks");
	nm_nftables_rules_done(&rules);
	nm_nftables_rules_done(&blocks);
}

static const struct {
	const char *tag;
	int masquerade, allowed; /* -1: none */
} len_tags[] = {
	{"natmap:@masquerade/0", 0, -1},
	{"natmap:@masquerade/24", 24, -1},
	{"natmap:@masquerade/128", 128, -1},
	{"natmap:@allowed/0", -1, 0},
	{"natmap:@allowed/128", -1, 128},
	{"natmap:@masquerade/129", -1, -1},
	{"natmap:@masquerade/256", -1, -1},
	{"natmap:@masquerade/4294967304", -1, -1},
	{"natmap:@masquerade/18446744073709551624", -1, -1},
	{"natmap:@masquerade/08", -1, -1},
	{"natmap:@masquerade/", -1, -1},
	{"natmap:@masquerade", -1, -1},
	{"natmap:@masquerade/-1", -1, -1},
	{"natmap:@masquerade/+1", -1, -1},
	{"natmap:@masquerade/ 1", -1, -1},
	{"natmap:@masquerade/1 ", -1, -1},
	{"natmap:@masquerade/1/2", -1, -1},
	{"natmap:@masquerade/x", -1, -1},
	{"natmap:@masquerade/1/udp/11", -1, -1},
	{"natmap:@masquerade/1/udp/16", -1, -1},
	{"natmap:@masquerade/1/udp/0", -1, -1},
	{"natmap:@masquerade/1/udp", -1, -1},
	{"natmap:@masquerade/1/", -1, -1},
	{"natmap:@masquerade/1/12", -1, -1},
	{"natmap:@allowed/1/icmp/12", -1, -1},
	{"natmap:@ranges/", -1, -1},
	{"natmap:@ranges/ranges", -1, -1},
	{"natmap:@ranges/ranges/16", -1, -1},
	{"natmap:@ranges/ranges/udp/12", -1, -1},
	{"natmap:@ranges/ports/12", -1, -1},
	{"natmap:@ranges/open_ranges/12", -1, -1},
	{"natmap:@allowed/129", -1, -1},
	{"natmap:@allowed/", -1, -1},
	{"natmap:@allow/8", -1, -1},
	{"my-natmap:@allowed/8", -1, -1},
	{"natmap:@dnat/8", -1, -1},
	{"natmap:web:8", -1, -1},
	{"/", -1, -1},
	{"/8", -1, -1},
	{"", -1, -1},
};

static void test_read_len(void)
{
	nm_each(row, len_tags) {
		struct nm_nftables_prefix_lengths lengths = {{0}, {0}, {0}}, expected = {{0}, {0}, {0}};
		size_t len = strlen(row->tag);
		char *copy = malloc(len + 1); /* so that ASan sees its end */

		if (copy)
			memcpy(copy, row->tag, len + 1);
		if (row->masquerade >= 0)
			expected.masquerade[row->masquerade] = true;
		if (row->allowed >= 0)
			expected.allowed[row->allowed] = true;
		nm_nftables_chain_tag_read(copy + 1, 0, &lengths);
		nm_nftables_chain_tag_read(copy, len, &lengths);
		tap_ok(!memcmp(&lengths, &expected, sizeof(lengths)), "length in '%s'", row->tag);
		free(copy);
	}
}

static int find_chain(const char *name)
{
	for (int i = 0; nm_nftables_schema_chains[i].name; i++)
		if (!strcmp(nm_nftables_schema_chains[i].name, name))
			return i;
	return -1;
}

/* Chains lead only to chains further down in the list, so never back; and all but those with a hook are led
 * to. */
static void test_chains(void)
{
	static const char *const hooked = " guard prerouting output forward forwarded postrouting leaving ";
	char pattern[64];

	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
		struct nm_nftables_rules rules = base_rules(f, all_lengths());
		bool led_to[32] = {false};
		size_t wrong = 0;

		for (size_t i = 0; i < rules.n; i++) {
			const struct nm_nftables_rule *r = &rules.v[i];
			const struct nm_nft_rule read = {.expressions = {r->expressions, r->len}};
			int from = find_chain(r->chain);

			wrong += from < 0 || nm_nftables_schema_chain_is_static(r->chain);
			for (int to = 0; nm_nftables_schema_chains[to].name; to++) {
				if (!nm_nft_rule_leads_to(&read, nm_nftables_schema_chains[to].name))
					continue;
				wrong += to <= from;
				led_to[to] = true;
			}
		}
		for (int i = 0; nm_nftables_schema_chains[i].name; i++) {
			(void)snprintf(pattern, sizeof(pattern), " %s ", nm_nftables_schema_chains[i].name);
			wrong += led_to[i] == (strstr(hooked, pattern) != NULL);
		}
		tap_ok(wrong == 0, "chains lead down the list, to all without a hook");
		nm_nftables_rules_done(&rules);
	}
}

static void test_static_chains(void)
{
	static const char *const names[] = {"static_prerouting", "static_output", "static_translate",
		"static_forward", "static_closed", "static_postrouting"};
	size_t n = 0;

	for (int i = 0; nm_nftables_schema_chains[i].name; i++)
		n += nm_nftables_schema_chain_is_static(nm_nftables_schema_chains[i].name);
	nm_each(name, names)
		tap_ok(find_chain(*name) >= 0 && nm_nftables_schema_chain_is_static(*name), "%s is static",
			*name);
	tap_ok(n == sizeof(names) / sizeof(*names) && !nm_nftables_schema_chain_is_static("static"),
		"and no other chain is");
}

static void test_registers(void)
{
	static const uint32_t expected[] = {1, 9, 10, 11, 2, 13, 14, 15, 3, 17, 18, 19, 4, 21, 22, 23};
	size_t wrong = 0;

	for (size_t word = 0; word < 16; word++)
		wrong += nm_nftables_rule_register(word) != expected[word];
	tap_ok(wrong == 0, "registers have the numbers that the kernel dumps");
	tap_ok(NM_ELEMENT_KEY_MAX / 4 <= 16, "there are enough for the largest key");
}

int main(void)
{
	test_rules();
	test_blocks();
	test_all_lens();
	test_read_len();
	test_chains();
	test_static_chains();
	test_registers();
	return tap_done();
}
