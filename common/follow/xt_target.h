/* Targets of iptables, for follow/rule.h. Pure. */
#ifndef NM_FOLLOW_XT_TARGET_H
#define NM_FOLLOW_XT_TARGET_H

#include "follow/rule.h"

/* What the target, the attributes NFTA_TARGET_*, does. NM_UNDECIDED: that is not known. matches: whether the
 * rule does so far. */
enum nm_tri nm_follow_xt_target(
	struct nm_follow_state *s, struct nm_attrs target, enum nm_tri matches, struct nm_follow_action *ret);

#endif
