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

typedef int nm_nft_chain_handler(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err);
typedef int nm_nft_table_handler(void *ctx, const struct nm_nft_table *table, struct nm_err *err);
typedef int nm_nft_set_handler(void *ctx, const struct nm_nft_set *set, struct nm_err *err);

/* Call handler for each chain, table or set of the tables of nfproto; NFPROTO_UNSPEC: of all. Interrupted as
 * nm_nft_dump(). */
int nm_nft_objects_each_chain(struct nm_netlink *nl, uint8_t nfproto, nm_nft_chain_handler *handler,
	void *ctx, struct nm_err *err) NM_MUST_USE;
int nm_nft_objects_each_table(struct nm_netlink *nl, uint8_t nfproto, nm_nft_table_handler *handler,
	void *ctx, struct nm_err *err) NM_MUST_USE;
int nm_nft_objects_each_set(struct nm_netlink *nl, uint8_t nfproto, nm_nft_set_handler *handler, void *ctx,
	struct nm_err *err) NM_MUST_USE;

/* Call handler for this one, if it is there. */
int nm_nft_objects_get_chain(struct nm_netlink *nl, struct nm_nft_place place, nm_nft_chain_handler *handler,
	void *ctx, struct nm_err *err) NM_MUST_USE;
int nm_nft_objects_get_table(struct nm_netlink *nl, struct nm_nft_place place, nm_nft_table_handler *handler,
	void *ctx, struct nm_err *err) NM_MUST_USE;

/* Whether the table is there. */
int nm_nft_objects_has_table(
	struct nm_netlink *nl, struct nm_nft_place place, bool *ret, struct nm_err *err) NM_MUST_USE;

#endif
