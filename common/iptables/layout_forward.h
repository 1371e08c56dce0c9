/* The iptables layout of what keeps closed what forwarding alone would open. Pure. */
#ifndef NM_IPTABLES_LAYOUT_FORWARD_H
#define NM_IPTABLES_LAYOUT_FORWARD_H

#include "model/rule.h"
#include "model/static_nat.h"

/* Appends the rule that drops what comes in by an interface, to be forwarded, and is not published; owner,
 * which is borrowed: nm_publication_forward_owner(). bridged: but for what goes out by it. -1 with *err
 * (memory). */
int nm_iptables_layout_forward(enum nm_family family, const char *owner, bool bridged, struct nm_rules *rules,
	struct nm_err *err) NM_MUST_USE;

/* Appends what leads to these rules, and what lets the connections of static SNAT go on before them. */
int nm_iptables_layout_forward_base(unsigned families, const struct nm_static_nats *statics,
	struct nm_rules *rules, struct nm_err *err) NM_MUST_USE;
/* The latter alone. */
int nm_iptables_layout_forward_static(
	const struct nm_static_nats *statics, struct nm_rules *rules, struct nm_err *err) NM_MUST_USE;

#endif
