#include "obstacle/likely.h"

#include <linux/netfilter.h>
#include <string.h>

#include "backend/own.h"
#include "model/rule.h"
#include "nft/objects.h"
#include "nft/transaction.h"

/* One of iptables' tables. */
struct table {
	uint32_t use; /* of the fullest of its chains that count */
	bool has_own; /* natmap has a jump in each of these */
};

struct likely {
	struct table tables[NM_FAMILY_MAX][NM_TABLE_MAX];
	bool by_others; /* in another table */
};

/* NM_TABLE_MAX: not of iptables. */
static enum nm_table table_of(const struct nm_nft_chain *chain)
{
	enum nm_table t = 0;

	while (t < NM_TABLE_MAX && strcmp(chain->table, nm_rule_table_name(t)) != 0)
		t++;
	return chain->nfproto == NFPROTO_INET ? NM_TABLE_MAX : t;
}

/* What natmap's jumps of the table lead to. */
static bool is_led_to(const struct nm_nft_chain *chain, enum nm_table table)
{
	enum nm_chain own = table == NM_TABLE_FILTER ? NM_CHAIN_DOCKER_USER : NM_CHAIN_NATMAP;

	return table == NM_TABLE_MANGLE || !strcmp(chain->name, nm_rule_chain_name(own));
}

static int on_chain(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	const struct nm_nft_place place = {chain->nfproto, chain->table, NULL};
	bool counts =
		chain->is_base && (chain->hook == NF_INET_PRE_ROUTING || chain->hook == NF_INET_FORWARD);
	enum nm_table which = table_of(chain);
	struct likely *l = ctx;
	struct table *table;

	(void)err; /* never fails */
	if ((chain->nfproto != NFPROTO_IPV4 && chain->nfproto != NFPROTO_IPV6 &&
		    chain->nfproto != NFPROTO_INET) ||
		nm_own_leave_out(&place))
		return 0;
	if (which == NM_TABLE_MAX) {
		l->by_others |= counts && (chain->use > 0 || chain->drops);
		return 0;
	}
	table = &l->tables[chain->nfproto == NFPROTO_IPV4 ? NM_IPV4 : NM_IPV6][which];
	table->has_own |= is_led_to(chain, which);
	if (counts && which != NM_TABLE_RAW && chain->use > table->use)
		table->use = chain->use;
	return 0;
}

static int read_chains(void *likely, struct nm_netlink *nl, struct nm_err *err)
{
	const struct nm_nft_objects_handler handler = {.chain = on_chain, .ctx = likely};

	*(struct likely *)likely = (struct likely){.by_others = false};
	return nm_nft_objects_each(nl, NFPROTO_UNSPEC, handler, err);
}

int nm_likely_find(struct nm_netlink *nl, bool *ret, struct nm_err *err)
{
	struct likely l;

	if (nm_nft_transaction_read(nl, read_chains, &l, err) < 0)
		return -1;
	*ret = l.by_others;
	nm_each_family(f, NM_BOTH_FAMILIES)
		for (enum nm_table t = 0; t < NM_TABLE_MAX; t++)
			*ret |= l.tables[f][t].use > l.tables[f][t].has_own;
	return 0;
}
