/* A change of the nf_tables ruleset that depends on what is there: read, decided, committed, and again if
 * anybody else changed the ruleset meanwhile. */
#ifndef NM_NFT_TRANSACTION_H
#define NM_NFT_TRANSACTION_H

#include "nft/batch.h"

/* The generation of the ruleset; it grows with every transaction of anybody in this network namespace. */
int nm_nft_transaction_generation(struct nm_netlink *nl, uint32_t *ret, struct nm_err *err) NM_MUST_USE;

/* What a transaction did to it: after is before, or the next one if there was anything to commit. */
struct nm_nft_generations {
	uint32_t before, after;
};

struct nm_nft_attempt {
	struct nm_netlink *nl; /* NETLINK_NETFILTER */
	unsigned families;     /* those that the kernel has */
	uint32_t generation;   /* of the ruleset that is read, for which alone the transaction is valid */
	bool again;            /* an earlier attempt may have been applied after all */
	struct nm_nft_batch *txn;
};

/* Reads over attempt->nl and adds changes to attempt->txn. */
typedef int nm_nft_prepare(void *ctx, struct nm_nft_attempt *attempt, struct nm_err *err);

/*
 * Lets prepare() make the transaction and commits it; again when others changed the ruleset meanwhile, a
 * bounded number of times. Nothing is sent when it has no effect. ipv6_optional: go on without IPv6, with a
 * notice, when the kernel's nf_tables has none. 0, or -1 with *err and the kernel as it was; with
 * NM_ERR_UNCERTAIN it may have changed: an answer was lost, and the rules could not be read since. ret, if
 * it is not NULL, tells the generations of the attempt that succeeded; what it has read is of the first of
 * them only if it had something to commit.
 */
int nm_nft_transaction_run(struct nm_netlink *nl, unsigned families, bool ipv6_optional,
	nm_nft_prepare *prepare, void *ctx, struct nm_nft_generations *ret, struct nm_err *err) NM_MUST_USE;

/* Reads over nl; forgets first what an interrupted call has left. */
typedef int nm_nft_read(void *ctx, struct nm_netlink *nl, struct nm_err *err);

/* Calls read(), and again when others changed the ruleset while it was dumped, a bounded number of times. */
int nm_nft_transaction_read(
	struct nm_netlink *nl, nm_nft_read *read, void *ctx, struct nm_err *err) NM_MUST_USE;

#endif
