/* Elements by key, each with those who want to hold it. */
#ifndef NM_NFTABLES_CLAIMS_H
#define NM_NFTABLES_CLAIMS_H

#include "base/hash.h"
#include "nft/elements.h"
#include "nftables/layout.h"

enum nm_role {
	NM_ROLE_REPLACED, /* no longer */
	NM_ROLE_PEER,     /* has held it before */
	NM_ROLE_NEW,      /* it has to be there */
};

/* A holder's claim. The first of those to one key also has what is known of that key. */
struct nm_nftables_claim {
	const struct nm_nftables_element *element; /* borrowed */
	enum nm_role hold;
	bool is_first;
	bool changes; /* a holder comes or leaves */
	bool new;     /* one comes */
	bool look;    /* it may be in the kernel already: one does not come, or it is an interface's guard, of
			 whose many holders the state has told one */
	bool present; /* it is in the kernel ... */
	bool right;   /* ... with data and comment of somebody who does not leave */
	bool known;   /* ... or with the comment of one of those who leave */
	struct nm_counters counters;
};

/* Begins as zeros. */
struct nm_nftables_claims {
	struct nm_nftables_claim *v; /* owned */
	size_t n, capacity;
	struct nm_hash_index by_key; /* numbers of entries */
};

/* Adds claims to all of these, which are borrowed. */
int nm_nftables_claims_add(struct nm_nftables_claims *index, const struct nm_nftables_elements *elements,
	enum nm_role hold, struct nm_err *err) NM_MUST_USE;
/* Makes what has been added ready for the functions below. */
int nm_nftables_claims_make(struct nm_nftables_claims *index, struct nm_err *err) NM_MUST_USE;
void nm_nftables_claims_done(struct nm_nftables_claims *index);

/* The first entry of the key, NULL when there is none. */
struct nm_nftables_claim *nm_nftables_claims_find(const struct nm_nftables_claims *index,
	enum nm_family family, enum nm_nftables_set set, const void *key, size_t len);

/* Notes that the element of this first entry is in the kernel. */
void nm_nftables_claims_found(const struct nm_nftables_claims *index, struct nm_nftables_claim *first,
	const struct nm_nft_element *element);

/* Who is to have the element of this first entry: one that comes, else one that stays. NULL: nobody. */
const struct nm_nftables_element *nm_nftables_claims_desired(
	const struct nm_nftables_claims *index, const struct nm_nftables_claim *first);

#endif
