/*
 * All are created when one is missing, and what is there stays as it is: a chain or set cannot become
 * another. So a table that is not as it should be, since somebody changed it or an older natmap made it, has
 * to go first.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>
#include <string.h>

#include "nft/encode.h"
#include "nft/expr.h"
#include "nft/objects.h"
#include "nft/rules.h"
#include "nftables/schema.h"

struct chain {
	const char *name, *type;
	uint32_t hook;
	int32_t priority;
};

static const struct chain base_chains[] = {
	{"guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW},
	{"prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST + 1},
	{"output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST + 1},
	{"forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER - 1},
	{"forwarded", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER + 1},
	{"postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 1},
};

/* As `nft list` shows them: one without hook comes after those that lead to it. */
const char *const nm_nftables_schema_chains[] = {"guard", "prerouting", "output", "translate", "loopback",
	"forward", "restricted", "allowed", "pass", "forwarded", "postrouting", "masqueraded",
	"static_prerouting", "static_output", "static_translate", "static_forward", "static_postrouting",
	NULL};

bool nm_nftables_schema_chain_is_static(const char *chain)
{
	return !strncmp(chain, "static_", strlen("static_"));
}

static int ensure_table(struct nm_nft_batch *txn, enum nm_family family, struct nm_err *err)
{
	struct nlmsghdr *nlh = nm_nft_batch_begin(txn, NFT_MSG_NEWTABLE, NLM_F_CREATE, family, false, err);

	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, NM_NFTABLES_TABLE);
	nm_nft_put_comment(nlh, NFTA_TABLE_USERDATA, NM_TAG_MADE);
	nm_nft_batch_end(txn, nlh);
	return 0;
}

/* NULL: a chain without hook */
static const struct chain *find_base_chain(const char *name)
{
	for (size_t i = 0; i < sizeof(base_chains) / sizeof(*base_chains); i++)
		if (!strcmp(base_chains[i].name, name))
			return &base_chains[i];
	return NULL;
}

static void put_hook(struct nlmsghdr *nlh, const struct chain *chain)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);

	nm_expr_put_be32(nlh, NFTA_HOOK_HOOKNUM, chain->hook);
	nm_expr_put_be32(nlh, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, chain->type);
}

static int ensure_chain(struct nm_nft_batch *txn, enum nm_family family, const char *name, struct nm_err *err)
{
	struct nlmsghdr *nlh = nm_nft_batch_begin(txn, NFT_MSG_NEWCHAIN, NLM_F_CREATE, family, false, err);
	const struct chain *base = find_base_chain(name);

	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, NM_NFTABLES_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	if (base)
		put_hook(nlh, base);
	nm_nft_batch_end(txn, nlh);
	return 0;
}

/* No size: the set grows. Linux before 5.7 passes over the counter, which each element gets a copy of. */
static int ensure_set(
	struct nm_nft_batch *txn, enum nm_family family, enum nm_nftables_set set, struct nm_err *err)
{
	struct nlmsghdr *nlh = nm_nft_batch_begin(txn, NFT_MSG_NEWSET, NLM_F_CREATE, family, false, err);
	/* for `nft list`: NFTNL_UDATA_SET_KEYBYTEORDER, BYTEORDER_HOST_ENDIAN */
	const struct {
		uint8_t type, len;
		uint32_t value;
	} __attribute__((packed)) names = {0, sizeof(uint32_t), 1};
	struct nlattr *nest;

	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, NM_NFTABLES_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, nm_nftables_set_name(set));
	nm_expr_put_be32(nlh, NFTA_SET_FLAGS, nm_nftables_set_is_map(set) ? NFT_SET_MAP : 0);
	nm_expr_put_be32(nlh, NFTA_SET_KEY_TYPE, nm_nftables_set_key_type(set, family));
	nm_expr_put_be32(nlh, NFTA_SET_KEY_LEN, (uint32_t)nm_nftables_set_key_size(set, family));
	nm_expr_put_be32(nlh, NFTA_SET_ID, (uint32_t)set + 1);
	if (nm_nftables_set_is_map(set)) {
		nm_expr_put_be32(nlh, NFTA_SET_DATA_TYPE, nm_nftables_set_data_type(set, family));
		nm_expr_put_be32(nlh, NFTA_SET_DATA_LEN, (uint32_t)nm_nftables_set_data_size(set, family));
		nest = mnl_attr_nest_start(nlh, NFTA_SET_EXPR);
		mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
		mnl_attr_nest_end(nlh, nest);
	}
	if (set == NM_SET_LOCALNET)
		mnl_attr_put(nlh, NFTA_SET_USERDATA, sizeof(names), &names);
	nm_nft_batch_end(txn, nlh);
	return 0;
}

int nm_nftables_schema_ensure(struct nm_nft_batch *txn, enum nm_family family, struct nm_err *err)
{
	if (ensure_table(txn, family, err) < 0)
		return -1;
	for (size_t i = 0; nm_nftables_schema_chains[i]; i++)
		if (ensure_chain(txn, family, nm_nftables_schema_chains[i], err) < 0)
			return -1;
	for (enum nm_nftables_set set = 0; set < NM_SET_MAX; set++)
		if (nm_nftables_set_exists(set, family) && ensure_set(txn, family, set, err) < 0)
			return -1;
	return 0;
}

struct table {
	bool found, made;
};

static int note_table(void *ctx, const struct nm_nft_table *table, struct nm_err *err)
{
	(void)err;
	*(struct table *)ctx = (struct table){.found = true, .made = table->made};
	return 0;
}

static int note_made_rule(void *made, const struct nm_nft_rule *rule, struct nm_err *err)
{
	(void)err;
	*(bool *)made |= rule->tag && rule->tag_len == strlen(NM_TAG_MADE) &&
		!memcmp(rule->tag, NM_TAG_MADE, rule->tag_len);
	return 0;
}

int nm_nftables_schema_find_table(
	struct nm_netlink *nl, enum nm_family family, bool *ret_found, bool *ret_foreign, struct nm_err *err)
{
	uint8_t nfproto = nm_nft_family(family);
	struct table table = {0};
	bool interrupted = false; /* by others, who do not make rules of ours */

	if (nm_nft_objects_get_table(nl, nfproto, NM_NFTABLES_TABLE, note_table, &table, err) < 0 ||
		(table.found && !table.made &&
			nm_nft_rules_each_of(nl, nfproto, NM_NFTABLES_TABLE, NULL, note_made_rule,
				&table.made, &interrupted, err) < 0))
		return -1;
	*ret_found = table.found && table.made;
	if (ret_foreign)
		*ret_foreign = table.found && !table.made;
	else if (table.found && !table.made)
		return nm_fail(err, NM_ERR_FAILED, "nft table %s %s is there, and not natmap's",
			family == NM_IPV4 ? "ip" : "ip6", NM_NFTABLES_TABLE);
	return 0;
}

struct reading {
	enum nm_family family;
	struct nm_nftables_schema *form;
};

static void note_wrong(struct nm_nftables_schema *form, const char *what, const char *name)
{
	if (!form->wrong[0])
		(void)snprintf(form->wrong, sizeof(form->wrong), "%s '%s'", what, name);
}

static int judge_table(void *ctx, const struct nm_nft_table *table, struct nm_err *err)
{
	const struct reading *r = ctx;

	(void)err;
	if (table->is_dormant)
		note_wrong(r->form, "table", table->name);
	return 0;
}

static int judge_chain(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	const struct chain *base = find_base_chain(chain->name);
	const struct reading *r = ctx;
	bool ours = false;

	(void)err;
	for (size_t i = 0; nm_nftables_schema_chains[i]; i++)
		ours |= !strcmp(nm_nftables_schema_chains[i], chain->name);
	if (!ours || strcmp(chain->table, NM_NFTABLES_TABLE) != 0)
		return 0;
	if (chain->is_base != (base != NULL) ||
		(base &&
			(chain->hook != base->hook || chain->priority != base->priority ||
				strcmp(chain->type, base->type) != 0 || chain->drops)))
		note_wrong(r->form, "chain", chain->name);
	return 0;
}

static int judge_set(void *ctx, const struct nm_nft_set *nft_set, struct nm_err *err)
{
	const uint32_t kinds = NFT_SET_MAP | NFT_SET_INTERVAL | NFT_SET_CONSTANT;
	const struct reading *r = ctx;

	(void)err;
	for (enum nm_nftables_set set = 0; set < NM_SET_MAX; set++) {
		bool is_map = nm_nftables_set_is_map(set);

		if (strcmp(nft_set->table, NM_NFTABLES_TABLE) != 0 ||
			strcmp(nft_set->name, nm_nftables_set_name(set)) != 0)
			continue;
		if (nft_set->key_size != nm_nftables_set_key_size(set, r->family) ||
			nft_set->data_size != nm_nftables_set_data_size(set, r->family) ||
			(nft_set->flags & kinds) != (is_map ? NFT_SET_MAP : 0))
			note_wrong(r->form, is_map ? "map" : "set", nft_set->name);
		r->form->loaded |= is_map && nft_set->has_userdata;
	}
	return 0;
}

int nm_nftables_schema_read(struct nm_netlink *nl, enum nm_family family, struct nm_nftables_schema *ret,
	bool *ret_interrupted, struct nm_err *err)
{
	struct reading r = {.family = family, .form = ret};
	uint8_t nfproto = nm_nft_family(family);

	*ret = (struct nm_nftables_schema){0};
	if (nm_nft_objects_get_table(nl, nfproto, NM_NFTABLES_TABLE, judge_table, &r, err) < 0 ||
		nm_nft_objects_each_chain(nl, nfproto, judge_chain, &r, ret_interrupted, err) < 0)
		return -1;
	return nm_nft_objects_each_set(nl, nfproto, judge_set, &r, ret_interrupted, err);
}
