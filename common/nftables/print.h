/* natmap's own tables in nft's language. */
#ifndef NM_NFTABLES_PRINT_H
#define NM_NFTABLES_PRINT_H

#include <stdio.h>

#include "nftables/layout.h"

/* Prints a table for each of the families with chains, rules, sets and these elements, as `nft -f` of
 * nftables 1.0.6 and later reads it. -1 with *err (memory). */
int nm_nftables_print(const struct nm_nftables_elements *elements, unsigned families, FILE *out,
	struct nm_err *err) NM_MUST_USE;

#endif
