/* nft/rules.c: expressions as older kernels dump them, without an attribute of four zeros, are what was sent;
 * and nothing else is that lacks something, or has more. */
#include <linux/netfilter/nf_tables.h>
#include <stdalign.h>

#include "nft/expr.h"
#include "nft/rules.h"
#include "tap.h"

enum { ATTRS_MAX = 4 };

struct attr {
	uint16_t type; /* 0: none */
	uint32_t value;
	uint16_t size; /* 0: four bytes */
	bool nested;   /* the value is within another attribute */
};

struct list {
	alignas(struct nlmsghdr) char bytes[512];
	struct nm_message msg;
};

static void begin(struct list *l)
{
	l->msg = nm_message_begin(l->bytes, sizeof(l->bytes), 0);
}

static struct nm_attrs attrs_of(const struct list *l)
{
	return nm_attrs_of(l->msg.header, 0);
}

static void put(struct list *l, const struct attr *attr)
{
	const uint32_t bytes[2] = {attr->value};
	struct nlattr *nest = NULL;

	if (attr->nested)
		nest = nm_message_nest(&l->msg, attr->type);
	nm_message_put(&l->msg, attr->nested ? 1 : attr->type, bytes, attr->size ? attr->size : 4);
	if (nest)
		nm_message_nest_end(&l->msg, nest);
}

static void put_expression(struct list *l, const char *name, const struct attr attrs[static ATTRS_MAX])
{
	struct nm_expr e = nm_expr_begin(&l->msg, name);

	for (size_t i = 0; i < ATTRS_MAX && attrs[i].type; i++)
		put(l, &attrs[i]);
	nm_expr_end(&l->msg, e);
}

static const struct {
	const char *name;
	struct attr ours[ATTRS_MAX], theirs[ATTRS_MAX];
	bool equal;
} rows[] = {
	{"the same", {{1, 5}, {2, 0}}, {{1, 5}, {2, 0}}, true},
	{"nothing", {{0}}, {{0}}, true},
	{"zeros left out", {{1, 0}}, {{0}}, true},
	{"zeros left out at the beginning", {{1, 0}, {2, 5}}, {{2, 5}}, true},
	{"zeros left out in the middle", {{1, 5}, {2, 0}, {3, 6}}, {{1, 5}, {3, 6}}, true},
	{"zeros left out at the end", {{1, 5}, {2, 0}}, {{1, 5}}, true},
	{"the first of two zeros left out", {{1, 0}, {2, 0}}, {{2, 0}}, true},
	{"the second of two zeros left out", {{1, 0}, {2, 0}}, {{1, 0}}, true},
	{"both left out", {{1, 0}, {2, 0}, {3, 1}}, {{3, 1}}, true},
	{"zeros left out of a nest", {{1, 0, .nested = true}, {2, 5}}, {{2, 5}}, false},
	{"zeros added", {{1, 5}}, {{1, 5}, {2, 0}}, false},
	{"zeros added at the beginning", {{2, 5}}, {{1, 0}, {2, 5}}, false},
	{"zeros added where there was nothing", {{0}}, {{1, 0}}, false},
	{"other zeros", {{1, 0}, {2, 5}}, {{3, 0}, {2, 5}}, false},
	{"something instead of zeros", {{1, 0}, {2, 5}}, {{1, 1}, {2, 5}}, false},
	{"something instead of zeros, at the end", {{1, 5}, {2, 0}}, {{1, 5}, {2, 1}}, false},
	{"zeros instead of something", {{1, 5}, {2, 5}}, {{1, 0}, {2, 5}}, false},
	{"something left out", {{1, 5}, {2, 5}}, {{1, 5}}, false},
	{"a last byte left out", {{1, 5}, {2, 0x01000000}}, {{1, 5}}, false},
	{"a first byte left out", {{1, 5}, {2, 1}}, {{1, 5}}, false},
	{"one zero left out", {{1, 5}, {2, 0, 1}}, {{1, 5}}, false},
	{"two zeros left out", {{1, 5}, {2, 0, 2}}, {{1, 5}}, false},
	{"eight zeros left out", {{1, 5}, {2, 0, 8}}, {{1, 5}}, false},
	{"longer zeros", {{1, 5}, {2, 0}}, {{1, 5}, {2, 0, 8}}, false},
	{"an xt structure of four bytes that the kernel pads to eight", {{3, 5}}, {{3, 5, 8}}, true},
	{"another value before the padding", {{3, 5}}, {{3, 6, 8}}, false},
	{"padding of our own", {{3, 5, 8}}, {{3, 5}}, false},
	{"padding of another attribute", {{2, 5}}, {{2, 5, 8}}, false},
	{"padding that is too short", {{3, 5}}, {{3, 5, 7}}, false},
	{"another order", {{1, 5}, {2, 6}}, {{2, 6}, {1, 5}}, false},
	{"twice", {{1, 5}}, {{1, 5}, {1, 5}}, false},
	{"another value in a nest", {{1, 5, .nested = true}}, {{1, 6, .nested = true}}, false},
	{"the same in a nest", {{1, 5, .nested = true}}, {{1, 5, .nested = true}}, true},
};

static void test_attrs(void)
{
	nm_each(row, rows) {
		static struct list ours, theirs;

		begin(&ours);
		begin(&theirs);
		put_expression(&ours, "bitwise", row->ours);
		put_expression(&theirs, "bitwise", row->theirs);
		tap_ok(nm_nft_rule_expressions_equal(attrs_of(&ours), attrs_of(&theirs)) == row->equal,
			"attributes: %s", row->name);
		put_expression(&ours, "masq", rows[0].ours);
		tap_ok(!nm_nft_rule_expressions_equal(attrs_of(&ours), attrs_of(&theirs)),
			"attributes: %s, and an expression is missing", row->name);
		put_expression(&theirs, "masq", rows[0].ours);
		tap_ok(nm_nft_rule_expressions_equal(attrs_of(&ours), attrs_of(&theirs)) == row->equal,
			"attributes: %s, and the same expression behind", row->name);
		put_expression(&theirs, "masq", rows[0].ours);
		tap_ok(!nm_nft_rule_expressions_equal(attrs_of(&ours), attrs_of(&theirs)),
			"attributes: %s, and one more", row->name);
	}
}

/* What nm_expr_bitwise() sends, without NFTA_BITWISE_OP, which Linux has since 5.6. */
static void test_bitwise(void)
{
	static const uint32_t mask = 0xffffff, flip = 7, none = 0;
	static struct list ours, theirs, other;
	struct nm_expr e;

	begin(&ours);
	begin(&theirs);
	begin(&other);
	nm_expr_bitwise(&ours.msg, NFT_REG_1, &mask, &flip, sizeof(mask));
	nm_expr_bitwise(&other.msg, NFT_REG_1, &mask, &none, sizeof(mask));
	e = nm_expr_begin(&theirs.msg, "bitwise");
	nm_message_put_be32(&theirs.msg, NFTA_BITWISE_SREG, NFT_REG_1);
	nm_message_put_be32(&theirs.msg, NFTA_BITWISE_DREG, NFT_REG_1);
	nm_message_put_be32(&theirs.msg, NFTA_BITWISE_LEN, sizeof(mask));
	nm_expr_put_value(&theirs.msg, NFTA_BITWISE_MASK, &mask, sizeof(mask));
	nm_expr_put_value(&theirs.msg, NFTA_BITWISE_XOR, &flip, sizeof(flip));
	nm_expr_end(&theirs.msg, e);
	tap_ok(nm_nft_rule_expressions_equal(attrs_of(&ours), attrs_of(&theirs)),
		"bitwise of an older kernel");
	tap_ok(!nm_nft_rule_expressions_equal(attrs_of(&other), attrs_of(&theirs)), "is no other one");
}

static void test_counters(void)
{
	static const struct attr counted[ATTRS_MAX] = {{1, 7, 8}, {2, 5, 8}}, fresh[ATTRS_MAX] = {{1, 0, 8}};
	static const struct {
		const char *ours, *theirs;
		bool equal;
	} names[] = {{"counter", "counter", true}, {"counter", "quota", false}, {"quota", "counter", false},
		{"quota", "quota", false}, {"counter", "counters", false}};

	nm_each(row, names) {
		static struct list ours, theirs;

		begin(&ours);
		begin(&theirs);
		put_expression(&ours, row->ours, fresh);
		put_expression(&theirs, row->theirs, counted);
		tap_ok(nm_nft_rule_expressions_equal(attrs_of(&ours), attrs_of(&theirs)) == row->equal,
			"a %s that has counted is a %s or not", row->theirs, row->ours);
	}
}

/* NFTA_COUNTER_BYTES is 1, NFTA_COUNTER_PACKETS 2. */
static void test_unused(void)
{
	static const struct attr counts[][ATTRS_MAX] = {
		{{1, 0, 8}, {2, 0, 8}}, {{1, 7, 8}, {2, 5, 8}}, {{1, 1, 8}, {2, 0, 8}}};
	static const struct {
		const char *expression;
		const struct attr *attrs;
		bool unused;
		const char *name;
	} cases[] = {
		{"counter", counts[0], true, "a counter of nothing"},
		{"counter", counts[1], false, "a counter of packets"},
		{"counter", counts[2], false, "a counter of a byte and no packet"},
		{"quota", counts[0], false, "no counter"},
	};

	nm_each(row, cases) {
		static struct list list;
		struct nm_attrs expressions;

		begin(&list);
		put_expression(&list, row->expression, row->attrs);
		expressions = attrs_of(&list);
		tap_ok(nm_nft_rule_expression_is_unused(nm_attrs_inside(nm_attrs_next(&expressions))) ==
				row->unused,
			"%s", row->name);
	}
}

int main(void)
{
	test_attrs();
	test_bitwise();
	test_counters();
	test_unused();
	return tap_done();
}
