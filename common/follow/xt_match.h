/* Matches of iptables, for follow/rule.h. Pure. */
#ifndef NM_FOLLOW_XT_MATCH_H
#define NM_FOLLOW_XT_MATCH_H

#include "follow/packet.h"

/* Whether the match, the attributes NFTA_MATCH_*, does; NM_UNDECIDED for one that is not known here. */
enum nm_tri nm_follow_xt_match(const struct nm_follow_state *s, struct nm_attrs match);

#endif
