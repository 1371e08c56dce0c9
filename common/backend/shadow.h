/* Whether rules of others keep packets from a rule of natmap's behind them in iptables' chains. */
#ifndef NM_BACKEND_SHADOW_H
#define NM_BACKEND_SHADOW_H

#include "follow/ruleset.h"
#include "model/rule.h"

/* Begins as zeros. */
struct nm_shadow {
	bool is_read;
	struct nm_ruleset ruleset;
};

/* Sets *ret to whether they certainly do, with packets that the rule is for: it stands in the chain with this
 * handle. One that masquerades what the rule would masquerade does not. nl: NETLINK_NETFILTER, for the first
 * call. */
int nm_shadow_find(struct nm_shadow *s, struct nm_netlink *nl, const struct nm_rule *rule, uint64_t handle,
	bool *ret, struct nm_err *err) NM_MUST_USE;
void nm_shadow_done(struct nm_shadow *s);

#endif
