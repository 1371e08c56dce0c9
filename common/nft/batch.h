/* One nf_tables transaction: a batch of changes that the kernel applies as a whole or not at all. */
#ifndef NM_NFT_BATCH_H
#define NM_NFT_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "host/message.h"
#include "nft/dump.h"

struct nm_nft_batch;

/* Begins an empty transaction that holds only if the ruleset still has the generation. NULL when memory is
 * short. */
struct nm_nft_batch *nm_nft_batch_new(uint32_t generation);
void nm_nft_batch_free(struct nm_nft_batch **txn); /* accepts NULL in it, and leaves NULL */
#define nm_autobatch NM_CLEANUP(nm_nft_batch_free)

/* Bytes of room that the attributes of a message have. */
#define NM_NFT_RULE_SIZE 2048

/*
 * The following append one change each, whose names are copied; 0, or the message for further attributes; -1
 * or NULL with *err (memory). Nothing else comes between a message and its nm_nft_batch_end(). One that has
 * no room for its attributes makes the commit fail.
 */

/* Any change, NFT_MSG_*; the message names the place. */
struct nm_message *nm_nft_batch_begin(struct nm_nft_batch *txn, uint16_t type, uint16_t flags,
	struct nm_nft_place place, struct nm_err *err);
void nm_nft_batch_end(struct nm_nft_batch *txn);

/* Where iptables or nftables hook a base chain. */
struct nm_nft_hook {
	const char *type; /* NULL: a chain without hook */
	uint32_t number;  /* NF_INET_* */
	int32_t priority;
};

/* Creates the table or chain if it is missing, with the comment (NULL: none); hook NULL: without. What is
 * there stays as it is. */
int nm_nft_batch_ensure(struct nm_nft_batch *txn, struct nm_nft_place place, const struct nm_nft_hook *hook,
	const char *comment, struct nm_err *err) NM_MUST_USE;

/* Adds a rule: append: at the end of the chain, or behind the rule with the handle neighbour, if it is not 0;
 * else at the head, or before it. The caller puts expressions and user data, and calls nm_nft_batch_end(). */
struct nm_message *nm_nft_batch_begin_rule(struct nm_nft_batch *txn, struct nm_nft_place place,
	uint64_t neighbour, bool append, struct nm_err *err);

/* Deletes the rule of the chain. */
int nm_nft_batch_delete_rule(
	struct nm_nft_batch *txn, struct nm_nft_place place, uint64_t handle, struct nm_err *err) NM_MUST_USE;

/* Deletes a chain that has no rules and that none refers to, or a table with all that is in it, once what
 * comes before in the transaction is done. */
int nm_nft_batch_delete(struct nm_nft_batch *txn, struct nm_nft_place place, struct nm_err *err) NM_MUST_USE;

#define NM_NFT_BATCH_STRLEN 1024
typedef const char *nm_nft_batch_print(const void *object, char buf[static NM_NFT_BATCH_STRLEN]);
/* The change appended last is about the object, borrowed until the commit: a refusal prints it. */
void nm_nft_batch_describe(struct nm_nft_batch *txn, nm_nft_batch_print *print, const void *object);

/* The change appended last adds a rule: its commit sets *ret to the rule's handle. */
void nm_nft_batch_report(struct nm_nft_batch *txn, uint64_t *ret);

/* True when nothing is added or deleted: then all that was ensured is there already, if rules were found in
 * it. */
bool nm_nft_batch_is_idle(const struct nm_nft_batch *txn);

enum nm_nft_outcome {
	NM_NFT_COMMITTED,
	NM_NFT_STALE,   /* the generation has passed, or an element was there already: read again */
	NM_NFT_UNKNOWN, /* the kernel's answer is lost: applied or not, read again */
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
