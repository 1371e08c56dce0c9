/* The nftables layout: which elements of which sets a container's mappings need. Pure: DESIGN section 6 as
 * code. */
#ifndef NM_NFTABLES_LAYOUT_H
#define NM_NFTABLES_LAYOUT_H

#include "model/publication.h"
#include "nftables/elements.h"

/* Appends the elements of the publication, which they borrow from; with opt NULL, all that it may have
 * under any options. -1 with *err (memory). */
int nm_nftables_layout(const struct nm_publication *pub, const struct nm_layout_options *opt,
	struct nm_nftables_elements *ret, struct nm_err *err) NM_MUST_USE;

/* Appends the element that guards 127.0.0.0/8 on an interface; owner, which is borrowed:
 * nm_publication_guard_owner(). */
int nm_nftables_layout_guard(
	const char *owner, struct nm_nftables_elements *ret, struct nm_err *err) NM_MUST_USE;

#endif
