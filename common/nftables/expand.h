/* Blocks of ports as single ports, which is how natmap had them before it had sets for blocks. Pure. */
#ifndef NM_NFTABLES_EXPAND_H
#define NM_NFTABLES_EXPAND_H

#include "nftables/layout.h"

/* Appends for each element of a set for blocks the elements of the set for ports that stand for at most so
 * many ports of the block, the first ones. They borrow from the same. -1 with *err (memory). */
int nm_nftables_expand(const struct nm_nftables_elements *elements, unsigned most,
	struct nm_nftables_elements *ret, struct nm_err *err) NM_MUST_USE;

#endif
