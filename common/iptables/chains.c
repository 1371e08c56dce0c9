/*
 * A chain that is there already is not sent. It would change nothing, but nf_tables keeps each such message
 * to destroy it after a grace period (nf_tables_commit(), Linux 6.18), for which the next batch with an
 * extension of iptables and the next close() of a NETLINK_NETFILTER socket wait, whosever they are.
 */
#include "iptables/chains.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#include "iptables/encode.h"
#include "iptables/layout.h"
#include "nft/objects.h"

/* As iptables makes them. */
static const struct nm_nft_hook hooks[NM_TABLE_MAX][NM_CHAIN_MAX] = {
	[NM_TABLE_RAW][NM_CHAIN_PREROUTING] = {"filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW},
	[NM_TABLE_MANGLE][NM_CHAIN_FORWARD] = {"filter", NF_INET_FORWARD, NF_IP_PRI_MANGLE},
	[NM_TABLE_NAT][NM_CHAIN_PREROUTING] = {"nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST},
	[NM_TABLE_NAT][NM_CHAIN_OUTPUT] = {"nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST},
	[NM_TABLE_NAT][NM_CHAIN_POSTROUTING] = {"nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC},
	[NM_TABLE_FILTER][NM_CHAIN_FORWARD] = {"filter", NF_INET_FORWARD, NF_IP_PRI_FILTER},
};

/* What a family's desired rules need, and what of it the kernel has. */
struct needed {
	enum nm_family family;
	bool chains[NM_TABLE_MAX][NM_CHAIN_MAX]; /* that are not there */
	bool tables[NM_TABLE_MAX];               /* that are */
};

bool nm_iptables_chains_find_table(const char *name, enum nm_table *ret)
{
	for (enum nm_table t = 0; t < NM_TABLE_MAX; t++)
		if (!strcmp(name, nm_rule_table_name(t))) {
			*ret = t;
			return true;
		}
	return false;
}

bool nm_iptables_chains_find(const char *name, enum nm_chain *ret)
{
	for (enum nm_chain c = 0; c < NM_CHAIN_MAX; c++)
		if (!strcmp(name, nm_rule_chain_name(c))) {
			*ret = c;
			return true;
		}
	return false;
}

/* Of one that is hooked elsewhere the kernel says so, when the chain is ensured. */
static bool is_hooked_as(const struct nm_nft_chain *chain, const struct nm_nft_hook *hook)
{
	if (!hook->type)
		return !chain->is_base;
	return chain->is_base && !strcmp(chain->type, hook->type) && chain->hook == hook->number &&
		chain->priority == hook->priority;
}

static int on_needed(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	struct needed *n = ctx;
	enum nm_table table;
	enum nm_chain c;

	(void)err;
	if (!nm_iptables_chains_find_table(chain->table, &table) || !nm_iptables_chains_find(chain->name, &c))
		return 0;
	n->tables[table] = true;
	n->chains[table][c] &= !is_hooked_as(chain, &hooks[table][c]);
	return 0;
}

static void find_needed(struct needed *n, const struct nm_rules *desired, unsigned based)
{
	for (size_t i = 0; i < desired->n; i++) {
		const struct nm_rule *r = &desired->v[i];

		if (r->family != n->family || (based & 1u << r->family && nm_iptables_layout_is_base(r)))
			continue;
		n->chains[r->table][r->chain] = true;
		if (r->verdict == NM_VERDICT_JUMP) /* to a chain that may have no rules */
			n->chains[r->table][r->target] = true;
	}
}

static int find_missing(struct nm_netlink *nl, struct needed *n, struct nm_err *err)
{
	struct nm_netlink_request request;

	nm_netlink_request_init(&request);
	for (enum nm_table t = 0; t < NM_TABLE_MAX; t++)
		for (enum nm_chain c = 0; c < NM_CHAIN_MAX; c++)
			if (n->chains[t][c])
				nm_nft_objects_request_chain(
					&request, nm_iptables_encode_place(n->family, t, c));
	return nm_nft_objects_get_chains(
		nl, &request, (struct nm_nft_objects_handler){.chain = on_needed, .ctx = n}, err);
}

/* The table, before its first chain, and the chains. */
static int ensure_chains(
	struct nm_nft_batch *txn, const struct needed *n, enum nm_table table, struct nm_err *err)
{
	struct nm_nft_place place = {nm_addr_family_to_af(n->family), nm_rule_table_name(table), NULL};
	bool there = n->tables[table];

	for (enum nm_chain c = 0; c < NM_CHAIN_MAX; c++) {
		if (!n->chains[table][c])
			continue;
		if (!there && nm_nft_batch_ensure(txn, place, NULL, NM_TAG_MADE, err) < 0)
			return -1;
		there = true;
		if (nm_nft_batch_ensure(txn, nm_iptables_encode_place(n->family, table, c), &hooks[table][c],
			    NM_TAG_MADE, err) < 0)
			return -1;
	}
	return 0;
}

int nm_iptables_chains_ensure(struct nm_nft_attempt *a, const struct nm_rules *desired, unsigned families,
	unsigned based, struct nm_err *err)
{
	nm_each_family(f, families) {
		struct needed n = {.family = f};

		find_needed(&n, desired, based);
		if (find_missing(a->nl, &n, err) < 0)
			return -1;
		for (enum nm_table t = 0; t < NM_TABLE_MAX; t++)
			if (ensure_chains(a->txn, &n, t, err) < 0)
				return -1;
	}
	return 0;
}
