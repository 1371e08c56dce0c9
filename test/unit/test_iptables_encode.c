/* iptables/encode.c: a rule that the kernel gives back is recognised as what was sent, and
 * every other rule is told from it. */
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/x_tables.h>
#include <stdlib.h>

#include "iptables/encode.h"
#include "iptables/layout.h"
#include "iptables/print.h"
#include "nft/batch.h"
#include "nft/dump.h"
#include "nft/expr.h"
#include "nft/rules.h"
#include "tap.h"

enum { DEPTH = 6 }; /* expressions, element, data, immediate's data, verdict; and one to spare */

/* A rule as it was sent, which is then made into what a dump has. */
struct dumped {
	alignas(struct nlmsghdr) char bytes[NM_NFT_RULE_SIZE];
	char tag[NM_TAG_SIZE];
	struct nm_nft_rule rule;
};

/* The kernel does not set NLA_F_NESTED on what it dumps here. */
static void strip_nested(struct nm_attrs list, unsigned depth)
{
	struct nlattr *a;

	while ((a = (struct nlattr *)nm_attrs_next(&list))) {
		bool nested = a->nla_type & NLA_F_NESTED;

		a->nla_type &= (uint16_t)~NLA_F_NESTED;
		if (nested && depth)
			strip_nested(nm_attrs_inside(a), depth - 1);
	}
}

/* The bytes of the first expression of that name, or NULL. */
static char *find_expression(struct dumped *d, const char *name, size_t *ret_len)
{
	struct nm_attrs list = d->rule.expressions, data;
	char found[NM_NFT_EXPRESSION_SIZE];

	while (nm_nft_rule_next_expression(&list, found, &data)) {
		if (strcmp(found, name) != 0)
			continue;
		*ret_len = data.len;
		return d->bytes + ((const char *)data.data - d->bytes);
	}
	return NULL;
}

static void dump(const struct nm_rule *rule, struct dumped *d)
{
	struct nm_message m = nm_message_begin(d->bytes, sizeof(d->bytes), 0);
	struct nm_attrs attrs;
	char *counter;
	size_t len;

	nm_iptables_encode(&m, rule);
	attrs = nm_attrs_of(m.header, 0);
	strip_nested(attrs, DEPTH);
	d->rule = (struct nm_nft_rule){.expressions = nm_attrs_nested(attrs, NFTA_RULE_EXPRESSIONS)};
	d->rule.tag_len = strlen(nm_tag_print(rule->owner, rule->owner_ports, d->tag));
	d->rule.tag = rule->owner ? d->tag : NULL;
	counter = find_expression(d, "counter", &len);
	if (counter && len == 2 * (sizeof(struct nlattr) + sizeof(uint64_t))) {
		memset(counter + sizeof(struct nlattr), 0x5a, sizeof(uint64_t));
		memset(counter + len - sizeof(uint64_t), 0xa5, sizeof(uint64_t));
	} else {
		tap_ok(false, "a rule has a counter");
	}
}

/* Rules of every form that the layout knows. */
static struct nm_rules some_rules(struct nm_mappings *m)
{
	static const char ports[] = "8080:80,8081:80,53/udp,54:53/udp,5000/sctp,8000-8010:80-90,"
				    "9000-9010:80-90,192.0.2.1:8082:80,127.0.0.2:8083:80,"
				    "[2001:db8::1]:8084:80,[::]:8085:80,0.0.0.0:8086:80";
	static const struct nm_prefix allow[] = {
		{{NM_IPV4, {10}}, 8}, {{NM_IPV4, {10}}, 9}, {{NM_IPV6, {0xfd}}, 8}};
	const struct nm_layout_options opt = {.localhost = true, .hairpin = true};
	struct nm_publication pub = {
		.id = "web",
		.families = NM_IPV4_BIT | NM_IPV6_BIT,
		.address = {{{NM_IPV4, {172, 17, 0, 2}}, 16}, {{NM_IPV6, {0xfd, [15] = 2}}, 64}},
		.restricted = true,
		.allow = allow,
		.n_allow = 3,
	};
	struct nm_rules rules = {0};
	struct nm_err err;

	if (nm_mappings_parse(ports, m, &err) < 0) {
		tap_ok(false, "%s", err.msg);
		return rules;
	}
	pub.mappings = m->v;
	pub.n_mappings = m->n;
	if (nm_iptables_layout(&pub, &opt, &rules, &err) < 0 ||
		nm_iptables_layout_guard("@localnet/br0", &rules, &err) < 0 ||
		nm_iptables_layout_base(NM_IPV4_BIT | NM_IPV6_BIT, &rules, &err) < 0)
		tap_ok(false, "%s", err.msg);
	return rules;
}

/* The message says neither family nor chain; rules that differ in these alone are alike. */
static bool same_text(const struct nm_rule *a, const struct nm_rule *b)
{
	struct nm_rule x = *a, y = *b;
	char one[NM_RULE_STRLEN], two[NM_RULE_STRLEN];

	x.chain = y.chain;
	x.place = y.place;
	return !strcmp(nm_iptables_print_rule(&x, one), nm_iptables_print_rule(&y, two));
}

static void test_all_pairs(void)
{
	static struct dumped d;
	struct nm_mappings m = {0};
	struct nm_rules rules = some_rules(&m);
	char text[NM_RULE_STRLEN];

	for (size_t i = 0; i < rules.n; i++) {
		size_t wrong = 0;

		dump(&rules.v[i], &d);
		tap_ok(nm_iptables_encode_equal(&rules.v[i], &d.rule), "recognised: %s",
			nm_iptables_print_rule(&rules.v[i], text));
		for (size_t j = 0; j < rules.n; j++)
			wrong += !same_text(&rules.v[i], &rules.v[j]) &&
				nm_iptables_encode_equal(&rules.v[j], &d.rule);
		tap_ok(wrong == 0, "and not taken for another");
	}
	nm_rules_done(&rules);
	nm_mappings_done(&m);
}

static const struct nm_rule plain = {
	.table = NM_TABLE_NAT,
	.chain = NM_CHAIN_NATMAP,
	.in_if = "eth0",
	.src = {{NM_IPV4, {10}}, 8},
	.dst = {{NM_IPV4, {192, 0, 2, 1}}, 32},
	.protocol = IPPROTO_TCP,
	.dports = {80, 89},
	.dst_local = true,
	.ct_dnat = true,
	.ct_orig_dports = {8080, 8089},
	.ct_orig_dst = {{NM_IPV4, {192, 0, 2, 1}}, 32},
	.verdict = NM_VERDICT_DNAT,
	.to = {NM_IPV4, {172, 17, 0, 2}},
	.to_ports = {180, 189},
	.owner = "web",
	.owner_ports = {80, 89},
};

static void test_one_change(void)
{
	static struct dumped d;
	struct nm_rule r;

	dump(&plain, &d);
	tap_ok(nm_iptables_encode_equal(&plain, &d.rule), "the rule itself");
#define CHANGED(statement, what)                                                    \
	do {                                                                        \
		r = plain;                                                          \
		statement;                                                          \
		tap_ok(!nm_iptables_encode_equal(&r, &d.rule), "changed %s", what); \
	} while (0)
	CHANGED(r.in_if = "eth1", "interface");
	CHANGED(r.in_if = NULL, "interface to none");
	CHANGED(r.not_in_if = true, "sense of the interface");
	CHANGED(r.out_if = "eth0", "interface out");
	CHANGED(r.src.addr.bytes[0] = 11, "source");
	CHANGED(r.src.len = 9, "length of the source's prefix");
	CHANGED(r.not_src = true, "sense of the source");
	CHANGED(r.dst.addr.bytes[3] = 2, "destination");
	CHANGED(r.not_dst = true, "sense of the destination");
	CHANGED(r.protocol = IPPROTO_UDP, "protocol");
	CHANGED(r.dports.first = 81, "first port");
	CHANGED(r.dports.last = 88, "last port");
	CHANGED(r.dst_local = false, "address type");
	CHANGED(r.ct_established = true, "connection state");
	CHANGED(r.ct_dnat = false, "connection's translation");
	CHANGED(r.ct_orig_dports.first = 8081, "connection's first port");
	CHANGED(r.ct_orig_dports.last = 8088, "connection's last port");
	CHANGED(r.ct_orig_dst.addr.bytes[3] = 2, "connection's destination");
	CHANGED(r.to.bytes[3] = 3, "target's address");
	CHANGED(r.to_ports.first = 181, "target's first port");
	CHANGED(r.to_ports.last = 188, "target's last port");
	CHANGED(r.verdict = NM_VERDICT_ACCEPT, "verdict");
	CHANGED(r.owner = "weber", "owner");
	CHANGED(r.owner = NULL, "owner to none");
	CHANGED(r.owner_ports.first = 81, "owner's port");
}

static const struct nm_ports multiport[] = {{25, 25}, {465, 465}, {8000, 8010}};
static const struct nm_ports no_range[] = {{25, 25}, {465, 465}, {8000, 8000}, {8010, 8010}};
static const struct nm_ports other_end[] = {{25, 25}, {465, 465}, {8000, 8011}};

/* What only static rules have. */
static void test_static_change(void)
{
	static const struct nm_rule snat = {
		.table = NM_TABLE_NAT,
		.chain = NM_CHAIN_POSTROUTING,
		.out_if = "eth0",
		.protocol = IPPROTO_SCTP,
		.multiport = multiport,
		.n_multiport = 3,
		.verdict = NM_VERDICT_SNAT,
		.to = {NM_IPV4, {192, 0, 2, 1}},
	};
	static struct dumped d;
	struct nm_rule r = snat;

	dump(&snat, &d);
	tap_ok(nm_iptables_encode_equal(&snat, &d.rule), "a rule with multiport and SNAT");
#define DIFFERS(statement, what)                                                    \
	do {                                                                        \
		r = snat;                                                           \
		statement;                                                          \
		tap_ok(!nm_iptables_encode_equal(&r, &d.rule), "changed %s", what); \
	} while (0)
	DIFFERS(r.out_if = "eth1", "interface");
	DIFFERS(r.out_if = NULL, "interface to none");
	DIFFERS((r.in_if = r.out_if, r.out_if = NULL), "direction of the interface");
	DIFFERS(r.multiport = other_end, "end of a range");
	DIFFERS((r.multiport = no_range, r.n_multiport = 4), "range to two ports");
	DIFFERS(r.n_multiport = 2, "number of ports");
	DIFFERS(r.n_multiport = 0, "ports to none");
	DIFFERS(r.to.bytes[3] = 2, "address");
	DIFFERS(r.verdict = NM_VERDICT_DNAT, "direction of the translation");
	DIFFERS(r.verdict = NM_VERDICT_MASQUERADE, "kind of the translation");
	r = snat;
	r.family = NM_IPV6;
	r.to = (struct nm_addr){NM_IPV6, {0xfd, [15] = 2}};
	dump(&r, &d);
	tap_ok(nm_iptables_encode_equal(&r, &d.rule), "a rule with SNAT to an IPv6 address");
	DIFFERS((r.family = NM_IPV6, r.to = (struct nm_addr){NM_IPV6, {0xfd, [15] = 3}}), "address");
}

/* Everything that a rule can have, at its longest. */
static void test_largest(void)
{
	char owner[NM_TAG_SIZE + 1];
	const struct nm_rule rule = {
		.family = NM_IPV6,
		.in_if = "abcdefghijklmno",
		.out_if = "abcdefghijklmno",
		.src = {{NM_IPV6, {0xfd}}, 9},
		.dst = {{NM_IPV6, {0xfd}}, 9},
		.protocol = IPPROTO_SCTP,
		.dports = {10000, 65535},
		.dst_local = true,
		.ct_established = true,
		.ct_dnat = true,
		.verdict = NM_VERDICT_DNAT,
		.owner = owner,
		.owner_ports = {10000, 65535},
	};
	alignas(struct nlmsghdr) char buf[2 * NM_NFT_RULE_SIZE];
	struct nm_message m = nm_message_begin(buf, sizeof(buf), 0);

	memset(owner, 'a', NM_TAG_SIZE);
	owner[NM_TAG_SIZE] = '\0';
	nm_iptables_encode(&m, &rule);
	/* a 32-bit program may pad xt structures less */
	tap_ok(XT_ALIGN(1) < 8 ? nm_attrs_of(m.header, 0).len <= 1804 : nm_attrs_of(m.header, 0).len == 1804,
		"the largest rule has the size that iptables/encode.c says");
}

/* What there is room for of a rule is not the rule. */
static void test_too_long(void)
{
	static char name[2 * NM_NFT_RULE_SIZE];
	const struct nm_rule rule = {.out_if = name, .verdict = NM_VERDICT_ACCEPT};
	alignas(struct nlmsghdr) char buf[NM_NFT_RULE_SIZE];
	struct nm_message m = nm_message_begin(buf, sizeof(buf), 0);
	struct nm_nft_rule cut = {.tag_len = 0};

	memset(name, 'a', sizeof(name) - 1);
	nm_iptables_encode(&m, &rule);
	cut.expressions = nm_attrs_nested(nm_attrs_of(m.header, 0), NFTA_RULE_EXPRESSIONS);
	tap_ok(cut.expressions.len && !nm_iptables_encode_means(&rule, &cut), "a rule that is too long");
}

static void test_damaged(void)
{
	static struct dumped d;
	struct nm_nft_rule cut;
	struct nm_rule jump = {.verdict = NM_VERDICT_JUMP, .target = NM_CHAIN_NATMAP}, other = jump;
	size_t taken = 0;

	dump(&plain, &d);
	cut = d.rule;
	for (cut.expressions.len = 0; cut.expressions.len < d.rule.expressions.len; cut.expressions.len += 4)
		taken += nm_iptables_encode_equal(&plain, &cut);
	tap_ok(taken == 0, "no beginning of a rule is the rule");
	cut = (struct nm_nft_rule){.tag = d.tag, .tag_len = strlen(d.tag)};
	tap_ok(!nm_iptables_encode_equal(&plain, &cut), "nor are no expressions");
	cut = d.rule;
	cut.tag_len--;
	tap_ok(!nm_iptables_encode_equal(&plain, &cut), "nor is one with a comment cut short");
	cut = d.rule;
	cut.tag = NULL;
	cut.tag_len = 0;
	tap_ok(!nm_iptables_encode_equal(&plain, &cut), "nor is one without comment");
	dump(&jump, &d);
	other.target = NM_CHAIN_DOCKER_USER;
	tap_ok(nm_iptables_encode_equal(&jump, &d.rule), "a jump");
	tap_ok(!nm_iptables_encode_equal(&other, &d.rule), "a jump elsewhere");
	d.rule.tag = "web";
	d.rule.tag_len = 3;
	tap_ok(!nm_iptables_encode_equal(&jump, &d.rule), "a jump with somebody's comment");
}

/* What stands in a rule tells who has written it: ports and a comment by iptables, ports alone or ct by nft.
 */
static void test_forms(void)
{
	static const struct {
		const char *name;
		bool port, comment, fib, value;
		enum nm_iptables_form form;
	} rows[] = {
		{"natmap", .form = NM_FORM_OWN},
		{"iptables, with a port", .port = true, .comment = true, .form = NM_FORM_IPTABLES},
		{"iptables, without a port", .comment = true, .form = NM_FORM_IPTABLES},
		{"nft, with a port that iptables 1.8.7 passes over", .port = true, .form = NM_FORM_NFT},
		{"nft, with fib", .fib = true, .form = NM_FORM_NFT},
		{"nft, with a value for nat", .value = true, .form = NM_FORM_NFT},
		{"nft, after iptables", .port = true, .comment = true, .fib = true, .form = NM_FORM_NFT},
	};

	nm_each(row, rows) {
		alignas(struct nlmsghdr) char bytes[NM_NFT_RULE_SIZE];
		struct nm_message m = nm_message_begin(bytes, sizeof(bytes), 0);
		struct nm_nft_rule rule = {.handle = 1};
		struct nm_expr e;

		if (row->port)
			nm_expr_payload(&m, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG_1);
		if (row->fib)
			nm_expr_fib_daddr_type(&m, NFT_REG_1);
		if (row->comment) {
			e = nm_expr_begin(&m, "match");
			nm_message_put_string(&m, NFTA_MATCH_NAME, "comment");
			nm_expr_end(&m, e);
		}
		if (row->value)
			nm_expr_value(&m, NFT_REG_1, "12", 2);
		nm_expr_payload(&m, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, NFT_REG_1);
		nm_expr_counter(&m);
		nm_expr_verdict(&m, NFT_JUMP, "NATMAP");
		rule.expressions = nm_attrs_of(m.header, 0);
		tap_ok(nm_iptables_encode_form(&rule) == row->form, "written by %s", row->name);
	}
}

int main(void)
{
	test_all_pairs();
	test_one_change();
	test_static_change();
	test_largest();
	test_too_long();
	test_damaged();
	test_forms();
	return tap_done();
}
