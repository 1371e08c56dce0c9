/* Elements by key, each with the records that claim it. */
#ifndef NM_NFTABLES_CLAIMS_H
#define NM_NFTABLES_CLAIMS_H

#include "base/hash.h"
#include "nft/objects.h"
#include "nftables/layout.h"

/* The record that claims an element ... */
enum nm_role {
	NM_ROLE_REPLACED, /* is replaced: no longer needs it */
	NM_ROLE_PEER,     /* stays, and may have it already */
	NM_ROLE_NEW,      /* is new: the element must be in the kernel */
};

/* The first claim to a key also has what is known of the key. */
struct nm_nftables_claim {
	const struct nm_nftables_element *element; /* borrowed */
	enum nm_role role;
	bool is_first;
	bool changes; /* a new or replaced record claims the key */
	bool new;     /* a new one does */
	bool look;    /* the kernel may have it already: a peer or replaced record claims it, or it guards an
			 interface, for any number of records that are not claims here */
	bool present; /* the kernel has it, */
	bool right;   /* with data and comment of a new record or peer, */
	bool known;   /* or with the comment of any claim */
	struct nm_counters counters;
	bool unused; /* as in nft/objects.h */
};

/* Begins as zeros. */
struct nm_nftables_claims {
	struct nm_nftables_claim *v; /* owned */
	size_t n, capacity;
	struct nm_hash_index by_key; /* numbers of claims */
};

/* Adds claims to all of these elements, which are borrowed. */
int nm_nftables_claims_add(struct nm_nftables_claims *claims, const struct nm_nftables_elements *elements,
	enum nm_role role, struct nm_err *err) NM_MUST_USE;
/* Prepares all that has been added for the functions below. */
int nm_nftables_claims_make(struct nm_nftables_claims *claims, struct nm_err *err) NM_MUST_USE;
/* Adds new records' claims to these elements, and prepares them. */
int nm_nftables_claims_of(const struct nm_nftables_elements *elements, struct nm_nftables_claims *ret,
	struct nm_err *err) NM_MUST_USE;
void nm_nftables_claims_done(struct nm_nftables_claims *claims);

/* The first claim to the key of this element; NULL: none. */
struct nm_nftables_claim *nm_nftables_claims_find(
	const struct nm_nftables_claims *claims, const struct nm_nftables_element *e);

/* Notes that the kernel has the element of this first claim. */
void nm_nftables_claims_found(const struct nm_nftables_claims *claims, struct nm_nftables_claim *first,
	const struct nm_nft_element *element);

/* What the element of this first claim should be: a new record's, else a peer's; NULL: not in the kernel. */
const struct nm_nftables_element *nm_nftables_claims_desired(
	const struct nm_nftables_claims *claims, const struct nm_nftables_claim *first);

#endif
