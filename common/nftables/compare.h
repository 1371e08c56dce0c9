/* Compares natmap's own tables with what they should be. */
#ifndef NM_NFTABLES_COMPARE_H
#define NM_NFTABLES_COMPARE_H

#include "nftables/compare_rules.h"
#include "nftables/layout.h"

/*
 * Compares whole tables with the elements and static rules (iptables/layout_static.h), and hands over what
 * differs. A table with a chain or set that differs from nm_nftables_schema_ensure() is handed over as
 * changed, with the name of that chain or set and nothing more; a transaction creates the table anew.
 */
int nm_nftables_compare(struct nm_netlink *nl, unsigned families, const struct nm_nftables_elements *desired,
	const struct nm_rules *statics, const struct nm_nftables_diff_output *output,
	struct nm_err *err) NM_MUST_USE;

#endif
