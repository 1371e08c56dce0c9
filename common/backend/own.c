#include "backend/own.h"

#include <linux/netfilter.h>
#include <string.h>

#include "model/rule.h"
#include "nftables/schema.h"

static bool is_own_table(uint8_t nfproto, const char *table)
{
	return nfproto != NFPROTO_INET && !strcmp(table, NM_NFTABLES_TABLE);
}

static bool is_own_chain(uint8_t nfproto, const char *chain)
{
	return nfproto != NFPROTO_INET && !strcmp(chain, nm_rule_chain_name(NM_CHAIN_NATMAP));
}

bool nm_own_leave_out(const struct nm_nft_place *place)
{
	return is_own_table(place->nfproto, place->table) ||
		(place->chain && is_own_chain(place->nfproto, place->chain));
}

static bool is_in_table(const struct nm_ruleset_chain *chain, enum nm_table table)
{
	return !strcmp(chain->table, nm_rule_table_name(table));
}

static enum nm_follow_own own_chain(const struct nm_ruleset_chain *chain)
{
	if (is_own_table(chain->nfproto, chain->table)) {
		if (chain->is_nat && chain->hook != NF_INET_POST_ROUTING)
			return NM_FOLLOW_TAKES;
		if (chain->is_base && chain->hook == NF_INET_FORWARD)
			return chain->priority < 0 ? NM_FOLLOW_MARKS : NM_FOLLOW_UNMARKS;
		return NM_FOLLOW_PASSES;
	}
	if (!is_own_chain(chain->nfproto, chain->name))
		return NM_FOLLOW_OTHERS;
	return is_in_table(chain, NM_TABLE_NAT) || is_in_table(chain, NM_TABLE_FILTER) ? NM_FOLLOW_TAKES
										       : NM_FOLLOW_PASSES;
}

/* Rules of natmap's in OUTPUT of nat, and the ACCEPT that its own tables need in DOCKER-USER, count as they
 * are written; all others are for other packets, or do no harm. */
enum nm_follow_own nm_own_judge(
	const void *ctx, const struct nm_ruleset_chain *chain, const struct nm_ruleset_rule *rule)
{
	(void)ctx;
	if (!rule)
		return own_chain(chain);
	if (chain->nfproto == NFPROTO_INET || !nm_tag_is_ours(rule->tag, strlen(rule->tag)))
		return NM_FOLLOW_OTHERS;
	return (is_in_table(chain, NM_TABLE_NAT) &&
		       !strcmp(chain->name, nm_rule_chain_name(NM_CHAIN_OUTPUT))) ||
			is_in_table(chain, NM_TABLE_FILTER)
		? NM_FOLLOW_TAKES
		: NM_FOLLOW_PASSES;
}
