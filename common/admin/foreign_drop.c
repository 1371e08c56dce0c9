/*
 * Accept ends only the base chain that it is in. The other base chains of the hook see the packet as well,
 * and any of them can drop it. A rule is read by its expressions: counter and log have no influence, a test
 * that all translated packets pass is no condition, and everything else is one. A rule with a condition
 * decides nothing here.
 */
#include "admin/foreign_drop.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_conntrack.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "nft/objects.h"
#include "nft/rules.h"
#include "nft/transaction.h"

/* What a rule, or a whole chain, does to translated packets. */
enum effect { GOES_ON, LEAVES, ACCEPTS, DROPS };

struct chain {
	struct nm_foreign_drop foreign;
	enum effect effect;
};

struct chains {
	struct chain *v; /* owned */
	size_t n, capacity;
};

static void chains_done(struct chains *chains)
{
	free(chains->v);
}

static uint32_t number(struct nm_attrs attrs, uint16_t type)
{
	uint32_t value = 0;

	(void)nm_attrs_get(attrs, type, &value, sizeof(value)); /* 0 is none that matters here */
	return ntohl(value);
}

/* True for the chain that leads to natmap's own ACCEPT. */
static bool is_iptables_forward(const struct nm_foreign_drop *chain)
{
	return chain->nfproto != NFPROTO_INET && !strcmp(chain->table, "filter") &&
		!strcmp(chain->chain, "FORWARD");
}

static int on_chain(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	struct nm_foreign_drop foreign = {.nfproto = chain->nfproto, .by_policy = chain->drops};
	struct chains *chains = ctx;

	if (!chain->is_base || chain->hook != NF_INET_FORWARD ||
		(chain->nfproto != NFPROTO_IPV4 && chain->nfproto != NFPROTO_IPV6 &&
			chain->nfproto != NFPROTO_INET))
		return 0;
	(void)snprintf(foreign.table, sizeof(foreign.table), "%s", chain->table);
	(void)snprintf(foreign.chain, sizeof(foreign.chain), "%s", chain->name);
	if (is_iptables_forward(&foreign))
		return 0;
	if (nm_grow(chains, "reading the chains of nf_tables", err) < 0)
		return -1;
	chains->v[chains->n++] = (struct chain){.foreign = foreign, .effect = GOES_ON};
	return 0;
}

/* A rule while its expressions are read. */
struct judging {
	enum { ELSEWHERE, STATUS_LOADED, STATUS_MASKED } at; /* in "ct status & mask != 0" */
	uint32_t mask;
	bool conditional; /* some translated packets may not match */
	enum effect effect;
};

/* The value of a nested NFTA_DATA_VALUE, in the byte order of a register. */
static bool get_value(struct nm_attrs attrs, uint16_t type, uint32_t *ret)
{
	return nm_attrs_get(nm_attrs_nested(attrs, type), NFTA_DATA_VALUE, ret, sizeof(*ret));
}

/* True when the expression continues a test of the connection's status that all translated packets pass: its
 * mask has IPS_DST_NAT. */
static bool read_status(struct judging *j, const char *name, struct nm_attrs data)
{
	uint32_t flipped, value;

	if (j->at == ELSEWHERE && !strcmp(name, "ct") && number(data, NFTA_CT_KEY) == NFT_CT_STATUS &&
		number(data, NFTA_CT_DREG)) {
		j->at = STATUS_LOADED;
		return true;
	}
	if (j->at == STATUS_LOADED && !strcmp(name, "bitwise") &&
		get_value(data, NFTA_BITWISE_MASK, &j->mask) && get_value(data, NFTA_BITWISE_XOR, &flipped) &&
		!flipped && j->mask & IPS_DST_NAT) {
		j->at = STATUS_MASKED;
		return true;
	}
	if (j->at == STATUS_MASKED && !strcmp(name, "cmp") && get_value(data, NFTA_CMP_DATA, &value) &&
		((number(data, NFTA_CMP_OP) == NFT_CMP_NEQ && value == 0) ||
			(number(data, NFTA_CMP_OP) == NFT_CMP_EQ && value == IPS_DST_NAT &&
				j->mask == IPS_DST_NAT))) {
		j->at = ELSEWHERE;
		return true;
	}
	return false;
}

/* -m conntrack --ctstate with DNAT among the states, and nothing else. */
static bool is_ctstate_dnat(struct nm_attrs match)
{
	struct nm_attrs info = nm_attrs_nested(match, NFTA_MATCH_INFO);
	char name[NM_NFT_EXPRESSION_SIZE];
	struct xt_conntrack_mtinfo3 m;

	if (!nm_attrs_string(match, NFTA_MATCH_NAME, name, sizeof(name)) || strcmp(name, "conntrack") != 0 ||
		number(match, NFTA_MATCH_REV) != 3 || info.len < sizeof(m))
		return false;
	memcpy(&m, info.data, sizeof(m));
	return (m.match_flags & ~XT_CONNTRACK_STATE_ALIAS) == XT_CONNTRACK_STATE && !m.invert_flags &&
		m.state_mask & XT_CONNTRACK_STATE_DNAT;
}

static void read_immediate(struct judging *j, struct nm_attrs data)
{
	struct nm_attrs verdict =
		nm_attrs_nested(nm_attrs_nested(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
	uint32_t code;

	if (!nm_attrs_get(verdict, NFTA_VERDICT_CODE, &code, sizeof(code)))
		j->conditional = true;
	else if (ntohl(code) == NF_ACCEPT)
		j->effect = ACCEPTS;
	else if (ntohl(code) == NF_DROP)
		j->effect = DROPS;
	else if (ntohl(code) == (uint32_t)NFT_RETURN || ntohl(code) == (uint32_t)NFT_GOTO)
		j->effect = LEAVES;
}

static void read_expression(struct judging *j, const char *name, struct nm_attrs data)
{
	if (read_status(j, name, data) || !strcmp(name, "counter") || !strcmp(name, "log"))
		return;
	if (!strcmp(name, "immediate"))
		read_immediate(j, data);
	else if (!strcmp(name, "reject"))
		j->effect = DROPS;
	else if (strcmp(name, "match") != 0 || !is_ctstate_dnat(data))
		j->conditional = true;
}

/* The first unconditional rule with a verdict decides. Behind return or goto the policy does. */
static int on_rule(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err)
{
	struct nm_attrs list = rule->expressions, data;
	char name[NM_NFT_EXPRESSION_SIZE];
	struct judging j = {.at = ELSEWHERE};
	enum effect *chain = ctx;

	(void)err; /* never fails */
	while (*chain == GOES_ON && nm_nft_rule_next_expression(&list, name, &data))
		read_expression(&j, name, data);
	if (*chain == GOES_ON && !j.conditional)
		*chain = j.effect;
	return 0;
}

static int read_chains(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	const struct nm_nft_objects_handler handler = {.chain = on_chain, .ctx = ctx};
	struct chains *chains = ctx;

	chains->n = 0;
	if (nm_nft_objects_each(nl, NFPROTO_UNSPEC, handler, err) < 0)
		return -1;
	for (struct chain *c = chains->v; c < chains->v + chains->n; c++) {
		struct nm_nft_place place = {c->foreign.nfproto, c->foreign.table, c->foreign.chain};

		if (nm_nft_rules_each(nl, place, on_rule, &c->effect, err) < 0)
			return -1;
	}
	return 0;
}

int nm_foreign_drop_each(
	struct nm_netlink *nl, nm_foreign_drop_handler *handler, void *ctx, struct nm_err *err)
{
	NM_CLEANUP(chains_done) struct chains chains = {0};

	if (nm_nft_transaction_read(nl, read_chains, &chains, err) < 0)
		return -1;
	for (struct chain *c = chains.v; c < chains.v + chains.n; c++) {
		c->foreign.by_policy &= c->effect == GOES_ON || c->effect == LEAVES;
		if ((c->effect == DROPS || c->foreign.by_policy) && handler(ctx, &c->foreign, err) < 0)
			return -1;
	}
	return 0;
}

const char *nm_foreign_drop_family(const struct nm_foreign_drop *chain)
{
	return chain->nfproto == NFPROTO_INET ? "inet" : chain->nfproto == NFPROTO_IPV4 ? "ip" : "ip6";
}

static bool is_of_iptables(const struct nm_foreign_drop *chain)
{
	static const char *const tables[] = {"raw", "mangle", "nat", "filter", "security"};

	for (size_t i = 0; chain->nfproto != NFPROTO_INET && i < sizeof(tables) / sizeof(*tables); i++)
		if (!strcmp(chain->table, tables[i]))
			return true;
	return false;
}

const char *nm_foreign_drop_command(
	const struct nm_foreign_drop *chain, char buf[static NM_FOREIGN_DROP_STRLEN])
{
	if (is_of_iptables(chain))
		(void)snprintf(buf, NM_FOREIGN_DROP_STRLEN,
			"%s -t %s -I %s -m conntrack --ctstate DNAT -j ACCEPT",
			chain->nfproto == NFPROTO_IPV4 ? "iptables-nft" : "ip6tables-nft", chain->table,
			chain->chain);
	else
		(void)snprintf(buf, NM_FOREIGN_DROP_STRLEN, "nft insert rule %s %s %s ct status dnat accept",
			nm_foreign_drop_family(chain), chain->table, chain->chain);
	return buf;
}
