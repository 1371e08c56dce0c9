/* Which tables, chains and sets nf_tables has, of whomever. */
#ifndef NM_NFT_OBJECTS_H
#define NM_NFT_OBJECTS_H

#include "nft/dump.h"

/* The members are borrowed during the call of the handler. */
struct nm_nft_chain {
	uint8_t nfproto; /* NFPROTO_* of its table */
	const char *table, *name;
	bool is_base;
	const char *type; /* of a base chain: "filter", "nat"; else "" */
	uint32_t hook;    /* NF_INET_* */
	int32_t priority;
	bool drops;   /* its policy */
	uint32_t use; /* rules in it and verdicts that lead to it */
	bool made;    /* by natmap: NM_TAG_MADE */
};

struct nm_nft_table {
	uint8_t nfproto;
	const char *name;
	uint32_t use;    /* chains, sets and other objects in it */
	bool is_dormant; /* its chains see no packets */
	bool made;
};

struct nm_nft_set {
	const char *table, *name;
	uint32_t flags; /* NFT_SET_* */
	uint32_t key_size, data_size;
	bool has_userdata; /* as those that nft creates have */
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

/* Whether the table or chain is there. */
int nm_nft_objects_has(
	struct nm_netlink *nl, struct nm_nft_place place, bool *ret, struct nm_err *err) NM_MUST_USE;

#endif
