/* Writes a change of what is published into natmap's own tables. */
#ifndef NM_NFTABLES_WRITE_H
#define NM_NFTABLES_WRITE_H

#include "nft/transaction.h"
#include "nftables/layout.h"

/* The elements of the records of one change; none of these is NULL. */
struct nm_nftables_scope {
	unsigned families; /* of new */
	const struct nm_nftables_elements *new, *replaced, *peers;
};

/*
 * Adds to the attempt's transaction what removes the elements of the replaced records and adds those of the
 * new ones. Elements that new ones and peers need stay as they are; a replaced record's element that a peer
 * needs, too, gets the peer's comment. What is read does not grow with the number of mappings.
 */
int nm_nftables_write(const struct nm_nftables_scope *scope, struct nm_nft_attempt *attempt,
	struct nm_err *err) NM_MUST_USE;

#endif
