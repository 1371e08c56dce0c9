/* The iptables layout of static NAT: which rules the entries of the configuration need. Pure. */
#ifndef NM_IPTABLES_LAYOUT_STATIC_H
#define NM_IPTABLES_LAYOUT_STATIC_H

#include "model/rule.h"
#include "model/static_nat.h"

/* Appends to *rules the rules of all entries, in the order in which they are to be written. They borrow from
 * *s. 0, or -1 with *err (memory). */
int nm_iptables_layout_static(
	const struct nm_static_nats *s, struct nm_rules *rules, struct nm_err *err) NM_MUST_USE;

#endif
