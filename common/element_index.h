/* Elements by key, each with those who want to hold it. */
#ifndef NM_ELEMENT_INDEX_H
#define NM_ELEMENT_INDEX_H

#include "nft_set.h"
#include "nftables_layout.h"

enum nm_hold {
	NM_HOLD_LEAVING, /* no longer */
	NM_HOLD_STAYING, /* has held it before */
	NM_HOLD_COMING,  /* it has to be there */
};

struct nm_holder {
	const struct nm_element *element; /* borrowed */
	enum nm_hold hold;
	size_t next; /* of the same key, in the index; NM_HOLDER_NONE: no other */
};
#define NM_HOLDER_NONE SIZE_MAX

/* What is known of one key. */
struct nm_entry {
	size_t first, last; /* holders */
	bool coming;        /* one of them is */
	bool look;          /* it may be in the kernel already: an interface's guard has many holders, of whom
			       one has been looked for */
	bool present;       /* it is */
	bool right;         /* ... with data and comment of somebody who does not leave */
	bool known;         /* ... or with the comment of one of those who leave */
	struct nm_counters counters;
};

/* Begins as zeros. */
struct nm_element_index {
	struct nm_entry *entries; /* owned, as are all of these */
	struct nm_holder *holders;
	uint64_t *slots; /* by hash: its upper half, and below that the number of an entry and 1 */
	size_t n, n_holders, capacity, holders_capacity, n_slots;
};

/* Adds a holder, borrowed; only_known: unless nobody else has that key. Several of one key keep their order.
 */
int nm_element_index_add(struct nm_element_index *index, const struct nm_element *e, enum nm_hold hold,
	bool only_known, struct nm_err *err) NM_MUST_USE;
void nm_element_index_done(struct nm_element_index *index);

/* The entry of the key, NULL when there is none. */
struct nm_entry *nm_element_index_find(const struct nm_element_index *index, enum nm_family family,
	enum nm_set set, const void *key, size_t len);

/* Notes that the element is in the kernel. */
void nm_entry_found(
	const struct nm_element_index *index, struct nm_entry *entry, const struct nm_nft_element *element);

/* Who is to have it: one that comes, else one that stays. NULL: nobody. */
const struct nm_element *nm_entry_wanted(const struct nm_element_index *index, const struct nm_entry *entry);

#endif
