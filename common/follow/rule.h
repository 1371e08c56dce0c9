/* What one rule makes of the packet that follow/follow.h follows. Pure. */
#ifndef NM_FOLLOW_RULE_H
#define NM_FOLLOW_RULE_H

#include <linux/netfilter/nf_tables.h>

#include "follow/packet.h"

enum nm_follow_act {
	NM_FOLLOW_GOES_ON,
	NM_FOLLOW_ACCEPTS,
	NM_FOLLOW_DROPS,
	NM_FOLLOW_RETURNS,
	NM_FOLLOW_JUMPS,
	NM_FOLLOW_GOES_TO,
	NM_FOLLOW_SENDS_ELSEWHERE, /* DNAT */
};

struct nm_follow_action {
	enum nm_follow_act act;
	char chain[NFT_NAME_MAXLEN];              /* JUMPS, GOES_TO */
	const struct nm_ruleset_element *element; /* that has said so; NULL: the rule itself */
	/* SENDS_ELSEWHERE: to where, as far as it is known */
	bool masquerades; /* ACCEPTS: by MASQUERADE */
	bool to_address, to_port, to_host;
	struct nm_addr address;
	uint16_t port;
};

/* The action of a verdict, NF_ACCEPT, NFT_JUMP and the like; NM_FALSE for one that is not known. */
enum nm_tri nm_follow_rule_verdict(int32_t code, const char *chain, struct nm_follow_action *ret);

/* Whether the rule, of that chain, matches, and then what it does. What it sets in the packet is set. */
enum nm_tri nm_follow_rule(struct nm_follow_state *s, const struct nm_ruleset *ruleset,
	const struct nm_ruleset_chain *chain, const struct nm_ruleset_rule *rule,
	struct nm_follow_action *ret);

#endif
