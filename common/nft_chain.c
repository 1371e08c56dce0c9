#include "nft_chain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "nft_read.h"
#include "rule.h"

struct walk {
	nm_nft_chain_handler *chain;
	nm_nft_table_handler *table;
	void *ctx;
	bool interrupted;
};

static bool get_be32(struct nm_attrs attrs, uint16_t type, uint32_t *ret)
{
	uint32_t value;

	if (!nm_attrs_get(attrs, type, &value, sizeof(value)))
		return false;
	*ret = ntohl(value);
	return true;
}

static bool is_made(struct nm_attrs userdata)
{
	size_t len;
	const char *comment = nm_nft_comment(userdata, &len);

	return comment && len == strlen(NM_TAG_MADE) && !memcmp(comment, NM_TAG_MADE, len);
}

static int read_chain(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct nfgenmsg *nfg = nm_netlink_header(msg, sizeof(*nfg));
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(*nfg)),
			hook = nm_attrs_nested(attrs, NFTA_CHAIN_HOOK);
	char table[NFT_NAME_MAXLEN], name[NFT_NAME_MAXLEN];
	struct nm_nft_chain chain = {.table = table, .name = name};
	uint32_t policy = NF_ACCEPT, priority = 0;
	const struct walk *w = ctx;

	if (!nfg || msg->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) || w->interrupted)
		return 0;
	if (!nm_attrs_string(attrs, NFTA_CHAIN_TABLE, table, sizeof(table)) ||
		!nm_attrs_string(attrs, NFTA_CHAIN_NAME, name, sizeof(name)))
		return nm_fail(err, NM_ERR_FAILED, "a chain without name in the kernel's reply");
	chain.nfproto = nfg->nfgen_family;
	chain.is_base = get_be32(hook, NFTA_HOOK_HOOKNUM, &chain.hook);
	(void)get_be32(hook, NFTA_HOOK_PRIORITY, &priority); /* 0 without */
	(void)get_be32(attrs, NFTA_CHAIN_POLICY, &policy);
	(void)get_be32(attrs, NFTA_CHAIN_USE, &chain.use);
	chain.priority = (int32_t)priority;
	chain.drops = policy == NF_DROP;
	chain.made = is_made(nm_attrs_nested(attrs, NFTA_CHAIN_USERDATA));
	return w->chain(w->ctx, &chain, err);
}

static int read_table(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct nfgenmsg *nfg = nm_netlink_header(msg, sizeof(*nfg));
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(*nfg));
	char name[NFT_NAME_MAXLEN];
	struct nm_nft_table table = {.name = name};
	const struct walk *w = ctx;

	if (!nfg || msg->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE) || w->interrupted)
		return 0;
	if (!nm_attrs_string(attrs, NFTA_TABLE_NAME, name, sizeof(name)))
		return nm_fail(err, NM_ERR_FAILED, "a table without name in the kernel's reply");
	table.nfproto = nfg->nfgen_family;
	(void)get_be32(attrs, NFTA_TABLE_USE, &table.use);
	table.made = is_made(nm_attrs_nested(attrs, NFTA_TABLE_USERDATA));
	return w->table(w->ctx, &table, err);
}

static void interrupt(void *ctx)
{
	((struct walk *)ctx)->interrupted = true;
}

static int walk(
	struct nm_netlink *nl, uint8_t nfproto, struct walk *w, bool *ret_interrupted, struct nm_err *err)
{
	struct nm_netlink_sink sink = {
		.reply = w->chain ? read_chain : read_table, .restart = interrupt, .ctx = w};
	struct nm_request request;
	struct nfgenmsg *nfg;

	nm_request_init(&request);
	nfg = nm_request_begin(&request,
		(uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (w->chain ? NFT_MSG_GETCHAIN : NFT_MSG_GETTABLE)),
		NLM_F_DUMP, sizeof(*nfg));
	nfg->nfgen_family = nfproto;
	if (nm_netlink_talk(nl, &request, &sink, err) < 0)
		return nm_wrap(err, "reading the %s of nf_tables", w->chain ? "chains" : "tables");
	*ret_interrupted |= w->interrupted;
	return 0;
}

int nm_nft_each_chain(struct nm_netlink *nl, uint8_t nfproto, nm_nft_chain_handler *handler, void *ctx,
	bool *ret_interrupted, struct nm_err *err)
{
	return walk(nl, nfproto, &(struct walk){.chain = handler, .ctx = ctx}, ret_interrupted, err);
}

static bool is_missing(int error_number)
{
	return error_number == ENOENT;
}

int nm_nft_get_chain(struct nm_netlink *nl, uint8_t nfproto, const char *table, const char *name,
	nm_nft_chain_handler *handler, void *ctx, struct nm_err *err)
{
	struct walk w = {.chain = handler, .ctx = ctx};
	struct nm_netlink_sink sink = {.reply = read_chain, .tolerate = is_missing, .ctx = &w};
	struct nm_request request;
	struct nfgenmsg *nfg;

	nm_request_init(&request);
	nfg = nm_request_begin(
		&request, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN), 0, sizeof(*nfg));
	nfg->nfgen_family = nfproto;
	nm_request_put(&request, NFTA_CHAIN_TABLE, table, strlen(table) + 1);
	nm_request_put(&request, NFTA_CHAIN_NAME, name, strlen(name) + 1);
	if (nm_netlink_talk(nl, &request, &sink, err) < 0)
		return nm_wrap(err, "reading chain '%s' of table '%s'", name, table);
	return 0;
}

int nm_nft_each_table(struct nm_netlink *nl, uint8_t nfproto, nm_nft_table_handler *handler, void *ctx,
	bool *ret_interrupted, struct nm_err *err)
{
	return walk(nl, nfproto, &(struct walk){.table = handler, .ctx = ctx}, ret_interrupted, err);
}
