/* What the kernel's refusal of a change is about, in words. */
#ifndef NM_NFT_REFUSAL_H
#define NM_NFT_REFUSAL_H

#include <linux/netlink.h>

#include "base/err.h"

/* Fails with the error number and the object that the message of a transaction names; rule: the text of the
 * rule that it adds, NULL: unknown. */
int nm_nft_refusal_fail(const struct nlmsghdr *msg, const char *rule, int error, struct nm_err *err);

#endif
