/* The nftables backend: makes tables of natmap's own what they should be. */
#ifndef NM_NFTABLES_BACKEND_H
#define NM_NFTABLES_BACKEND_H

#include "model/static_nat.h"
#include "nftables/claims.h"
#include "nftables/compare_rules.h"

/* One change of what is published; none of these is NULL. */
struct nm_nftables_scope {
	unsigned families;                           /* of new */
	const struct nm_nftables_elements *new;      /* that have to be there */
	const struct nm_nftables_elements *replaced; /* that nobody of new or peers has ... */
	const struct nm_nftables_elements *peers;    /* ... who may have the same */
};

/*
 * Adds to the attempt's transaction what makes it so. Elements that new or peers have already stay as
 * they are; one that was a leaver's and is somebody else's too passes to him. Nothing is read that grows with
 * the number of mappings.
 */
int nm_nftables_backend_prepare(const struct nm_nftables_scope *scope, struct nm_nft_attempt *attempt,
	struct nm_err *err) NM_MUST_USE;

/* Compares all that natmap's tables have with the elements and static rules (iptables/layout_static.h), and
 * hands over what differs. A table with a chain or set of another form (nm_nftables_schema) is handed over as
 * changed, where that is; there is nothing more to be told of it then, and in a transaction it is made anew.
 */
int nm_nftables_backend_compare(struct nm_netlink *nl, unsigned families,
	const struct nm_nftables_elements *wanted, const struct nm_rules *statics,
	const struct nm_nftables_diff_output *output, struct nm_err *err) NM_MUST_USE;

/* Deletes the tables that are there; without a transaction only notes them, as stale and nowhere (""). */
int nm_nftables_backend_flush(
	struct nm_netlink *nl, const struct nm_nftables_diff_output *output, struct nm_err *err) NM_MUST_USE;

/* Fails when there is an element of a container, unless nft has loaded it: then it is a copy of what was. */
int nm_nftables_backend_check_empty(struct nm_netlink *nl, struct nm_err *err) NM_MUST_USE;

#endif
