/* nftables/rule.c: static rules in natmap's own chains, exactly, as "CHAIN EXPRESSIONS -- COMMENT" a
 * line.
 */
#include <stdlib.h>

#include "input/config.h"
#include "iptables/layout_static.h"
#include "nftables/rule.h"
#include "expr_text.h"
#include "tap.h"

enum { TEXT_MAX = 8192 };

static const char *print(const struct nm_nftables_rules *rules, char out[static TEXT_MAX])
{
	char text[NM_EXPR_TEXT_SIZE];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < rules->n && used < TEXT_MAX; i++) {
		const struct nm_nftables_rule *r = &rules->v[i];

		used += (size_t)snprintf(out + used, TEXT_MAX - used, "%s %s -- %s\n", r->chain,
			expr_text(r->family, (struct nm_attrs){r->expressions, r->len}, text), r->comment);
	}
	return out;
}

static void check(const char *name, enum nm_family family, const struct nm_rules *rules, const char *expected)
{
	static char got[TEXT_MAX];
	struct nm_nftables_rules own = {0};
	struct nm_err err;

	if (nm_nftables_rules_add_static(family, rules, &own, &err) < 0)
		tap_ok(false, "%s: %s", name, err.msg);
	tap_is(print(&own, got), expected, "%s", name);
	nm_nftables_rules_done(&own);
}

#define STATIC(kind, text) "{\"static\":{\"" kind "\":[{\"name\":\"mail\"," text "}]}}"
#define EXT                "\"external_address\":\"203.0.113.43\","
#define INT                "\"internal_address\":\"10.10.10.101\""
#define EXT6               "\"external_address\":\"2001:db8::43\","
#define INT6               "\"internal_address\":\"fd00::101\""
#define PORTS(p)           ",\"ports\":\"" p "\""
#define PROTO(p)           ",\"protocol\":\"" p "\""
#define ON(i)              "\"external_interface\":\"" i "\","
#define LAN(p)             ",\"lan\":\"" p "\""

/* Ports of a field. */
#define P25(field)  field " == 25"
#define P465(field) field " == 465"
#define MANY(field) field " >= 8000 " field " <= 8010"

#define BY(kind)     " -- natmap:@" kind "/mail\n"
#define TO(kind)     " counter dnat to 10.10.10.101" BY(kind)
#define AT           "daddr == 203.0.113.43 "
#define TCP(p)       "l4proto == 6 " p("dport")
#define DNAT(p)      " ct status & 0x20 != 0x0 " p("ct original dport")
#define CT_AT        " ct original daddr == 203.0.113.43"
#define PASS(kind)   " counter goto pass" BY(kind)
#define FLOW(p)      "daddr == 10.10.10.101 " TCP(p) DNAT(p)
#define ACCEPT(p)    "static_forward " FLOW(p) PASS("dnat")
#define ACCEPT_AT(p) "static_forward " FLOW(p) CT_AT PASS("dnat")
#define MASQUERADE(from, p) \
	"static_postrouting " from " == 10.10.10.0 " FLOW(p) CT_AT " counter masquerade" BY("hairpin")
#define NOT_LOCAL6 " saddr & ffc0:: != fe80:: daddr == 2001:db8::43 l4proto == 132 dport == 25"

static const struct {
	const char *name, *text;
	enum nm_family family;
	const char *expected;
} rows[] = {
	{"dnat, one port", STATIC("dnat", EXT INT PORTS("25")), NM_IPV4,
		"static_prerouting " AT TCP(P25) TO("dnat") "static_output " AT TCP(P25) TO("dnat")
			ACCEPT_AT(P25)},
	{"dnat is none of the other family", STATIC("dnat", EXT INT PORTS("25")), NM_IPV6, ""},
	{"dnat, a range, on an interface", STATIC("dnat", EXT ON("eth0") INT PORTS("8000-8010")), NM_IPV4,
		"static_prerouting iifname == eth0 " AT TCP(MANY) TO("dnat") "static_output " AT TCP(MANY)
			TO("dnat") ACCEPT_AT(MANY)},
	{"dnat, ports and ranges: a rule for each", STATIC("dnat", INT PORTS("25,465,8000-8010")), NM_IPV4,
		"static_translate " TCP(P25) TO("dnat") "static_translate " TCP(P465)
			TO("dnat") "static_translate " TCP(MANY) TO("dnat") ACCEPT(P25) ACCEPT(P465)
				ACCEPT(MANY)},
	{"dnat, IPv6, sctp", STATIC("dnat", EXT6 INT6 PORTS("25") PROTO("sctp")), NM_IPV6,
		"static_prerouting" NOT_LOCAL6 " counter dnat to fd00::101" BY(
			"dnat") "static_output" NOT_LOCAL6
				" counter dnat to fd00::101" BY(
					"dnat") "static_forward daddr == fd00::101 l4proto == 132 "
						"dport == 25" DNAT(P25) " ct original daddr == "
									"2001:db8::43" PASS("dnat")},
	{"snat", STATIC("snat", EXT INT), NM_IPV4,
		"static_postrouting saddr == 10.10.10.101 counter snat to 203.0.113.43" BY("snat")},
	{"snat of a network, on an interface",
		STATIC("snat", EXT ON("eth0") "\"internal_address\":\"10.10.0.0/20\""), NM_IPV4,
		"static_postrouting oifname == eth0 saddr & 255.255.240.0 == 10.10.0.0 counter snat "
		"to "
		"203.0.113.43" BY("snat")},
	{"hairpin", STATIC("hairpin", EXT INT PORTS("25")), NM_IPV4,
		"static_postrouting saddr == 10.10.10.101 " FLOW(P25) CT_AT
		" counter masquerade" BY("hairpin") "static_prerouting saddr == 10.10.10.101 " AT TCP(P25) TO(
			"hairpin") "static_forward saddr == 10.10.10.101 " FLOW(P25) CT_AT PASS("hairpin")},
	{"hairpin of a network: what is inserted later stands further up",
		STATIC("hairpin", EXT INT PORTS("25,465") LAN("10.10.10.0/24")), NM_IPV4,
		MASQUERADE("saddr/24", P465) MASQUERADE("saddr/24", P25)},
	{"hairpin of a network that does not end with a byte",
		STATIC("hairpin", EXT INT PORTS("25") LAN("10.10.10.0/25")), NM_IPV4,
		MASQUERADE("saddr & 255.255.255.128", P25)},
};

static void test_config(void)
{
	nm_each(row, rows) {
		struct nm_rules rules = {0};
		struct nm_config c;
		struct nm_err err;

		nm_config_init(&c);
		if (nm_config_parse(&c, row->text, strlen(row->text), "test", &err) < 0 ||
			nm_config_require_statics(&c, &err) < 0 ||
			nm_iptables_layout_static(&c.statics, &rules, &err) < 0)
			tap_ok(false, "%s: %s", row->name, err.msg);
		check(row->name, row->family, &rules, row->expected);
		nm_rules_done(&rules);
		nm_config_done(&c);
	}
}

#define NETWORK(len)                          \
	{                                     \
		{NM_IPV4, {10, 1, 2, 3}}, len \
	}

/* What rules may have, one at a time. */
static const struct {
	const char *name;
	struct nm_rule rule;
	const char *expected;
} parts[] = {
	{"nothing", {.table = NM_TABLE_NAT}, ""},
	{"an interface", {.table = NM_TABLE_NAT, .in_if = "eth0"}, "iifname == eth0 "},
	{"not an interface", {.table = NM_TABLE_NAT, .in_if = "eth0", .not_in_if = true}, "iifname != eth0 "},
	{"the longest name", {.table = NM_TABLE_NAT, .in_if = "abcdefghijklmno"},
		"iifname == abcdefghijklmno "},
	{"both interfaces", {.table = NM_TABLE_NAT, .in_if = "a", .out_if = "b", .not_in_if = true},
		"iifname != a oifname == b "},
	{"a network as source", {.table = NM_TABLE_NAT, .src = NETWORK(8)}, "saddr/8 == 10.0.0.0 "},
	{"not that", {.table = NM_TABLE_NAT, .src = NETWORK(8), .not_src = true}, "saddr/8 != 10.0.0.0 "},
	{"as destination", {.table = NM_TABLE_NAT, .dst = NETWORK(16)}, "daddr/16 == 10.1.0.0 "},
	{"not that destination", {.table = NM_TABLE_NAT, .dst = NETWORK(24), .not_dst = true},
		"daddr/24 != 10.1.2.0 "},
	{"networks within a byte", {.table = NM_TABLE_NAT, .src = NETWORK(9), .dst = NETWORK(31)},
		"saddr & 255.128.0.0 == 10.0.0.0 daddr & 255.255.255.254 == 10.1.2.2 "},
	{"not these", {.table = NM_TABLE_NAT, .src = NETWORK(1), .not_src = true},
		"saddr & 128.0.0.0 != 0.0.0.0 "},
	{"an address", {.table = NM_TABLE_NAT, .src = NETWORK(32)}, "saddr == 10.1.2.3 "},
	{"of what is forwarded", {.table = NM_TABLE_FILTER, .src = NETWORK(8), .dst = NETWORK(8)},
		"saddr/8 == 10.0.0.0 daddr/8 == 10.0.0.0 "},
	{"what a client has asked for", {.table = NM_TABLE_FILTER, .ct_orig_dst = NETWORK(8)},
		"ct original daddr & 255.0.0.0 == 10.0.0.0 "},
	{"the first port", {.table = NM_TABLE_NAT, .protocol = 17, .dports = {1, 1}},
		"l4proto == 17 dport == 1 "},
	{"all ports", {.table = NM_TABLE_NAT, .protocol = 6, .dports = {1, 65535}},
		"l4proto == 6 dport >= 1 dport <= 65535 "},
	{"a translation",
		{.table = NM_TABLE_NAT, .protocol = 6, .ct_dnat = true, .ct_orig_dports = {256, 257}},
		"l4proto == 6 ct status & 0x20 != 0x0 ct original dport >= 256 ct original dport <= 257 "},
};

static void test_parts(void)
{
	char expected[256];

	nm_each(part, parts) {
		struct nm_rule rule = part->rule;
		const struct nm_rules one = {.v = &rule, .n = 1};

		rule.owner = "@dnat/mail";
		rule.chain = NM_CHAIN_POSTROUTING;
		rule.verdict = NM_VERDICT_MASQUERADE;
		(void)snprintf(expected, sizeof(expected), "static_%s %scounter masquerade" BY("dnat"),
			rule.table == NM_TABLE_FILTER ? "forward" : "postrouting", part->expected);
		check(part->name, NM_IPV4, &one, expected);
	}
}

/* The order in which iptables' chains would have them: heads in reverse, necks in reverse, the rest. */
static void test_order(void)
{
	static const struct nm_ports multiport[] = {{25, 25}, {465, 465}};
	static const enum nm_place places[] = {NM_PLACE_END, NM_PLACE_HEAD, NM_PLACE_AFTER_HEAD,
		NM_PLACE_HEAD, NM_PLACE_END, NM_PLACE_AFTER_HEAD};
	static const char *const names[] = {"@snat/0", "@snat/1", "@snat/2", "@snat/3", "@snat/4", "@snat/5"};
	static const char *const order = "3 1 1 5 2 0 4 ";
	struct nm_rule v[6];
	const struct nm_rules rules = {.v = v, .n = 6};
	struct nm_nftables_rules own = {0};
	struct nm_err err;
	char got[32] = "";
	size_t used = 0;

	for (size_t i = 0; i < 6; i++)
		v[i] = (struct nm_rule){.table = NM_TABLE_NAT,
			.chain = NM_CHAIN_POSTROUTING,
			.place = places[i],
			.protocol = 6,
			.multiport = i == 1 ? multiport : NULL,
			.n_multiport = i == 1 ? 2 : 0,
			.verdict = NM_VERDICT_MASQUERADE,
			.owner = names[i]};
	tap_ok(nm_nftables_rules_add_static(NM_IPV4, &rules, &own, &err) == 0, "rules of all places");
	for (size_t i = 0; i < own.n; i++)
		used += (size_t)snprintf(
			got + used, sizeof(got) - used, "%c ", own.v[i].comment[strlen("natmap:@snat/")]);
	tap_is(got, order, "in the order of their places");
	nm_nftables_rules_done(&own);
}

/* A rule without room for its expressions is none. */
static void test_room(void)
{
	static struct nm_nftables_rule_builder b;
	struct nm_nftables_rules own = {0};
	struct nm_err err = {0};

	nm_nftables_rule_begin(&b, NM_IPV4);
	while (!b.msg.too_long)
		nm_expr_counter(&b.msg);
	tap_ok(nm_nftables_rule_end(&b, "static_forward", "", &own, &err) < 0 && own.n == 0,
		"a rule that is too long: %s", err.msg);
	nm_nftables_rules_done(&own);
}

int main(void)
{
	test_config();
	test_parts();
	test_order();
	test_room();
	return tap_done();
}
