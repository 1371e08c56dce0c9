/* Elements by key, each with those who want to hold it. */
#ifndef NM_NFTABLES_CLAIMS_H
#define NM_NFTABLES_CLAIMS_H

#include "base/hash_index.h"
#include "nft/elements.h"
#include "nftables/layout.h"

enum nm_hold {
	NM_HOLD_LEAVING, /* no longer */
	NM_HOLD_STAYING, /* has held it before */
	NM_HOLD_COMING,  /* it has to be there */
};

/* A holder's claim. The first of those to one key also has what is known of that key. */
struct nm_entry {
	const struct nm_element *element; /* borrowed */
	enum nm_hold hold;
	bool is_first;
	bool changes; /* a holder comes or leaves */
	bool coming;  /* one comes */
	bool look;    /* it may be in the kernel already: one does not come, or it is an interface's guard, of
			 whose many holders the state has told one */
	bool present; /* it is in the kernel ... */
	bool right;   /* ... with data and comment of somebody who does not leave */
	bool known;   /* ... or with the comment of one of those who leave */
	struct nm_counters counters;
};

/* Begins as zeros. */
struct nm_element_index {
	struct nm_entry *v; /* owned */
	size_t n, capacity;
	struct nm_hash_index by_key; /* numbers of entries */
};

/* Adds claims to all of these, which are borrowed. */
int nm_element_index_add(struct nm_element_index *index, const struct nm_elements *elements,
	enum nm_hold hold, struct nm_err *err) NM_MUST_USE;
/* Makes what has been added ready for the functions below. */
int nm_element_index_make(struct nm_element_index *index, struct nm_err *err) NM_MUST_USE;
void nm_element_index_done(struct nm_element_index *index);

/* The first entry of the key, NULL when there is none. */
struct nm_entry *nm_element_index_find(const struct nm_element_index *index, enum nm_family family,
	enum nm_set set, const void *key, size_t len);

/* Notes that the element of this first entry is in the kernel. */
void nm_element_index_found(
	const struct nm_element_index *index, struct nm_entry *first, const struct nm_nft_element *element);

/* Who is to have the element of this first entry: one that comes, else one that stays. NULL: nobody. */
const struct nm_element *nm_element_index_wanted(
	const struct nm_element_index *index, const struct nm_entry *first);

#endif
