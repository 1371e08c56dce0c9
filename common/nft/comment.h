/* The comment that nft shows for a table, chain, rule or element: it is in the object's user data. */
#ifndef NM_NFT_COMMENT_H
#define NM_NFT_COMMENT_H

#include <libmnl/libmnl.h>

#include "host/attrs.h"

/* Of any comment, with NUL: its length is a byte. */
#define NM_NFT_COMMENT_SIZE 256

/* Appends the comment as user data, an attribute of that type; what is longer than NM_NFT_COMMENT_SIZE - 2 is
 * cut. */
void nm_nft_comment_put(struct nlmsghdr *nlh, uint16_t type, const char *comment);

/* Returns the comment in user data, *ret_len bytes without NUL, borrowed. NULL: none. */
const char *nm_nft_comment_read(struct nm_attrs userdata, size_t *ret_len);

#endif
