/*
 * The generation is asked for first and the transaction is valid for that one only, so that what prepare()
 * has read is what the kernel applies it to.
 */
#include "nft/transaction.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>

#include "base/log.h"

enum { TRIES = 16 };

static int read_generation(void *ctx, uint8_t nfproto, struct nm_attrs attrs, struct nm_err *err)
{
	(void)nfproto;
	if (!nm_attrs_be32(attrs, NFTA_GEN_ID, ctx))
		return nm_fail(err, NM_ERR_FAILED, "no generation in the kernel's reply");
	return 0;
}

int nm_nft_transaction_generation(struct nm_netlink *nl, uint32_t *ret, struct nm_err *err)
{
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_nft_dump_begin(&r, NFT_MSG_GETGEN, 0, (struct nm_nft_place){0});
	if (nm_nft_dump(nl, &r, NFT_MSG_GETGEN, NULL, read_generation, ret, err) < 0)
		return nm_wrap(err, "reading the generation of the nf_tables ruleset");
	return 0;
}

/* A batch that is sent adds or deletes something, so its commit counts. The kernel leaves 0 out, which in a
 * batch means any generation. */
static uint32_t next_generation(uint32_t generation)
{
	return generation == UINT32_MAX ? 1 : generation + 1;
}

static int try_once(struct nm_nft_attempt *a, nm_nft_prepare *prepare, void *ctx, enum nm_nft_outcome *ret,
	struct nm_nft_generations *ret_generations, struct nm_err *err)
{
	nm_autobatch struct nm_nft_batch *txn = NULL;
	uint32_t generation;

	if (nm_nft_transaction_generation(a->nl, &generation, err) < 0)
		return -1;
	a->generation = generation;
	*ret_generations = (struct nm_nft_generations){generation, generation};
	a->txn = txn = nm_nft_batch_new(generation);
	if (!txn)
		return nm_fail_memory(err, "preparing the rules");
	*ret = NM_NFT_STALE;
	if (prepare(ctx, a, err) < 0)
		return err->kind == NM_ERR_INTERRUPTED ? 0 : -1;
	*ret = NM_NFT_COMMITTED;
	if (nm_nft_batch_is_idle(txn))
		return 0;
	ret_generations->after = next_generation(generation);
	return nm_nft_batch_commit(txn, a->nl->fd, ret, err);
}

static int give_up_ipv6(bool optional, unsigned *families, struct nm_err *err)
{
	if (!optional)
		return nm_fail(err, NM_ERR_FAILED, "publishing on IPv6: the kernel's nf_tables has no IPv6");
	nm_log_notice("the kernel's nf_tables has no IPv6: published on IPv4 only");
	*families &= ~NM_IPV6_BIT;
	return 0;
}

/* *unknown becomes true when an attempt may have been applied. */
static int run(struct nm_netlink *nl, unsigned families, bool ipv6_optional, nm_nft_prepare *prepare,
	void *ctx, bool *unknown, struct nm_nft_generations *ret, struct nm_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		struct nm_nft_attempt a = {.nl = nl, .families = families, .again = i > 0};
		enum nm_nft_outcome outcome;

		if (try_once(&a, prepare, ctx, &outcome, ret, err) < 0)
			return -1;
		if (outcome == NM_NFT_COMMITTED)
			return 0;
		*unknown |= outcome == NM_NFT_UNKNOWN;
		if (outcome == NM_NFT_NO_IPV6 && give_up_ipv6(ipv6_optional, &families, err) < 0)
			return -1;
	}
	return nm_fail(err, NM_ERR_FAILED,
		"changing the rules: others changed the ruleset %d times meanwhile", TRIES);
}

int nm_nft_transaction_run(struct nm_netlink *nl, unsigned families, bool ipv6_optional,
	nm_nft_prepare *prepare, void *ctx, struct nm_nft_generations *ret, struct nm_err *err)
{
	struct nm_nft_generations ignored;
	bool unknown = false;
	int rc = run(nl, families, ipv6_optional, prepare, ctx, &unknown, ret ? ret : &ignored, err);

	if (rc < 0 && unknown)
		err->kind = NM_ERR_UNCERTAIN;
	return rc;
}

int nm_nft_transaction_read(struct nm_netlink *nl, nm_nft_read *read, void *ctx, struct nm_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		if (read(ctx, nl, err) == 0)
			return 0;
		if (err->kind != NM_ERR_INTERRUPTED)
			return -1;
	}
	return nm_fail(err, NM_ERR_FAILED, "reading the rules: others changed the ruleset %d times meanwhile",
		TRIES);
}
