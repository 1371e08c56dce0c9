/* A kernel for unit tests: replies of nf_tables, built by hand and queued at the other end of a socket pair.
 */
#ifndef NM_UNIT_KERNEL_H
#define NM_UNIT_KERNEL_H

#include <stdalign.h>

#include "host/netlink.h"
#include "nft/batch.h"
#include "nft/objects.h"

struct kernel {
	struct nm_netlink nl; /* for the code under test */
	int fd;
};

bool kernel_open(struct kernel *k);
void kernel_close(struct kernel *k);

/* Messages that are sent together. Begins as zeros. */
struct reply {
	alignas(struct nlmsghdr) char bytes[8192];
	size_t len;
	struct nm_message msg; /* begun last */
};

struct nlmsghdr *reply_at(struct reply *r, size_t at);
/* A further message, NFT_MSG_*, for attributes to be put. */
struct nm_message *reply_begin(struct reply *r, uint32_t seq, uint16_t nft_type);
void reply_end(struct reply *r, const struct nm_message *msg);
/* The end of a dump. */
void reply_done(struct reply *r, uint32_t seq, uint16_t flags);
/* A refusal, or an acknowledgement: 0. */
void reply_error(struct reply *r, uint32_t seq, int error_number);

/* What nf_tables tells of these: names that are NULL and numbers that are 0 are left out. */
void reply_table(struct reply *r, uint32_t seq, const struct nm_nft_table *table);
void reply_chain(struct reply *r, uint32_t seq, const struct nm_nft_chain *chain);
void reply_set(struct reply *r, uint32_t seq, const struct nm_nft_set *set);
void reply_rule(struct reply *r, uint32_t seq, const char *comment);

/* Queues an answer, and forgets what was asked before. */
bool kernel_send(const struct kernel *k, const struct reply *r);

#define KERNEL_ASKED_SIZE 256
/* What has been asked since then: "TYPE[ all] PROTOCOL[ NAME...];" for each request, NFT_MSG_GET* and
 * NFPROTO_*, with its attributes of names. */
const char *kernel_asked(const struct kernel *k, char ret[static KERNEL_ASKED_SIZE]);

/* Commits the transaction, which nobody answers, and copies what it has sent. */
bool kernel_commit(struct nm_nft_batch *txn, struct reply *ret);
/* The message behind msg, which begins as NULL, but for the batch's own; NULL: none. */
const struct nlmsghdr *reply_next(struct reply *r, const struct nlmsghdr *msg);

#endif
