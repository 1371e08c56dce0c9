/* Which tables and chains nf_tables has, of whomever. */
#ifndef NM_NFT_CHAIN_H
#define NM_NFT_CHAIN_H

#include "netlink.h"

/* The members are borrowed during the call of the handler. */
struct nm_nft_chain {
	uint8_t nfproto; /* NFPROTO_* of its table */
	const char *table, *name;
	bool is_base;
	uint32_t hook; /* of a base chain: NF_INET_* */
	int32_t priority;
	bool drops;   /* its policy */
	uint32_t use; /* rules in it and verdicts that lead to it */
	bool made;    /* by natmap: NM_TAG_MADE */
};

struct nm_nft_table {
	uint8_t nfproto;
	const char *name;
	uint32_t use; /* chains, sets and other objects in it */
	bool made;
};

typedef int nm_nft_chain_handler(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err);
typedef int nm_nft_table_handler(void *ctx, const struct nm_nft_table *table, struct nm_err *err);

/* Call handler for each chain, or table, of the tables of nfproto; NFPROTO_UNSPEC: of all. *ret_interrupted
 * is set when somebody changed the ruleset meanwhile, so that what was handed over means nothing. */
int nm_nft_each_chain(struct nm_netlink *nl, uint8_t nfproto, nm_nft_chain_handler *handler, void *ctx,
	bool *ret_interrupted, struct nm_err *err) NM_MUST_USE;
/* Calls it for this one, if it is there. */
int nm_nft_get_chain(struct nm_netlink *nl, uint8_t nfproto, const char *table, const char *name,
	nm_nft_chain_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;
int nm_nft_each_table(struct nm_netlink *nl, uint8_t nfproto, nm_nft_table_handler *handler, void *ctx,
	bool *ret_interrupted, struct nm_err *err) NM_MUST_USE;

#endif
