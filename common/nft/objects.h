/* Which tables, chains, sets and elements nf_tables has, of whomever. */
#ifndef NM_NFT_OBJECTS_H
#define NM_NFT_OBJECTS_H

#include "nft/rules.h"

/* The members are borrowed during the call of the handler. */
struct nm_nft_chain {
	uint8_t nfproto; /* NFPROTO_* of its table */
	const char *table, *name;
	bool is_base;
	const char *type; /* of a base chain: "filter", "nat"; else "" */
	uint32_t hook;    /* NF_INET_* */
	int32_t priority;
	bool drops;      /* its policy */
	uint32_t use;    /* rules in it and verdicts that lead to it */
	bool made;       /* by natmap: NM_TAG_MADE */
	uint64_t handle; /* in its table */
};

struct nm_nft_table {
	uint8_t nfproto;
	const char *name;
	uint32_t use;    /* chains, sets and other objects in it */
	bool is_dormant; /* its chains see no packets */
	bool made;
	uint64_t handle; /* that of no other table, also of one that is made later */
};

#define NM_NFT_FIELDS_MAX 16 /* NFT_REG32_COUNT */

struct nm_nft_set {
	const char *table, *name;
	uint32_t flags; /* NFT_SET_* */
	uint32_t key_size, data_size;
	bool has_userdata;                 /* as those that nft creates have */
	uint8_t nfproto;                   /* of its table */
	uint8_t fields[NM_NFT_FIELDS_MAX]; /* bytes of each part of a key that is a concatenation */
	size_t n_fields;                   /* 0: the kernel does not tell */
};

/* A member is called for each object of its kind; NULL: these are not asked for. */
struct nm_nft_objects_handler {
	int (*table)(void *ctx, const struct nm_nft_table *table, struct nm_err *err);
	int (*chain)(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err);
	int (*set)(void *ctx, const struct nm_nft_set *set, struct nm_err *err);
	void *ctx;
};

/* Calls the handler for the objects of nfproto's tables; NFPROTO_UNSPEC: of all. Interrupted as
 * nm_nft_dump(). */
int nm_nft_objects_each(struct nm_netlink *nl, uint8_t nfproto, struct nm_nft_objects_handler handler,
	struct nm_err *err) NM_MUST_USE;

/* Calls the handler for this table or chain, if it is there. */
int nm_nft_objects_get(struct nm_netlink *nl, struct nm_nft_place place,
	struct nm_nft_objects_handler handler, struct nm_err *err) NM_MUST_USE;

/* Appends to *r, which has room, the request for one chain; nm_nft_objects_get_chains() sends all of them and
 * calls the handler for those that are there. */
void nm_nft_objects_request_chain(struct nm_netlink_request *r, struct nm_nft_place place);
int nm_nft_objects_get_chains(struct nm_netlink *nl, struct nm_netlink_request *r,
	struct nm_nft_objects_handler handler, struct nm_err *err) NM_MUST_USE;

/* Whether the table or chain is there. */
int nm_nft_objects_has(
	struct nm_netlink *nl, struct nm_nft_place place, bool *ret, struct nm_err *err) NM_MUST_USE;

/* An element, borrowed during the call of the handler. */
struct nm_nft_element {
	const char *set;
	struct nm_attrs key, data; /* bytes; data is empty but in maps */
	struct nm_attrs key_end;   /* bytes; of a range of concatenations */
	struct nm_attrs verdict;   /* NFTA_VERDICT_*; of a map to verdicts */
	uint32_t flags;            /* NFT_SET_ELEM_* */
	const char *tag;           /* its comment, not NUL-terminated; NULL: none */
	size_t tag_len;
	struct nm_counters counters; /* zeros without a counter */
	bool unused;                 /* has a counter, which has counted nothing */
};

typedef int nm_nft_element_handler(void *ctx, const struct nm_nft_element *element, struct nm_err *err);

/* Calls handler for each element of the table's set; none when it is missing. Interrupted as
 * nm_nft_dump(). */
int nm_nft_objects_each_element(struct nm_netlink *nl, struct nm_nft_place table, const char *set,
	nm_nft_element_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

/* Appends to *r, which has room, the request for one element by its key; nm_nft_objects_get_elements() sends
 * all of them and calls handler for those that are there; a set of other keys has none of them. */
void nm_nft_objects_request_element(struct nm_netlink_request *r, struct nm_nft_place table, const char *set,
	const void *key, size_t len);
int nm_nft_objects_get_elements(struct nm_netlink *nl, struct nm_netlink_request *r,
	nm_nft_element_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

#endif
