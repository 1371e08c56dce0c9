/* natmap's own tables as a whole: changing, comparing, removing and counting them. */
#ifndef NM_NFTABLES_TABLE_H
#define NM_NFTABLES_TABLE_H

#include "model/static_nat.h"
#include "nft/rules.h"
#include "nftables/compare_rules.h"

/* The elements of the records of one change; none of these is NULL. */
struct nm_nftables_scope {
	unsigned families; /* of new */
	/* A hash of the constant rules of each family that are known to be right, 0: of none; what is known
	 * of them once the transaction is committed. */
	uint64_t *constant;
	const struct nm_nftables_elements *new, *replaced, *peers;
	bool remakes;   /* connections of iptables' rules may go on in the new elements */
	unsigned *used; /* what backend/backend.h says of the replaced is added */
};

/*
 * Adds to the attempt's transaction what removes the elements of the replaced records and adds those of the
 * new ones. Elements that new ones and peers need stay as they are; a replaced record's element that a peer
 * needs, too, gets the peer's comment. What is read does not grow with the number of mappings.
 */
int nm_nftables_table_write(const struct nm_nftables_scope *scope, struct nm_nft_attempt *attempt,
	struct nm_err *err) NM_MUST_USE;

/*
 * Compares whole tables with the elements and static rules (nm_iptables_layout_static()), and hands over what
 * differs. A table with a chain or set that differs from nm_nftables_schema_ensure() is handed over as
 * changed, with the name of that chain or set and nothing more; a transaction creates the table anew.
 */
int nm_nftables_table_compare(struct nm_netlink *nl, unsigned families,
	const struct nm_nftables_elements *desired, const struct nm_rules *statics,
	const struct nm_nftables_diff_output *output, struct nm_err *err) NM_MUST_USE;

/* Deletes the tables, or without a transaction hands them over as stale, nowhere (""). */
int nm_nftables_table_flush(
	struct nm_netlink *nl, const struct nm_nftables_diff_output *output, struct nm_err *err) NM_MUST_USE;

/* Fails if a container has an element, unless nft has loaded the table: then it is a saved copy. */
int nm_nftables_table_check_empty(struct nm_netlink *nl, struct nm_err *err) NM_MUST_USE;

/* Reads the counters of these elements of maps: ret[i] of the i-th, zeros if the kernel does not have it. */
int nm_nftables_table_count(struct nm_netlink *nl, const struct nm_nftables_elements *elements,
	struct nm_counters *ret, struct nm_err *err) NM_MUST_USE;

/* Adds to ret[i] what the static rules of the i-th entry that translate have counted. */
int nm_nftables_table_count_statics(struct nm_netlink *nl, const struct nm_static_nats *statics,
	struct nm_counters *ret, struct nm_err *err) NM_MUST_USE;

#endif
