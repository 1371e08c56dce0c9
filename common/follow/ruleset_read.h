/* Reading the ruleset of follow/ruleset.h. */
#ifndef NM_FOLLOW_RULESET_READ_H
#define NM_FOLLOW_RULESET_READ_H

#include "follow/ruleset.h"

/* True for a chain whose rules need not be read; with chain NULL, for all of the table. */
typedef bool nm_ruleset_leave_out(const struct nm_nft_place *place);

/*
 * Reads the tables ip, ip6 and inet that are not dormant. Tables without base chain are left out; so is what
 * leave_out() says, but for the chains themselves. 0 with *ret for nm_ruleset_done(), or -1 with *err, which
 * is never NM_ERR_INTERRUPTED.
 */
int nm_ruleset_read(struct nm_netlink *nl, nm_ruleset_leave_out *leave_out, struct nm_ruleset *ret,
	struct nm_err *err) NM_MUST_USE;

#endif
