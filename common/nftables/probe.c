/*
 * nf_tables has no query for its features. So it gets a batch that makes natmap's tables and adds one element
 * twice: it refuses what it does not know, or else that element, and undoes the whole batch. That takes
 * milliseconds.
 */
#include "nftables/probe.h"

#include <stdio.h>
#include <string.h>

#include "nftables/compare_elements.h"

/* Expressions with a module of their own; nf_tables itself has the others. One that is only used together
 * with another comes after it. */
static const struct expression {
	const char *name;
	const char *modules[NM_FAMILY_MAX];
} expressions[] = {
	{"ct", {"nft_ct", "nft_ct"}},
	{"fib", {"nft_fib_ipv4", "nft_fib_ipv6"}},
	{"nat", {"nft_nat", "nft_nat"}},
	{"masq", {"nft_masq", "nft_masq"}},
};
enum { NONE = -1, ALL = sizeof(expressions) / sizeof(*expressions) };

/* What is needed of bits, blocks and lengths. */
static const struct nm_nftables_prefix_lengths any = {
	.masquerade = {[8] = NM_LENGTH_PORTS},
	.allowed = {[8] = NM_LENGTH_PORTS},
	.ranges = {[NM_SET_RANGES] = 2, [NM_SET_SHIFTED] = 2},
};

struct probe {
	struct nm_netlink *nl;
	enum nm_family family;
	struct nm_nftables_rules rules;
	bool missing[ALL]; /* leave out rules with these */
};

static bool has(const struct nm_nftables_rule *rule, const char *expression)
{
	struct nm_attrs list = {rule->expressions, rule->len}, data;
	char name[NM_NFT_EXPRESSION_SIZE];

	while (nm_nft_rule_next_expression(&list, name, &data))
		if (!strcmp(name, expression))
			return true;
	return false;
}

/* which: ALL, NONE, or rules with this expression and no later one. */
static bool is_chosen(const struct probe *p, const struct nm_nftables_rule *rule, int which)
{
	for (int i = 0; i < ALL; i++)
		if ((p->missing[i] || i > which) && has(rule, expressions[i].name))
			return false;
	return which == ALL || (which != NONE && has(rule, expressions[which].name));
}

static int add_element(struct nm_nft_batch *txn, enum nm_family family, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims claims = {0};
	struct nm_nftables_element element = {.family = family, .set = NM_SET_PORTS, .owner = "@probe"};
	const struct nm_nftables_elements one = {.v = &element, .n = 1};
	const struct nm_nftables_diff_output sink = {.txn = txn};

	if (nm_nftables_claims_of(&one, &claims, err) < 0)
		return -1;
	return nm_nftables_compare_elements(&claims, 1u << family, &sink, err);
}

/* Succeeds if the kernel takes the tables with these rules, or has no IPv6, where nothing is published. */
static int try(const struct probe *p, int which, struct nm_err *err)
{
	nm_autobatch struct nm_nft_batch *txn = nm_nft_batch_new(0); /* of whatever generation */
	enum nm_nft_outcome outcome;

	if (!txn)
		return nm_fail(err, NM_ERR_FAILED, "preparing the rules: out of memory");
	if (nm_nftables_schema_ensure(txn, p->family, &any, err) < 0)
		return -1;
	for (size_t i = 0; i < p->rules.n; i++)
		if (is_chosen(p, &p->rules.v[i], which) &&
			nm_nftables_compare_rules_add(txn, &p->rules.v[i], 0, err) < 0)
			return -1;
	if (add_element(txn, p->family, err) < 0 || add_element(txn, p->family, err) < 0)
		return -1;
	return nm_nft_batch_commit(txn, p->nl->fd, &outcome, err);
}

/* Tries expression by expression, until the kernel takes all rules without missing ones. */
static void find_missing(struct probe *p, struct nm_err *err, nm_nft_probe_handler *handler, void *ctx)
{
	char what[sizeof(err->msg) + 64];

	if (try(p, NONE, err) < 0) {
		handler(ctx, "nf_tables chain of type 'nat'", "nft_chain_nat");
		return;
	}
	for (int i = 0; i < ALL && try(p, ALL, err) < 0; i++) {
		p->missing[i] = try(p, i, err) < 0;
		(void)snprintf(what, sizeof(what), "nf_tables expression '%s'", expressions[i].name);
		if (p->missing[i])
			handler(ctx, what, expressions[i].modules[p->family]);
	}
	if (try(p, ALL, err) == 0)
		return;
	(void)snprintf(what, sizeof(what), "nf_tables that is new enough (%s)", err->msg);
	handler(ctx, what, "nf_tables");
}

static int probe_family(
	struct probe *p, bool *ret_whole, nm_nft_probe_handler *handler, void *ctx, struct nm_err *err)
{
	if (nm_nftables_chains_build(p->family, &any, &p->rules, err) < 0)
		return -1;
	*ret_whole = try(p, ALL, err) == 0;
	if (!*ret_whole)
		find_missing(p, err, handler, ctx);
	return 0;
}

/* IPv6 would only repeat what is missing in IPv4. */
int nm_nftables_probe(
	struct nm_netlink *nl, bool ipv6, nm_nft_probe_handler *handler, void *ctx, struct nm_err *err)
{
	bool whole = true;
	int rc = 0;

	for (enum nm_family f = NM_IPV4; rc == 0 && whole && f <= (ipv6 ? NM_IPV6 : NM_IPV4); f++) {
		struct probe p = {.nl = nl, .family = f};

		rc = probe_family(&p, &whole, handler, ctx, err);
		nm_nftables_rules_done(&p.rules);
	}
	return rc;
}
