/* Dumps of tables, chains and sets. A dump that somebody's change interrupted begins again in host/netlink.c;
 * here it is only noted, since what has been handed over already cannot be taken back. */
#include "nft/objects.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "model/rule.h"
#include "nft/rules.h"

struct walk {
	nm_nft_chain_handler *chain;
	nm_nft_table_handler *table;
	nm_nft_set_handler *set;
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
	char table[NFT_NAME_MAXLEN], name[NFT_NAME_MAXLEN], type[32] = "";
	struct nm_nft_chain chain = {.table = table, .name = name, .type = type};
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
	(void)nm_attrs_string(attrs, NFTA_CHAIN_TYPE, type, sizeof(type));
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
	uint32_t flags = 0;

	if (!nfg || msg->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE) || w->interrupted)
		return 0;
	if (!nm_attrs_string(attrs, NFTA_TABLE_NAME, name, sizeof(name)))
		return nm_fail(err, NM_ERR_FAILED, "a table without name in the kernel's reply");
	table.nfproto = nfg->nfgen_family;
	(void)get_be32(attrs, NFTA_TABLE_USE, &table.use);
	(void)get_be32(attrs, NFTA_TABLE_FLAGS, &flags);
	table.is_dormant = flags & NFT_TABLE_F_DORMANT;
	table.made = is_made(nm_attrs_nested(attrs, NFTA_TABLE_USERDATA));
	return w->table(w->ctx, &table, err);
}

static int read_set(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(struct nfgenmsg));
	char table[NFT_NAME_MAXLEN], name[NFT_NAME_MAXLEN];
	struct nm_nft_set set = {.table = table, .name = name};
	const struct walk *w = ctx;

	if (msg->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET) || w->interrupted)
		return 0;
	if (!nm_attrs_string(attrs, NFTA_SET_TABLE, table, sizeof(table)) ||
		!nm_attrs_string(attrs, NFTA_SET_NAME, name, sizeof(name)))
		return nm_fail(err, NM_ERR_FAILED, "a set without name in the kernel's reply");
	(void)get_be32(
		attrs, NFTA_SET_FLAGS, &set.flags); /* none; no set without key, and no map without data */
	(void)get_be32(attrs, NFTA_SET_KEY_LEN, &set.key_size);
	(void)get_be32(attrs, NFTA_SET_DATA_LEN, &set.data_size);
	set.has_userdata = nm_attrs_nested(attrs, NFTA_SET_USERDATA).len > 0;
	return w->set(w->ctx, &set, err);
}

static void interrupt(void *ctx)
{
	((struct walk *)ctx)->interrupted = true;
}

/* What reads the objects that the walk is about; *ret_what: what they are. */
static struct nm_netlink_handler sink_of(struct walk *w, uint16_t *ret_get, const char **ret_what)
{
	struct nm_netlink_handler sink = {.restart = interrupt, .ctx = w};

	if (w->chain) {
		*ret_get = NFT_MSG_GETCHAIN;
		*ret_what = "chain";
		sink.reply = read_chain;
	} else if (w->table) {
		*ret_get = NFT_MSG_GETTABLE;
		*ret_what = "table";
		sink.reply = read_table;
	} else {
		*ret_get = NFT_MSG_GETSET;
		*ret_what = "set";
		sink.reply = read_set;
	}
	return sink;
}

static void begin(struct nm_netlink_request *r, uint16_t get, uint16_t flags, uint8_t nfproto)
{
	struct nfgenmsg *nfg;

	nm_netlink_request_init(r);
	nfg = nm_netlink_request_begin(r, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | get), flags, sizeof(*nfg));
	nfg->nfgen_family = nfproto;
}

static int walk(
	struct nm_netlink *nl, uint8_t nfproto, struct walk *w, bool *ret_interrupted, struct nm_err *err)
{
	const char *what;
	uint16_t get;
	struct nm_netlink_handler sink = sink_of(w, &get, &what);
	struct nm_netlink_request request;

	begin(&request, get, NLM_F_DUMP, nfproto);
	if (nm_netlink_talk(nl, &request, &sink, err) < 0)
		return nm_wrap(err, "reading the %ss of nf_tables", what);
	*ret_interrupted |= w->interrupted;
	return 0;
}

int nm_nft_objects_each_chain(struct nm_netlink *nl, uint8_t nfproto, nm_nft_chain_handler *handler,
	void *ctx, bool *ret_interrupted, struct nm_err *err)
{
	return walk(nl, nfproto, &(struct walk){.chain = handler, .ctx = ctx}, ret_interrupted, err);
}

int nm_nft_objects_each_table(struct nm_netlink *nl, uint8_t nfproto, nm_nft_table_handler *handler,
	void *ctx, bool *ret_interrupted, struct nm_err *err)
{
	return walk(nl, nfproto, &(struct walk){.table = handler, .ctx = ctx}, ret_interrupted, err);
}

int nm_nft_objects_each_set(struct nm_netlink *nl, uint8_t nfproto, nm_nft_set_handler *handler, void *ctx,
	bool *ret_interrupted, struct nm_err *err)
{
	return walk(nl, nfproto, &(struct walk){.set = handler, .ctx = ctx}, ret_interrupted, err);
}

/* NFTA_TABLE_NAME and NFTA_CHAIN_TABLE are the same. name: of a chain in the table; NULL: the table itself.
 */
static int get(struct nm_netlink *nl, uint8_t nfproto, const char *table, const char *name, struct walk *w,
	struct nm_err *err)
{
	const char *what;
	uint16_t get;
	struct nm_netlink_handler sink = sink_of(w, &get, &what);
	struct nm_netlink_request request;

	sink.tolerate = nm_netlink_is_missing;
	begin(&request, get, 0, nfproto);
	nm_netlink_request_put(&request, NFTA_TABLE_NAME, table, strlen(table) + 1);
	if (name)
		nm_netlink_request_put(&request, NFTA_CHAIN_NAME, name, strlen(name) + 1);
	if (nm_netlink_talk(nl, &request, &sink, err) < 0)
		return nm_wrap(err, "looking for %s '%s'", what, name ? name : table);
	return 0;
}

int nm_nft_objects_get_chain(struct nm_netlink *nl, uint8_t nfproto, const char *table, const char *name,
	nm_nft_chain_handler *handler, void *ctx, struct nm_err *err)
{
	return get(nl, nfproto, table, name, &(struct walk){.chain = handler, .ctx = ctx}, err);
}

int nm_nft_objects_get_table(struct nm_netlink *nl, uint8_t nfproto, const char *name,
	nm_nft_table_handler *handler, void *ctx, struct nm_err *err)
{
	return get(nl, nfproto, name, NULL, &(struct walk){.table = handler, .ctx = ctx}, err);
}

static int note_found(void *found, const struct nm_nft_table *table, struct nm_err *err)
{
	(void)table;
	(void)err;
	*(bool *)found = true;
	return 0;
}

int nm_nft_objects_has_table(
	struct nm_netlink *nl, uint8_t nfproto, const char *name, bool *ret, struct nm_err *err)
{
	*ret = false;
	return nm_nft_objects_get_table(nl, nfproto, name, note_found, ret, err);
}
