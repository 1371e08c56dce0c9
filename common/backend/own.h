/* What of a ruleset is natmap's own, in either layout: for follow/follow.h. */
#ifndef NM_BACKEND_OWN_H
#define NM_BACKEND_OWN_H

#include "follow/follow.h"

/* What the chain (rule NULL) or the rule does to packets of published ports, if it is natmap's. */
enum nm_follow_own nm_own_judge(
	const void *ctx, const struct nm_ruleset_chain *chain, const struct nm_ruleset_rule *rule);

/* True for tables and chains of natmap's: their rules need not be read for that. */
bool nm_own_leave_out(const struct nm_nft_place *place);

#endif
