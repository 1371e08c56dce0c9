/* The rules of a plan in nft's own language. */
#ifndef NM_PLAN_NFT_H
#define NM_PLAN_NFT_H

#include <stdio.h>

#include "nftables/layout.h"

/* Prints a table for each of the families, with all that it needs for these elements, as `nft -f` of nftables
 * 1.0.6 and later takes it. -1 with *err (memory). */
int nm_plan_print_nft(const struct nm_nftables_elements *elements, unsigned families, FILE *out,
	struct nm_err *err) NM_MUST_USE;

#endif
