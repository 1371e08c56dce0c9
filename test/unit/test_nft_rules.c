/* nft/encode.c against nft/rules.c: a rule that the kernel gives back is recognised as what was sent, and
 * every other rule is told from it. */
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>

#include "iptables/layout.h"
#include "nft/comment.h"
#include "nft/encode.h"
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
static void strip_nested(void *data, int len, unsigned depth)
{
	for (struct nlattr *a = data; mnl_attr_ok(a, len);
		len -= MNL_ALIGN(a->nla_len), a = mnl_attr_next(a)) {
		bool nested = a->nla_type & NLA_F_NESTED;

		a->nla_type &= (uint16_t)~NLA_F_NESTED;
		if (nested && depth)
			strip_nested(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a), depth - 1);
	}
}

/* The bytes of the first expression of that name, or NULL. */
static char *find_expression(struct dumped *d, const char *name, size_t *ret_len)
{
	const struct nlattr *a = d->rule.expressions.data;
	int left = (int)d->rule.expressions.len;

	for (; mnl_attr_ok(a, left); left -= MNL_ALIGN(a->nla_len), a = mnl_attr_next(a)) {
		struct nm_attrs inside = {mnl_attr_get_payload(a), mnl_attr_get_payload_len(a)}, data;
		char text[32];

		if (!nm_attrs_string(inside, NFTA_EXPR_NAME, text, sizeof(text)) || strcmp(text, name) != 0)
			continue;
		data = nm_attrs_nested(inside, NFTA_EXPR_DATA);
		*ret_len = data.len;
		return d->bytes + ((const char *)data.data - d->bytes);
	}
	return NULL;
}

static void dump(const struct nm_rule *rule, struct dumped *d)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(d->bytes);
	char *counter;
	size_t len;

	mnl_nlmsg_put_extra_header(msg, sizeof(struct nfgenmsg));
	nm_nft_put_rule(msg, rule);
	strip_nested(mnl_nlmsg_get_payload_offset(msg, sizeof(struct nfgenmsg)),
		(int)nm_attrs_of(msg, sizeof(struct nfgenmsg)).len, DEPTH);
	d->rule = (struct nm_nft_rule){
		.expressions =
			nm_attrs_nested(nm_attrs_of(msg, sizeof(struct nfgenmsg)), NFTA_RULE_EXPRESSIONS),
	};
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
	return !strcmp(nm_rule_print(&x, one), nm_rule_print(&y, two));
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
		tap_ok(nm_nft_rule_is(&d.rule, &rules.v[i]), "recognised: %s",
			nm_rule_print(&rules.v[i], text));
		for (size_t j = 0; j < rules.n; j++)
			wrong += !same_text(&rules.v[i], &rules.v[j]) && nm_nft_rule_is(&d.rule, &rules.v[j]);
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
	tap_ok(nm_nft_rule_is(&d.rule, &plain), "the rule itself");
#define CHANGED(statement, what)                                          \
	do {                                                              \
		r = plain;                                                \
		statement;                                                \
		tap_ok(!nm_nft_rule_is(&d.rule, &r), "changed %s", what); \
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
	tap_ok(nm_nft_rule_is(&d.rule, &snat), "a rule with multiport and SNAT");
#define DIFFERS(statement, what)                                          \
	do {                                                              \
		r = snat;                                                 \
		statement;                                                \
		tap_ok(!nm_nft_rule_is(&d.rule, &r), "changed %s", what); \
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
	tap_ok(nm_nft_rule_is(&d.rule, &r), "a rule with SNAT to an IPv6 address");
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
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);

	memset(owner, 'a', NM_TAG_SIZE);
	owner[NM_TAG_SIZE] = '\0';
	nm_nft_put_rule(msg, &rule);
	tap_ok(msg->nlmsg_len - sizeof(*msg) == 1804, "the largest rule has the size that nft/encode.h says");
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
		taken += nm_nft_rule_is(&cut, &plain);
	tap_ok(taken == 0, "no beginning of a rule is the rule");
	cut = (struct nm_nft_rule){.tag = d.tag, .tag_len = strlen(d.tag)};
	tap_ok(!nm_nft_rule_is(&cut, &plain), "nor are no expressions");
	cut = d.rule;
	cut.tag_len--;
	tap_ok(!nm_nft_rule_is(&cut, &plain), "nor is one with a comment cut short");
	cut = d.rule;
	cut.tag = NULL;
	cut.tag_len = 0;
	tap_ok(!nm_nft_rule_is(&cut, &plain), "nor is one without comment");
	dump(&jump, &d);
	other.target = NM_CHAIN_DOCKER_USER;
	tap_ok(nm_nft_rule_is(&d.rule, &jump), "a jump");
	tap_ok(!nm_nft_rule_is(&d.rule, &other), "a jump elsewhere");
	d.rule.tag = "web";
	d.rule.tag_len = 3;
	tap_ok(!nm_nft_rule_is(&d.rule, &jump), "a jump with somebody's comment");
}

/* Behind the bytes is a bait, or their memory ends, so that ASan sees it. */
static void check_comment(
	const char *name, const char *bytes, size_t size, const char *bait, size_t more, const char *expected)
{
	char *copy = malloc(size + more), text[16] = "";
	const char *got;
	size_t len = 0;

	if (copy) {
		memcpy(copy, bytes, size);
		if (bait)
			memcpy(copy + size, bait, more);
	}
	got = nm_nft_comment_read((struct nm_attrs){copy, size}, &len);
	(void)snprintf(text, sizeof(text), "%.*s", (int)len, got ? got : "");
	tap_ok(!got == !expected, "comment %s: is there or not", name);
	tap_is(text, expected ? expected : "", "comment %s", name);
	free(copy);
}

static void test_comments(void)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
		const char *expected;
	} rows[] = {
#define ROW(name, bytes, expected) {name, bytes, sizeof(bytes) - 1, expected}
		ROW("terminated", "\0\003ab\0", "ab"),
		ROW("not terminated", "\0\002ab", "ab"),
		ROW("terminated before its end", "\0\004a\0cd", "a"),
		ROW("terminated at once", "\0\001\0", ""),
		ROW("behind another type", "\001\001x\0\002b\0", "b"),
		ROW("behind an empty one", "\0\0\0\002b\0", "b"),
		ROW("behind an empty one of another type", "\007\0\0\002b\0", "b"),
		ROW("the first of two", "\0\002a\0\0\002b\0", "a"),
		ROW("a byte short", "\0\003ab", NULL),
		ROW("much too short", "\0\377ab", NULL),
		ROW("of length 0", "\0\0", NULL),
		ROW("a type alone", "\0", NULL),
		ROW("another type alone", "\001\003abc", NULL),
		ROW("two other types alone", "\001\001x\002\001y", NULL),
		ROW("another type, a byte short", "\001\003ab\0\001c", NULL),
		ROW("another type that reaches over the comment", "\001\004\0\002b\0", NULL),
#undef ROW
	};

	static const char bait[] = "\0\001b";

	nm_each(row, rows) {
		check_comment(row->name, row->bytes, row->len, NULL, 0, row->expected);
		check_comment(row->name, row->bytes, row->len, bait, sizeof(bait), row->expected);
	}
	tap_ok(!nm_nft_comment_read((struct nm_attrs){NULL, 0}, &(size_t){0}), "no user data");
}

int main(void)
{
	test_all_pairs();
	test_one_change();
	test_static_change();
	test_largest();
	test_damaged();
	test_comments();
	return tap_done();
}
