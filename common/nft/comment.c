/* struct nftnl_udata of libnftnl: u8 type, u8 length, value. Type 0 is the comment with its NUL:
 * NFTNL_UDATA_TABLE_COMMENT, NFTNL_UDATA_CHAIN_COMMENT, NFTNL_UDATA_RULE_COMMENT,
 * NFTNL_UDATA_SET_ELEM_COMMENT. */
#include "nft/comment.h"

#include <string.h>

void nm_nft_comment_put(struct nlmsghdr *nlh, uint16_t type, const char *comment)
{
	struct {
		uint8_t type, len;
		char text[NM_NFT_COMMENT_SIZE];
	} udata = {.type = 0};
	size_t len = strnlen(comment, NM_NFT_COMMENT_SIZE - 2);

	memcpy(udata.text, comment, len);
	udata.len = (uint8_t)(len + 1);
	mnl_attr_put(nlh, type, 2u + udata.len, &udata);
}

const char *nm_nft_comment_read(struct nm_attrs userdata, size_t *ret_len)
{
	const uint8_t *p = userdata.data;
	size_t left = userdata.len;

	while (left >= 2 && left - 2 >= p[1]) {
		if (p[0] == 0 && p[1] > 0) {
			*ret_len = strnlen((const char *)p + 2, p[1]);
			return (const char *)p + 2;
		}
		left -= 2u + p[1];
		p += 2 + p[1];
	}
	return NULL;
}
