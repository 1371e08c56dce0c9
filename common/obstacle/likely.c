#include "obstacle/likely.h"

#include <linux/netfilter.h>
#include <string.h>

#include "backend/own.h"
#include "model/rule.h"
#include "nft/objects.h"
#include "nft/transaction.h"

/* A chain of iptables: natmap has one jump in it. */
static bool is_of_iptables(const struct nm_nft_chain *chain)
{
	for (enum nm_table t = 0; chain->nfproto != NFPROTO_INET && t < NM_TABLE_MAX; t++)
		if (!strcmp(chain->table, nm_rule_table_name(t)))
			return true;
	return false;
}

static bool has_others(const struct nm_nft_chain *chain)
{
	if (!is_of_iptables(chain))
		return chain->use > 0 || chain->drops;
	return chain->use > 1 && strcmp(chain->table, nm_rule_table_name(NM_TABLE_RAW)) != 0;
}

static int on_chain(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	const struct nm_nft_place table = {chain->nfproto, chain->table, NULL};
	bool *likely = ctx;

	(void)err;
	if (!chain->is_base || (chain->hook != NF_INET_PRE_ROUTING && chain->hook != NF_INET_FORWARD) ||
		(chain->nfproto != NFPROTO_IPV4 && chain->nfproto != NFPROTO_IPV6 &&
			chain->nfproto != NFPROTO_INET) ||
		nm_own_leave_out(&table))
		return 0;
	*likely = *likely || has_others(chain);
	return 0;
}

static int read_chains(void *likely, struct nm_netlink *nl, struct nm_err *err)
{
	const struct nm_nft_objects_handler handler = {.chain = on_chain, .ctx = likely};

	*(bool *)likely = false;
	return nm_nft_objects_each(nl, NFPROTO_UNSPEC, handler, err);
}

int nm_likely_find(struct nm_netlink *nl, bool *ret, struct nm_err *err)
{
	return nm_nft_transaction_read(nl, read_chains, ret, err);
}
