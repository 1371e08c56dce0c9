/* The nftables layout of a bridge that natmap has made. Pure. */
#ifndef NM_NFTABLES_LAYOUT_NETWORK_H
#define NM_NFTABLES_LAYOUT_NETWORK_H

#include "model/network_part.h"
#include "nftables/layout.h"

/* Appends the elements of a part of a bridge of natmap's, from which they borrow. */
int nm_nftables_layout_network(
	const struct nm_network_part *part, struct nm_nftables_elements *ret, struct nm_err *err) NM_MUST_USE;

#endif
