/*
 * Rules as the kernel dumps them. Expressions are compared as attributes, not decoded: the kernel gives back
 * what was sent, in the same order, only without NLA_F_NESTED and with counters that count.
 */
#include "nft/rules.h"

#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

bool nm_nft_rule_next_expression(
	struct nm_attrs *list, char name[static NM_NFT_EXPRESSION_SIZE], struct nm_attrs *ret_data)
{
	const struct nlattr *a = nm_attrs_next(list);

	if (!a)
		return false;
	name[0] = '\0';
	/* "", for a longer one, is none that anybody knows */
	(void)nm_attrs_string(nm_attrs_inside(a), NFTA_EXPR_NAME, name, NM_NFT_EXPRESSION_SIZE);
	*ret_data = nm_attrs_nested(nm_attrs_inside(a), NFTA_EXPR_DATA);
	return true;
}

/* struct xt_comment_info: 256 bytes of text. */
static void find_xt_comment(struct nm_nft_rule *rule)
{
	struct nm_attrs list = rule->expressions, data, info;
	char expression[NM_NFT_EXPRESSION_SIZE], name[NM_NFT_EXPRESSION_SIZE];

	while (!rule->tag && nm_nft_rule_next_expression(&list, expression, &data)) {
		if (strcmp(expression, "match") != 0 ||
			!nm_attrs_string(data, NFTA_MATCH_NAME, name, sizeof(name)) ||
			strcmp(name, "comment") != 0)
			continue;
		info = nm_attrs_nested(data, NFTA_MATCH_INFO);
		rule->tag = info.data;
		rule->tag_len = info.data ? strnlen(info.data, info.len) : 0;
	}
}

struct reading {
	nm_nft_rule_handler *handler;
	void *ctx;
};

static int read_rule(void *ctx, uint8_t nfproto, struct nm_attrs attrs, struct nm_err *err)
{
	const struct reading *reading = ctx;
	struct nm_nft_rule rule = {.expressions = nm_attrs_nested(attrs, NFTA_RULE_EXPRESSIONS)};
	char chain[NFT_NAME_MAXLEN] = "";

	(void)nfproto;
	if (!nm_attrs_get(attrs, NFTA_RULE_HANDLE, &rule.handle, sizeof(rule.handle)))
		return nm_fail(err, NM_ERR_FAILED, "a rule without handle in the kernel's reply");
	rule.handle = be64toh(rule.handle);
	(void)nm_attrs_string(attrs, NFTA_RULE_CHAIN, chain, sizeof(chain)); /* the kernel always tells */
	rule.chain = chain;
	rule.tag = nm_nft_dump_comment(nm_attrs_nested(attrs, NFTA_RULE_USERDATA), &rule.tag_len);
	if (!rule.tag)
		find_xt_comment(&rule);
	return reading->handler(reading->ctx, &rule, err);
}

int nm_nft_rules_each(struct nm_netlink *nl, struct nm_nft_place place, nm_nft_rule_handler *handler,
	void *ctx, struct nm_err *err)
{
	struct reading reading = {.handler = handler, .ctx = ctx};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_nft_dump_begin(&r, NFT_MSG_GETRULE, NLM_F_DUMP, place);
	if (nm_nft_dump(nl, &r, NFT_MSG_GETRULE, NULL, read_rule, &reading, err) < 0)
		return nm_wrap(err, "reading the rules of table '%s'", place.table);
	return 0;
}

int nm_nft_rules_get(struct nm_netlink *nl, const struct nm_nft_rule_ask *v, size_t n,
	nm_nft_rule_handler *handler, void *ctx, struct nm_err *err)
{
	const int *const missing = NM_NETLINK_ERRORS(ENOENT);
	struct reading reading = {.handler = handler, .ctx = ctx};
	struct nm_netlink_request r;

	for (size_t i = 0; i < n;) {
		nm_netlink_request_init(&r);
		for (; i < n && nm_netlink_request_has_room(&r); i++) {
			uint64_t handle = htobe64(v[i].handle);

			nm_nft_dump_begin(&r, NFT_MSG_GETRULE, 0, v[i].place);
			nm_netlink_request_put(&r, NFTA_RULE_HANDLE, &handle, sizeof(handle));
		}
		if (nm_nft_dump(nl, &r, NFT_MSG_GETRULE, missing, read_rule, &reading, err) < 0)
			return nm_wrap(err, "reading some rules");
	}
	return 0;
}

/* An attribute of four zeros that older kernels do not know or dump: NFTA_BITWISE_OP (Linux 5.6). */
static bool may_be_left_out(const struct nlattr *ours)
{
	static const uint8_t zeros[4];
	struct nm_attrs value = nm_attrs_inside(ours);

	return !(ours->nla_type & NLA_F_NESTED) && value.len == sizeof(zeros) &&
		!memcmp(value.data, zeros, sizeof(zeros));
}

/* The kernel pads an xt structure by its own XT_ALIGN(): to eight bytes, where a 32-bit program has padded it
 * to four. */
static bool is_padded(const struct nlattr *ours, struct nm_attrs x, struct nm_attrs y)
{
	static const uint8_t zeros[4];

	return nm_attrs_type(ours) == NFTA_MATCH_INFO && y.len == x.len + sizeof(zeros) &&
		y.len % (2 * sizeof(zeros)) == 0 && !memcmp(x.data, y.data, x.len) &&
		!memcmp((const uint8_t *)y.data + x.len, zeros, sizeof(zeros));
}

/* Ours carry NLA_F_NESTED: nests are walked, leaves compared. As deep as our own nesting. */
static bool attr_equal(const struct nlattr *ours, const struct nlattr *theirs)
{
	struct nm_attrs x = nm_attrs_inside(ours), y = nm_attrs_inside(theirs);
	const struct nlattr *a, *b;

	if (nm_attrs_type(ours) != nm_attrs_type(theirs))
		return false;
	if (!(ours->nla_type & NLA_F_NESTED))
		return (x.len == y.len && !memcmp(x.data, y.data, x.len)) || is_padded(ours, x, y);
	b = nm_attrs_next(&y);
	while ((a = nm_attrs_next(&x))) {
		if (b && attr_equal(a, b))
			b = nm_attrs_next(&y);
		else if (!may_be_left_out(a))
			return false;
	}
	return !b;
}

static bool is_counter(struct nm_attrs expression)
{
	char name[sizeof("counter")];

	return nm_attrs_string(expression, NFTA_EXPR_NAME, name, sizeof(name)) && !strcmp(name, "counter");
}

bool nm_nft_rule_expressions_equal(struct nm_attrs ours, struct nm_attrs theirs)
{
	const struct nlattr *a, *b;

	while ((a = nm_attrs_next(&ours))) {
		b = nm_attrs_next(&theirs);
		if (!b)
			return false;
		if (is_counter(nm_attrs_inside(a)) && is_counter(nm_attrs_inside(b)))
			continue;
		if (!attr_equal(a, b))
			return false;
	}
	return !nm_attrs_next(&theirs);
}

struct nm_counters nm_nft_rule_expression_counters(struct nm_attrs expression)
{
	struct nm_attrs data = nm_attrs_nested(expression, NFTA_EXPR_DATA);
	struct nm_counters c = {0};

	if (!is_counter(expression))
		return c;
	(void)nm_attrs_get(data, NFTA_COUNTER_PACKETS, &c.packets, sizeof(c.packets)); /* else 0 */
	(void)nm_attrs_get(data, NFTA_COUNTER_BYTES, &c.bytes, sizeof(c.bytes));
	return (struct nm_counters){.packets = be64toh(c.packets), .bytes = be64toh(c.bytes)};
}

bool nm_nft_rule_expression_is_unused(struct nm_attrs expression)
{
	const struct nm_counters c = nm_nft_rule_expression_counters(expression);

	return is_counter(expression) && c.packets == 0 && c.bytes == 0;
}

struct nm_counters nm_nft_rule_counters(const struct nm_nft_rule *rule)
{
	struct nm_attrs list = rule->expressions;
	const struct nlattr *a;

	while ((a = nm_attrs_next(&list)) && !is_counter(nm_attrs_inside(a)))
		;
	return a ? nm_nft_rule_expression_counters(nm_attrs_inside(a)) : (struct nm_counters){0};
}

/* Targets of xt that let the packet go on to the next rule. */
static bool goes_on(struct nm_attrs target)
{
	static const char *const names[] = {
		"LOG", "NFLOG", "MARK", "CONNMARK", "TRACE", "TCPMSS", "CLASSIFY"};
	char name[NM_NFT_EXPRESSION_SIZE] = "";

	(void)nm_attrs_string(target, NFTA_TARGET_NAME, name, sizeof(name)); /* "" is none of them */
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

bool nm_nft_rule_decides(const struct nm_nft_rule *rule)
{
	static const char *const deciding[] = {
		"immediate", "nat", "masq", "redir", "reject", "queue", "lookup"};
	struct nm_attrs list = rule->expressions, data;
	char name[NM_NFT_EXPRESSION_SIZE];

	while (nm_nft_rule_next_expression(&list, name, &data)) {
		if (!strcmp(name, "target") && !goes_on(data))
			return true;
		for (size_t i = 0; i < sizeof(deciding) / sizeof(*deciding); i++)
			if (!strcmp(name, deciding[i]))
				return true;
	}
	return false;
}

static bool is_comment(const char *expression, struct nm_attrs data)
{
	char name[NM_NFT_EXPRESSION_SIZE];

	return !strcmp(expression, "match") && nm_attrs_string(data, NFTA_MATCH_NAME, name, sizeof(name)) &&
		!strcmp(name, "comment");
}

int nm_nft_rule_always(const struct nm_nft_rule *rule, char ret_chain[static NFT_NAME_MAXLEN])
{
	struct nm_attrs list = rule->expressions, data, verdict;
	char name[NM_NFT_EXPRESSION_SIZE];
	uint32_t code;

	while (nm_nft_rule_next_expression(&list, name, &data)) {
		if (!strcmp(name, "counter") || is_comment(name, data))
			continue;
		verdict = nm_attrs_nested(nm_attrs_nested(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
		if (strcmp(name, "immediate") != 0 ||
			!nm_attrs_get(verdict, NFTA_VERDICT_CODE, &code, sizeof(code)))
			return NFT_CONTINUE;
		ret_chain[0] = '\0';
		(void)nm_attrs_string(verdict, NFTA_VERDICT_CHAIN, ret_chain, NFT_NAME_MAXLEN);
		return (int)be32toh(code);
	}
	return NFT_CONTINUE;
}

bool nm_nft_rule_leads_to(const struct nm_nft_rule *rule, const char *chain)
{
	struct nm_attrs list = rule->expressions, data, verdict;
	char name[NM_NFT_EXPRESSION_SIZE], to[NFT_NAME_MAXLEN];

	while (nm_nft_rule_next_expression(&list, name, &data)) {
		verdict = nm_attrs_nested(nm_attrs_nested(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
		if (!strcmp(name, "immediate") &&
			nm_attrs_string(verdict, NFTA_VERDICT_CHAIN, to, sizeof(to)) && !strcmp(to, chain))
			return true;
	}
	return false;
}
