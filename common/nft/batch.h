/* One nf_tables transaction: a batch of changes that the kernel applies as a whole or not at all. */
#ifndef NM_NFT_BATCH_H
#define NM_NFT_BATCH_H

#include "model/rule.h"

struct nm_nft_batch;

/* Begins an empty transaction that holds only if the ruleset still has the generation. NULL when memory is
 * short. */
struct nm_nft_batch *nm_nft_batch_new(uint32_t generation);
void nm_nft_batch_free(struct nm_nft_batch *txn); /* accepts NULL */

static inline void nm_cleanup_nft_batch(struct nm_nft_batch **txn)
{
	nm_nft_batch_free(*txn);
	*txn = NULL;
}
#define nm_autobatch NM_CLEANUP(nm_cleanup_nft_batch)

/* The following append one change each; 0, or -1 with *err (memory). A rule is borrowed until the commit. */

/* Creates the table, or the chain with its hook as iptables does, if missing, and marks what it creates with
 * NM_TAG_MADE as comment. Never touches a policy. */
int nm_nft_batch_ensure_table(
	struct nm_nft_batch *txn, enum nm_family family, enum nm_table table, struct nm_err *err) NM_MUST_USE;
int nm_nft_batch_ensure_chain(struct nm_nft_batch *txn, enum nm_family family, enum nm_table table,
	enum nm_chain chain, struct nm_err *err) NM_MUST_USE;

/* Adds the rule behind, or else before, the one with handle neighbour; with 0 at the head or the end of its
 * chain, as the rule says. */
int nm_nft_batch_add_rule(struct nm_nft_batch *txn, const struct nm_rule *rule, uint64_t neighbour,
	bool behind, struct nm_err *err) NM_MUST_USE;

int nm_nft_batch_delete_rule(struct nm_nft_batch *txn, enum nm_family family, enum nm_table table,
	enum nm_chain chain, uint64_t handle, struct nm_err *err) NM_MUST_USE;

/* Deletes a chain that has no rules and that none refers to, or a table without chains, once what comes
 * before in the transaction is done. */
int nm_nft_batch_delete_chain(struct nm_nft_batch *txn, enum nm_family family, enum nm_table table,
	const char *chain, struct nm_err *err) NM_MUST_USE;
int nm_nft_batch_delete_table(
	struct nm_nft_batch *txn, enum nm_family family, enum nm_table table, struct nm_err *err) NM_MUST_USE;

/*
 * Any other change: begin returns the message of NFT_MSG_* type, for attributes of no more than
 * NM_NFT_RULE_SIZE bytes (nft/encode.h), which end appends; nothing else comes between the two. NULL with
 * *err (memory). effective: it adds or deletes something.
 */
struct nlmsghdr;
struct nlmsghdr *nm_nft_batch_begin(struct nm_nft_batch *txn, uint16_t type, uint16_t flags,
	enum nm_family family, bool effective, struct nm_err *err);
void nm_nft_batch_end(struct nm_nft_batch *txn, const struct nlmsghdr *nlh);

/* True when nothing is added or deleted: then all that was ensured is there already, if rules were found in
 * it. */
bool nm_nft_batch_is_idle(const struct nm_nft_batch *txn);

enum nm_nft_outcome {
	NM_NFT_COMMITTED,
	NM_NFT_STALE,   /* the generation has passed, the kernel's answer is lost, or an element was there
			   already: read again */
	NM_NFT_NO_IPV6, /* the kernel's nf_tables has no IPv6: nothing was applied */
};

/*
 * Sends the batch over fd, a NETLINK_NETFILTER socket without pending replies, as one message and reads all
 * replies. 0 with *ret; -1 with *err that names the first object the kernel refused. After either the
 * transaction is spent.
 */
int nm_nft_batch_commit(
	struct nm_nft_batch *txn, int fd, enum nm_nft_outcome *ret, struct nm_err *err) NM_MUST_USE;

#endif
