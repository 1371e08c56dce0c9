#include "obstacle/likely.h"

#include <linux/netfilter.h>
#include <string.h>

#include "backend/own.h"
#include "model/rule.h"
#include "nft/objects.h"
#include "nft/transaction.h"

/* One of iptables' tables. */
struct table {
	uint32_t use; /* of the chain from which natmap's jump leads */
	bool has_own; /* what that leads to is there */
};

struct likely {
	struct table tables[NM_FAMILY_MAX][NM_TABLE_MAX];
	bool by_others; /* in another chain */
};

/* NM_TABLE_MAX: not of iptables. */
static enum nm_table table_of(const struct nm_nft_chain *chain)
{
	enum nm_table t = 0;

	while (t < NM_TABLE_MAX && strcmp(chain->table, nm_rule_table_name(t)) != 0)
		t++;
	return chain->nfproto == NFPROTO_INET ? NM_TABLE_MAX : t;
}

/* natmap's jump of the table leads from here, in nat from PREROUTING, else from FORWARD. */
static bool is_left(const struct nm_nft_chain *chain, enum nm_table table)
{
	return table != NM_TABLE_MAX && (table == NM_TABLE_NAT) == (chain->hook == NF_INET_PRE_ROUTING);
}

static bool is_led_to(const struct nm_nft_chain *chain, enum nm_table table)
{
	return !strcmp(chain->name,
		nm_rule_chain_name(table == NM_TABLE_FILTER ? NM_CHAIN_DOCKER_USER : NM_CHAIN_NATMAP));
}

static void add_base(struct likely *l, const struct nm_nft_chain *chain, enum nm_table table)
{
	if ((chain->hook != NF_INET_PRE_ROUTING && chain->hook != NF_INET_FORWARD) || table == NM_TABLE_RAW)
		return;
	if (is_left(chain, table))
		l->tables[chain->nfproto == NFPROTO_IPV4 ? NM_IPV4 : NM_IPV6][table].use = chain->use;
	else
		l->by_others |= chain->use > 0 || chain->drops;
}

static int on_chain(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	const struct nm_nft_place place = {chain->nfproto, chain->table, NULL};
	enum nm_table table = table_of(chain);
	struct likely *l = ctx;

	(void)err; /* never fails */
	if ((chain->nfproto != NFPROTO_IPV4 && chain->nfproto != NFPROTO_IPV6 &&
		    chain->nfproto != NFPROTO_INET) ||
		nm_own_leave_out(&place))
		return 0;
	if (chain->is_base)
		add_base(l, chain, table);
	else if (table != NM_TABLE_MAX && is_led_to(chain, table))
		l->tables[chain->nfproto == NFPROTO_IPV4 ? NM_IPV4 : NM_IPV6][table].has_own = true;
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
