/* The iptables layout of a bridge that natmap has made. Pure. */
#ifndef NM_IPTABLES_LAYOUT_NETWORK_H
#define NM_IPTABLES_LAYOUT_NETWORK_H

#include "model/network_part.h"
#include "model/rule.h"

/* Appends the rules of the part, from which they borrow. -1 with *err (memory). */
int nm_iptables_layout_network(
	const struct nm_network_part *part, struct nm_rules *rules, struct nm_err *err) NM_MUST_USE;

/* Whether these may be there. */
bool nm_iptables_layout_network_may_have(const struct nm_rule_place *place);

#endif
