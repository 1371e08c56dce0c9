/* The tables and chains of iptables that the layout needs. */
#ifndef NM_IPTABLES_CHAINS_H
#define NM_IPTABLES_CHAINS_H

#include "model/rule.h"
#include "nft/transaction.h"

/* Adds to the attempt's transaction the tables and chains that the families' desired rules need and the
 * kernel has not, with the comment NM_TAG_MADE. based: the families of which nm_iptables_layout_base() is
 * known to be there. 0, or -1 with *err. */
int nm_iptables_chains_ensure(struct nm_nft_attempt *attempt, const struct nm_rules *desired,
	unsigned families, unsigned based, struct nm_err *err) NM_MUST_USE;

/* The table, or chain, of this name; false: none of those that the layout has. */
bool nm_iptables_chains_find_table(const char *name, enum nm_table *ret);
bool nm_iptables_chains_find(const char *name, enum nm_chain *ret);

#endif
