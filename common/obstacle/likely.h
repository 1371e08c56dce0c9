/* Whether it is worth reading the ruleset. */
#ifndef NM_OBSTACLE_LIKELY_H
#define NM_OBSTACLE_LIKELY_H

#include <stdbool.h>

#include "nft/dump.h"

/* Sets *ret to whether a base chain of prerouting or forward has rules of others: of iptables' chains, more
 * rules than natmap's jump, if natmap has one there. Chains where natmap has rules for each port do not count
 * (raw), nor does what drops by its policy in iptables' FORWARD. */
int nm_likely_find(struct nm_netlink *nl, bool *ret, struct nm_err *err) NM_MUST_USE;

#endif
