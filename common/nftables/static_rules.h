/* The static rules of a host in chains of natmap's own tables. */
#ifndef NM_NFTABLES_STATIC_RULES_H
#define NM_NFTABLES_STATIC_RULES_H

#include "model/rule.h"
#include "nftables/rule.h"

/* Appends the static rules of the family (nm_iptables_layout_static()), translated into native expressions.
 */
int nm_nftables_static_rules(enum nm_family family, const struct nm_rules *statics,
	struct nm_nftables_rules *ret, struct nm_err *err) NM_MUST_USE;

#endif
