/* Tables, chains and sets. All of them are created when one is missing, and what is there stays as it is. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#include "nftables_base.h"

struct chain {
	const char *name, *type; /* NULL: a chain without hook */
	uint32_t hook;
	int32_t priority;
};

static const struct chain chains[] = {
	{"guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW},
	{"prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST + 1},
	{"output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST + 1},
	{"forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER - 1},
	{"forwarded", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER + 1},
	{"postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 1},
};

/* Those without hook come after those that they lead to, as `nft list` shows them. */
const char *const nm_own_chains[] = {"guard", "prerouting", "output", "translate", "loopback", "forward",
	"restricted", "allowed", "pass", "forwarded", "postrouting", "masquerade", "static_prerouting",
	"static_output", "static_translate", "static_forward", "static_postrouting", NULL};

bool nm_own_chain_is_static(const char *chain)
{
	return !strncmp(chain, "static_", strlen("static_"));
}

static void put_be32(struct nlmsghdr *nlh, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(nlh, type, htonl(value));
}

static int ensure_table(struct nm_nft_txn *txn, enum nm_family family, struct nm_err *err)
{
	struct nlmsghdr *nlh = nm_nft_txn_begin(txn, NFT_MSG_NEWTABLE, NLM_F_CREATE, family, false, err);

	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, NM_NFTABLES_TABLE);
	nm_nft_put_comment(nlh, NFTA_TABLE_USERDATA, NM_TAG_MADE);
	nm_nft_txn_end(txn, nlh);
	return 0;
}

static void put_hook(struct nlmsghdr *nlh, const char *name)
{
	for (size_t i = 0; i < sizeof(chains) / sizeof(*chains); i++) {
		struct nlattr *nest;

		if (strcmp(chains[i].name, name) != 0)
			continue;
		nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
		put_be32(nlh, NFTA_HOOK_HOOKNUM, chains[i].hook);
		put_be32(nlh, NFTA_HOOK_PRIORITY, (uint32_t)chains[i].priority);
		mnl_attr_nest_end(nlh, nest);
		mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, chains[i].type);
	}
}

static int ensure_chain(struct nm_nft_txn *txn, enum nm_family family, const char *name, struct nm_err *err)
{
	struct nlmsghdr *nlh = nm_nft_txn_begin(txn, NFT_MSG_NEWCHAIN, NLM_F_CREATE, family, false, err);

	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, NM_NFTABLES_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	put_hook(nlh, name);
	nm_nft_txn_end(txn, nlh);
	return 0;
}

/* No size: the set grows. Linux before 5.7 passes over the counter, which each element gets a copy of. */
static int ensure_set(struct nm_nft_txn *txn, enum nm_family family, enum nm_set set, struct nm_err *err)
{
	struct nlmsghdr *nlh = nm_nft_txn_begin(txn, NFT_MSG_NEWSET, NLM_F_CREATE, family, false, err);
	/* for `nft list`: NFTNL_UDATA_SET_KEYBYTEORDER, BYTEORDER_HOST_ENDIAN */
	const struct {
		uint8_t type, len;
		uint32_t value;
	} __attribute__((packed)) names = {0, sizeof(uint32_t), 1};
	struct nlattr *nest;

	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, NM_NFTABLES_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, nm_set_name(set));
	put_be32(nlh, NFTA_SET_FLAGS, nm_set_is_map(set) ? NFT_SET_MAP : 0);
	put_be32(nlh, NFTA_SET_KEY_TYPE, nm_set_key_type(set, family));
	put_be32(nlh, NFTA_SET_KEY_LEN, (uint32_t)nm_set_key_size(set, family));
	put_be32(nlh, NFTA_SET_ID, (uint32_t)set + 1);
	if (nm_set_is_map(set)) {
		put_be32(nlh, NFTA_SET_DATA_TYPE, nm_set_data_type(set, family));
		put_be32(nlh, NFTA_SET_DATA_LEN, (uint32_t)nm_set_data_size(set, family));
		nest = mnl_attr_nest_start(nlh, NFTA_SET_EXPR);
		mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
		mnl_attr_nest_end(nlh, nest);
	}
	if (set == NM_SET_LOCALNET)
		mnl_attr_put(nlh, NFTA_SET_USERDATA, sizeof(names), &names);
	nm_nft_txn_end(txn, nlh);
	return 0;
}

int nm_nftables_ensure(struct nm_nft_txn *txn, enum nm_family family, struct nm_err *err)
{
	if (ensure_table(txn, family, err) < 0)
		return -1;
	for (size_t i = 0; nm_own_chains[i]; i++)
		if (ensure_chain(txn, family, nm_own_chains[i], err) < 0)
			return -1;
	for (enum nm_set set = 0; set < NM_SET_MAX; set++)
		if (nm_set_exists(set, family) && ensure_set(txn, family, set, err) < 0)
			return -1;
	return 0;
}
