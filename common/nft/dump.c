#include "nft/dump.h"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

static uint16_t message_type(uint16_t type)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
}

void nm_nft_dump_put_name(struct nm_netlink_request *r, uint16_t type, const char *name)
{
	nm_netlink_request_put(r, type, name, strlen(name) + 1);
}

/* A table's name has one number in all requests: nft/batch.c. */
void nm_nft_dump_begin(struct nm_netlink_request *r, uint16_t get, uint16_t flags, struct nm_nft_place place)
{
	struct nfgenmsg *nfg = nm_netlink_request_begin(r, message_type(get), flags, sizeof(*nfg));

	nfg->nfgen_family = place.nfproto;
	if (place.table)
		nm_nft_dump_put_name(r, NFTA_TABLE_NAME, place.table);
	if (place.chain)
		nm_nft_dump_put_name(
			r, get == NFT_MSG_GETCHAIN ? NFTA_CHAIN_NAME : NFTA_RULE_CHAIN, place.chain);
}

struct reader {
	uint16_t type; /* of the replies */
	nm_nft_dump_handler *handler;
	void *ctx;
};

static int on_reply(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct nfgenmsg *nfg = nm_netlink_header(msg, sizeof(*nfg));
	const struct reader *r = ctx;

	if (!nfg || msg->nlmsg_type != r->type)
		return 0;
	return r->handler(r->ctx, nfg->nfgen_family, nm_attrs_of(msg, sizeof(*nfg)), err);
}

_Static_assert(NFT_MSG_GETRULE == NFT_MSG_NEWRULE + 1 && NFT_MSG_GETGEN == NFT_MSG_NEWGEN + 1,
	"NFT_MSG_NEW* answers NFT_MSG_GET*");

int nm_nft_dump(struct nm_netlink *nl, struct nm_netlink_request *r, uint16_t get, const int *tolerate,
	nm_nft_dump_handler *handler, void *ctx, struct nm_err *err)
{
	struct reader reader = {.type = message_type((uint16_t)(get - 1)), .handler = handler, .ctx = ctx};
	const struct nm_netlink_handler replies = {.reply = on_reply, .tolerate = tolerate, .ctx = &reader};

	return nm_netlink_talk(nl, r, &replies, err);
}

/* struct nftnl_udata of libnftnl: u8 type, u8 length, value. Type 0 is the comment with its NUL:
 * NFTNL_UDATA_TABLE_COMMENT, NFTNL_UDATA_CHAIN_COMMENT, NFTNL_UDATA_RULE_COMMENT,
 * NFTNL_UDATA_SET_ELEM_COMMENT. */
const char *nm_nft_dump_comment(struct nm_attrs userdata, size_t *ret_len)
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
