/* nft/meaning.c: the forms in which iptables 1.8.4 to 1.8.13 and nft 0.9.8 to 1.1.7 give natmap's rules back.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/meaning.h"
#include "tap.h"

struct list {
	alignas(struct nlmsghdr) char bytes[4096];
	struct nm_message msg;
};

struct bytes {
	uint8_t v[32];
	size_t n;
};

/* Hexadecimal digits; "#5": a number of four bytes, in the machine's order. */
static struct bytes bytes_of(const char *word)
{
	struct bytes b = {.n = 0};
	uint32_t number;
	char digits[3] = "";

	if (word[0] == '#') {
		number = (uint32_t)strtoul(word + 1, NULL, 0);
		memcpy(b.v, &number, sizeof(number));
		b.n = sizeof(number);
		return b;
	}
	for (; word[0] && word[1] && b.n < sizeof(b.v); word += 2) {
		memcpy(digits, word, 2);
		b.v[b.n++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return b;
}

static uint32_t number_of(const char *word)
{
	return word ? (uint32_t)strtoul(word, NULL, 0) : 0;
}

static void put_xt(
	struct list *l, const char *kind, const char *name, uint32_t rev, const void *info, size_t len)
{
	struct nm_expr e = nm_expr_begin(&l->msg, kind);

	nm_message_put_string(&l->msg, NFTA_MATCH_NAME, name);
	nm_message_put_be32(&l->msg, NFTA_MATCH_REV, rev);
	nm_message_put(&l->msg, NFTA_MATCH_INFO, info, len);
	nm_expr_end(&l->msg, e);
}

static void put_range(struct list *l, uint32_t op, const struct bytes *from, const struct bytes *to)
{
	struct nm_expr e = nm_expr_begin(&l->msg, "range");

	nm_message_put_be32(&l->msg, NFTA_RANGE_SREG, NFT_REG_1);
	nm_message_put_be32(&l->msg, NFTA_RANGE_OP, op);
	nm_expr_put_value(&l->msg, NFTA_RANGE_FROM_DATA, from->v, from->n);
	nm_expr_put_value(&l->msg, NFTA_RANGE_TO_DATA, to->v, to->n);
	nm_expr_end(&l->msg, e);
}

enum { WORDS_MAX = 4 };

#define XT_PADDED(type)                                        \
	union {                                                \
		type info;                                     \
		uint8_t padded[NLMSG_ALIGN(sizeof(type)) + 4]; \
	}

/* tcp or udp, first and last port, and bits that invert the match */
static void put_ports(struct list *l, char *const w[static WORDS_MAX])
{
	XT_PADDED(struct xt_tcp) tcp = {.padded = {0}};
	XT_PADDED(struct xt_udp) udp = {.padded = {0}};

	tcp.info.spts[1] = udp.info.spts[1] = UINT16_MAX;
	tcp.info.dpts[0] = udp.info.dpts[0] = (uint16_t)number_of(w[1]);
	tcp.info.dpts[1] = udp.info.dpts[1] = (uint16_t)number_of(w[2]);
	tcp.info.invflags = udp.info.invflags = (uint8_t)number_of(w[3] ? w[3] : "0");
	if (!strcmp(w[0], "tcp"))
		put_xt(l, "match", "tcp", 0, &tcp, sizeof(tcp));
	else
		put_xt(l, "match", "udp", 0, &udp, sizeof(udp));
}

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

static void put_load(struct list *l, char *const w[static WORDS_MAX])
{
	bool is_network = is(w[0], "ip");

	if (is_network || is(w[0], "th"))
		nm_expr_payload(&l->msg,
			is_network ? NFT_PAYLOAD_NETWORK_HEADER : NFT_PAYLOAD_TRANSPORT_HEADER,
			number_of(w[1]), number_of(w[2]), NFT_REG_1);
	else if (is(w[0], "meta"))
		nm_expr_meta(&l->msg, number_of(w[1]), NFT_REG_1);
	else if (is(w[0], "ct"))
		nm_expr_ct(&l->msg, number_of(w[1]), NFT_REG_1);
	else if (is(w[0], "ctdir"))
		nm_expr_ct_dir(&l->msg, number_of(w[1]), (uint8_t)number_of(w[2]), NFT_REG_1);
	else if (is(w[0], "fib"))
		nm_expr_fib_daddr_type(&l->msg, NFT_REG_1);
}

static void put_comparison(struct list *l, char *const w[static WORDS_MAX])
{
	static const char *const comparisons[] = {"eq", "ne", "lt", "le", "gt", "ge"}; /* enum nft_cmp_ops */
	struct bytes a = bytes_of(w[1] ? w[1] : ""), b = bytes_of(w[1] && w[2] ? w[2] : "");

	for (uint32_t op = 0; op < sizeof(comparisons) / sizeof(*comparisons); op++)
		if (is(w[0], comparisons[op]))
			nm_expr_cmp(&l->msg, op, NFT_REG_1, a.v, a.n);
	if (is(w[0], "and"))
		nm_expr_bitwise(&l->msg, NFT_REG_1, a.v, b.v, a.n);
	else if (is(w[0], "range"))
		put_range(l, NFT_RANGE_EQ, &a, &b);
	else if (is(w[0], "norange"))
		put_range(l, NFT_RANGE_NEQ, &a, &b);
}

static void put_match(struct list *l, char *const w[static WORDS_MAX])
{
	XT_PADDED(struct xt_addrtype_info_v1) addrtype = {.padded = {0}};
	XT_PADDED(struct xt_mark_mtinfo1) mark = {.padded = {0}};

	if (is(w[0], "tcp") || is(w[0], "udp"))
		put_ports(l, w);
	if (is(w[0], "addrtype")) {
		addrtype.info.dest = (uint16_t)number_of(w[1]);
		addrtype.info.flags = number_of(w[2]);
		put_xt(l, "match", w[0], 1, &addrtype, sizeof(addrtype));
	}
	if (is(w[0], "mark")) {
		mark.info.mark = number_of(w[1]);
		mark.info.mask = number_of(w[2]);
		mark.info.invert = w[3] != NULL;
		put_xt(l, "match", w[0], 1, &mark, sizeof(mark));
	}
	if (is(w[0], "match") || is(w[0], "target"))
		put_xt(l, w[0], w[1], number_of(w[2]), w[3], w[3] ? strlen(w[3]) : 0);
}

static void put_statement(struct list *l, char *const w[static WORDS_MAX])
{
	struct bytes value = bytes_of(is(w[0], "imm") ? w[1] : "");

	if (is(w[0], "imm"))
		nm_expr_value(&l->msg, NFT_REG_1, value.v, value.n);
	else if (is(w[0], "lookup"))
		nm_expr_lookup(&l->msg, w[1], NFT_REG_1, 0);
	else if (is(w[0], "counter"))
		nm_expr_counter(&l->msg);
	else if (is(w[0], "accept"))
		nm_expr_verdict(&l->msg, NF_ACCEPT, NULL);
	else if (is(w[0], "jump"))
		nm_expr_verdict(&l->msg, NFT_JUMP, w[1]);
}

/* Expressions, separated by "; ". */
static struct nm_attrs build(struct list *l, const char *text)
{
	char copy[512], *rest = copy, *one;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	l->msg = nm_message_begin(l->bytes, sizeof(l->bytes), 0);
	while ((one = strsep(&rest, ";"))) {
		char *w[WORDS_MAX] = {NULL};
		size_t n = 0;

		for (char *word; n < WORDS_MAX && (word = strsep(&one, " "));)
			if (*word)
				w[n++] = word;
		if (!n)
			continue;
		put_load(l, w);
		put_comparison(l, w);
		put_match(l, w);
		put_statement(l, w);
	}
	return nm_attrs_of(l->msg.header, 0);
}

#define TCP "meta 16; eq 06; "

static const struct {
	const char *name, *ours, *theirs;
	bool equal;
} rows[] = {
	{"1.8.4: /32 with a mask", "ip 16 4; eq 0a580702; accept",
		"ip 16 4; and ffffffff; eq 0a580702; accept", true},
	{"/24 of three bytes", "ip 12 4; and ffffff00; eq 0a580700; accept", "ip 12 3; eq 0a5807; accept",
		true},
	{"/8 of one byte, negated", "ip 12 4; and ff000000; ne 7f000000; accept", "ip 12 1; ne 7f; accept",
		true},
	{"/20 of four bytes", "ip 12 4; and fffff000; eq 0a580000; accept",
		"ip 12 4; and fffff000; eq 0a580000; accept", true},
	{"another /24", "ip 12 4; and ffffff00; eq 0a580700; accept", "ip 12 3; eq 0a5808; accept", false},
	{"a shorter prefix", "ip 12 4; and ffffff00; eq 0a580700; accept", "ip 12 2; eq 0a58; accept", false},
	{"another prefix of as many bytes", "ip 12 4; and fffff000; eq 0a580000; accept",
		"ip 12 3; eq 0a5800; accept", false},
	{"0.0.0.0 in the end", "ip 12 4; eq 0a000000; accept", "ip 12 1; eq 0a; accept", false},
	{"negated", "ip 12 4; eq 0a580702; accept", "ip 12 4; ne 0a580702; accept", false},
	{"destination for source", "ip 12 4; eq 0a580702; accept", "ip 16 4; eq 0a580702; accept", false},
	{"a flipped bit", "ip 12 4; and ffffff00; eq 0a580700; accept",
		"ip 12 4; and ffffff00 00010000; eq 0a580700; accept", false},
	{"1.8.8: a port", TCP "tcp 80 80; counter; accept", TCP "th 2 2; eq 0050; counter; accept", true},
	{"1.8.8: ports", TCP "tcp 80 90; counter; accept", TCP "th 2 2; range 0050 005a; counter; accept",
		true},
	{"udp ports", "meta 16; eq 11; udp 80 90; accept", "meta 16; eq 11; th 2 2; range 0050 005a; accept",
		true},
	{"nft 1.0.6: ports of two comparisons", TCP "tcp 80 90; accept",
		TCP "th 2 2; ge 0050; le 005a; accept", true},
	{"nft 1.1.3: ports of one range", TCP "th 2 2; ge 0050; le 005a; accept",
		TCP "th 2 2; range 0050 005a; accept", true},
	{"a port of two comparisons", TCP "th 2 2; eq 0050; accept", TCP "th 2 2; ge 0050; le 0050; accept",
		true},
	{"original ports", "ctdir 12 0; ge 0050; le 005a; accept", "ctdir 12 0; range 0050 005a; accept",
		true},
	{"original ports, of the reply", "ctdir 12 0; ge 0050; le 005a; accept",
		"ctdir 12 1; range 0050 005a; accept", false},
	{"ports without end", TCP "tcp 80 90; accept", TCP "th 2 2; ge 0050; accept", false},
	{"other ports", TCP "tcp 80 90; accept", TCP "th 2 2; range 0050 005b; accept", false},
	{"all but these ports", TCP "tcp 80 90; accept", TCP "th 2 2; norange 0050 005a; accept", false},
	{"all but this port", TCP "tcp 80 80; accept", TCP "tcp 80 80 2; accept", false},
	{"source ports", TCP "tcp 80 80; accept", TCP "th 0 2; eq 0050; accept", false},
	{"1.8.10: protocol of the header, behind the address", TCP "ip 16 4; eq 0a580702; tcp 80 80; accept",
		"ip 16 4; eq 0a580702; ip 9 1; eq 06; th 2 2; eq 0050; accept", true},
	{"another protocol", TCP "accept", "ip 9 1; eq 11; accept", false},
	{"a comment of xt", "jump NATMAP", "match comment 0 natmap:web:8080; jump NATMAP", true},
	{"another match of xt", "jump NATMAP", "match conntrack 3 natmap; jump NATMAP", false},
	{"another revision", "match conntrack 3 a; accept", "match conntrack 2 a; accept", false},
	{"the same of xt", "match conntrack 3 a; target DNAT 2 b", "match conntrack 3 a; target DNAT 2 b",
		true},
	{"another target", "target DNAT 2 a", "target DNAT 2 b", false},
	{"no target", TCP "counter; target DNAT 2 a", TCP "counter", false},
	{"no counter", TCP "counter; accept", TCP "accept", false},
	{"dst-type by fib", "addrtype 4 0; counter; jump NATMAP", "fib; eq #2; counter; jump NATMAP", true},
	{"another type", "addrtype 4 0; jump NATMAP", "fib; eq #3; jump NATMAP", false},
	{"another type of xt", "addrtype 4 0; jump NATMAP", "addrtype 8 0; jump NATMAP", false},
	{"inverted type", "addrtype 4 0; jump NATMAP", "addrtype 4 2; jump NATMAP", false},
	{"another chain", "addrtype 4 0; jump NATMAP", "fib; eq #2; jump OTHER", false},
	{"1.8.8: bits of the mark", "mark 0x1000 0x1000; accept", "meta 3; and #0x1000; eq #0x1000; accept",
		true},
	{"other bits of the mark", "mark 0x1000 0x1000; accept", "meta 3; and #0x3000; eq #0x1000; accept",
		false},
	{"inverted mark", "mark 0x1000 0x1000; accept", "mark 0x1000 0x1000 !; accept", false},
	{"a name without padding", "meta 6; eq 6c6f0000000000000000000000000000; accept",
		"meta 6; eq 6c6f00; accept", true},
	{"the beginning of a name", "meta 6; eq 6c6f00; accept", "meta 6; eq 6c6f; accept", false},
	{"a longer name", "meta 6; eq 6c6f00; accept", "meta 6; eq 6c6f3000; accept", false},
	{"the other interface", "meta 6; eq 6c6f00; accept", "meta 7; eq 6c6f00; accept", false},
	{"another order of matches", TCP "ip 12 1; eq 7f; fib; eq #2; accept",
		"fib; eq #2; ip 12 1; eq 7f; " TCP "accept", true},
	{"one match twice for two", TCP "ip 12 1; eq 7f; accept", TCP TCP "accept", false},
	{"a match more", TCP "accept", TCP "ip 12 1; eq 7f; accept", false},
	{"a match less", TCP "ip 12 1; eq 7f; accept", TCP "accept", false},
	{"a match behind the verdict", TCP "accept", "accept; " TCP, false},
	{"matches that pass an expression of another kind", TCP "counter; fib; eq #2; accept",
		"fib; eq #2; counter; " TCP "accept", false},
	{"a lookup", "ip 16 4; lookup s", "ip 16 4; lookup s", true},
	{"a lookup of something else", "ip 16 4; lookup s", "ip 12 4; lookup s", false},
	{"a lookup of what was compared", "ip 16 4; lookup s", "ip 16 4; eq 0a580702; lookup s", false},
	{"a lookup with a mask", "ip 16 4; and ffffff00; lookup s", "ip 16 4; lookup s", false},
	{"a mask twice", "ip 12 4; and ffffff00; eq 0a580700; accept",
		"ip 12 4; and ffffff00; and ffff0000; eq 0a580700; accept", false},
	{"flags", "ct 2; and #32; ne #0; accept", "ct 2; and #32; ne #0; accept", true},
	{"other flags", "ct 2; and #32; ne #0; accept", "ct 2; and #48; ne #0; accept", false},
	{"a comparison with nothing loaded", "accept", "eq 06; accept", false},
	{"a value loaded over another", "imm 0a580702; accept", "imm 0a580703; accept", false},
};

static void test_rows(void)
{
	nm_each(row, rows) {
		static struct list ours, theirs;
		struct nm_attrs a = build(&ours, row->ours), b = build(&theirs, row->theirs);

		tap_ok(nm_nft_meaning_equal(NM_IPV4, a, b) == row->equal, "%s", row->name);
		tap_ok(nm_nft_meaning_equal(NM_IPV4, b, a) == row->equal, "%s, the other way round",
			row->name);
	}
}

static void test_families(void)
{
	static struct list ours, theirs;

	tap_ok(!nm_nft_meaning_equal(
		       NM_IPV6, build(&ours, TCP "accept"), build(&theirs, "ip 9 1; eq 06; accept")),
		"in IPv6 that byte is one of the address");
}

/* A rule with more terms than any of natmap's is another one. */
static void test_long(void)
{
	static struct list ours, theirs;
	char text[512] = "fib; eq #2; ";

	for (size_t i = 0, used = strlen(text); i < 40; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "counter;");
	build(&ours, text);
	tap_ok(!nm_nft_meaning_equal(NM_IPV4, build(&ours, text), build(&theirs, "counter")),
		"a longer rule");
	memcpy(text, "addrtype 4 0", 12);
	text[12] = ';';
	tap_ok(!nm_nft_meaning_equal(NM_IPV4, build(&ours, "fib; eq #2"), build(&theirs, text)),
		"a longer one of theirs");
}

int main(void)
{
	test_rows();
	test_families();
	test_long();
	return tap_done();
}
