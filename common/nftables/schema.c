/*
 * If one object is missing, all are created; the kernel keeps those that it has, and cannot change a chain or
 * set into another. So a table that differs, because somebody changed it or an older natmap made it, is
 * deleted first.
 */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>
#include <string.h>

#include "nft/expr.h"
#include "nft/objects.h"
#include "nftables/schema.h"

/* As `nft list` shows them: one without hook comes after those that lead to it. */
const struct nm_nftables_schema_chain nm_nftables_schema_chains[] = {
	{"guard", {"filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW}, "prerouting priority raw"},
	{"prerouting", {"nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST + 1}, "prerouting priority dstnat + 1"},
	{"output", {"nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST + 1}, "output priority -99"},
	{.name = "translate"},
	{.name = "loopback"},
	{"forward", {"filter", NF_INET_FORWARD, NF_IP_PRI_FILTER - 1}, "forward priority filter - 1"},
	{.name = "origin"},
	{.name = "network"},
	{.name = "inbound"},
	{.name = "foreign"},
	{.name = "closed"},
	{.name = "restricted"},
	{.name = "allowed"},
	{.name = "pass"},
	{"forwarded", {"filter", NF_INET_FORWARD, NF_IP_PRI_FILTER + 1}, "forward priority filter + 1"},
	{"postrouting", {"nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 1},
		"postrouting priority srcnat - 1"},
	{.name = "masqueraded"},
	{"leaving", {"nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC + 1}, "postrouting priority srcnat + 1"},
	{.name = "static_prerouting"},
	{.name = "static_output"},
	{.name = "static_translate"},
	{.name = "static_forward"},
	{.name = "static_closed"},
	{.name = "static_postrouting"},
	{.name = NULL},
};

const struct nm_nftables_schema_chain *nm_nftables_schema_find_chain(const char *name)
{
	const struct nm_nftables_schema_chain *c = nm_nftables_schema_chains;

	while (c->name && strcmp(c->name, name) != 0)
		c++;
	return c->name ? c : NULL;
}

bool nm_nftables_schema_chain_is_static(const char *chain)
{
	return !strncmp(chain, "static_", strlen("static_"));
}

struct nm_nft_place nm_nftables_schema_place(enum nm_family family, const char *chain)
{
	return (struct nm_nft_place){nm_addr_family_to_af(family), NM_NFTABLES_TABLE, chain};
}

static bool is_of_one_interface(enum nm_nftables_set set)
{
	const enum nm_nftables_field *key = nm_nftables_sets[set].key;

	return (key[0] == NM_FIELD_IN_INTERFACE || key[0] == NM_FIELD_OUT_INTERFACE) && !key[1];
}

/* No size: the set grows. Linux before 5.7 passes over the counter, which each element gets a copy of. */
static int ensure_set(
	struct nm_nft_batch *txn, enum nm_family family, enum nm_nftables_set set, struct nm_err *err)
{
	struct nm_message *m = nm_nft_batch_begin(
		txn, NFT_MSG_NEWSET, NLM_F_CREATE, nm_nftables_schema_place(family, NULL), err);
	/* for `nft list`: NFTNL_UDATA_SET_KEYBYTEORDER, BYTEORDER_HOST_ENDIAN */
	const struct {
		uint8_t type, len;
		uint32_t value;
	} __attribute__((packed)) names = {0, sizeof(uint32_t), 1};
	struct nlattr *nest;

	if (!m)
		return -1;
	nm_message_put_string(m, NFTA_SET_NAME, nm_nftables_sets[set].name);
	nm_message_put_be32(m, NFTA_SET_FLAGS, nm_nftables_set_is_map(set) ? NFT_SET_MAP : 0);
	nm_message_put_be32(
		m, NFTA_SET_KEY_TYPE, nm_nftables_set_fields_type(nm_nftables_sets[set].key, family));
	nm_message_put_be32(m, NFTA_SET_KEY_LEN, (uint32_t)nm_nftables_set_key_size(set, family));
	nm_message_put_be32(m, NFTA_SET_ID, (uint32_t)set + 1);
	if (nm_nftables_set_is_map(set)) {
		nm_message_put_be32(m, NFTA_SET_DATA_TYPE,
			nm_nftables_set_fields_type(nm_nftables_sets[set].data, family));
		nm_message_put_be32(m, NFTA_SET_DATA_LEN, (uint32_t)nm_nftables_set_data_size(set, family));
	}
	if (nm_nftables_set_is_counted(set)) {
		nest = nm_message_nest(m, NFTA_SET_EXPR);
		nm_message_put_string(m, NFTA_EXPR_NAME, "counter");
		nm_message_nest_end(m, nest);
	}
	if (is_of_one_interface(set))
		nm_message_put(m, NFTA_SET_USERDATA, &names, sizeof(names));
	nm_nft_batch_end(txn);
	return 0;
}

static bool is_needed(
	enum nm_nftables_set set, enum nm_family family, const struct nm_nftables_prefix_lengths *lengths)
{
	return nm_nftables_set_exists(set, family) &&
		(!nm_nftables_set_is_optional(set) || nm_nftables_layout_uses(lengths, set));
}

int nm_nftables_schema_ensure(struct nm_nft_batch *txn, enum nm_family family,
	const struct nm_nftables_prefix_lengths *lengths, struct nm_err *err)
{
	if (nm_nft_batch_ensure(txn, nm_nftables_schema_place(family, NULL), NULL, NM_TAG_MADE, err) < 0)
		return -1;
	for (const struct nm_nftables_schema_chain *c = nm_nftables_schema_chains; c->name; c++)
		if (nm_nft_batch_ensure(txn, nm_nftables_schema_place(family, c->name), &c->hook, NULL, err) <
			0)
			return -1;
	for (enum nm_nftables_set set = 0; set < NM_SET_MAX; set++)
		if (is_needed(set, family, lengths) && ensure_set(txn, family, set, err) < 0)
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
	*(bool *)made |= nm_tag_is_made(rule->tag, rule->tag_len);
	return 0;
}

int nm_nftables_schema_find_table(
	struct nm_netlink *nl, enum nm_family family, bool *ret_found, bool *ret_foreign, struct nm_err *err)
{
	struct nm_nft_place place = nm_nftables_schema_place(family, NULL);
	struct table table = {0};
	const struct nm_nft_objects_handler handler = {.table = note_table, .ctx = &table};

	if (nm_nft_objects_get(nl, place, handler, err) < 0 ||
		(table.found && !table.made &&
			nm_nft_rules_each(nl, place, note_made_rule, &table.made, err) < 0))
		return -1;
	*ret_found = table.found && table.made;
	if (ret_foreign)
		*ret_foreign = table.found && !table.made;
	else if (table.found && !table.made)
		return nm_fail(err, NM_ERR_FAILED, "nft table %s %s is there, and not natmap's",
			family == NM_IPV4 ? "ip" : "ip6", NM_NFTABLES_TABLE);
	return 0;
}

static void note_wrong(struct nm_nftables_schema *schema, const char *what, const char *name)
{
	if (!schema->wrong[0])
		(void)snprintf(schema->wrong, sizeof(schema->wrong), "%s '%s'", what, name);
}

static int on_table(void *ctx, const struct nm_nft_table *table, struct nm_err *err)
{
	(void)err;
	if (table->is_dormant)
		note_wrong(ctx, "table", table->name);
	return 0;
}

static bool has_hook(const struct nm_nft_chain *chain, const struct nm_nft_hook *hook)
{
	if (!hook->type)
		return !chain->is_base;
	return chain->is_base && chain->hook == hook->number && chain->priority == hook->priority &&
		!strcmp(chain->type, hook->type) && !chain->drops;
}

static int on_chain(void *ctx, const struct nm_nft_chain *chain, struct nm_err *err)
{
	const struct nm_nftables_schema_chain *c = nm_nftables_schema_find_chain(chain->name);

	(void)err;
	if (c && !strcmp(chain->table, NM_NFTABLES_TABLE) && !has_hook(chain, &c->hook))
		note_wrong(ctx, "chain", chain->name);
	return 0;
}

static int on_set(void *ctx, const struct nm_nft_set *nft_set, struct nm_err *err)
{
	const uint32_t kinds = NFT_SET_MAP | NFT_SET_INTERVAL | NFT_SET_CONSTANT;
	struct nm_nftables_schema *schema = ctx;

	(void)err;
	for (enum nm_nftables_set set = 0; set < NM_SET_MAX; set++) {
		bool is_map = nm_nftables_set_is_map(set);

		if (strcmp(nft_set->table, NM_NFTABLES_TABLE) != 0 ||
			strcmp(nft_set->name, nm_nftables_sets[set].name) != 0)
			continue;
		if (nft_set->key_size != nm_nftables_set_key_size(set, schema->family) ||
			nft_set->data_size != nm_nftables_set_data_size(set, schema->family) ||
			(nft_set->flags & kinds) != (is_map ? NFT_SET_MAP : 0))
			note_wrong(schema, is_map ? "map" : "set", nft_set->name);
		schema->loaded |= is_map && nft_set->has_userdata;
	}
	return 0;
}

int nm_nftables_schema_read(
	struct nm_netlink *nl, enum nm_family family, struct nm_nftables_schema *ret, struct nm_err *err)
{
	const struct nm_nft_objects_handler one = {.table = on_table, .ctx = ret};
	const struct nm_nft_objects_handler all = {.chain = on_chain, .set = on_set, .ctx = ret};

	*ret = (struct nm_nftables_schema){.family = family};
	if (nm_nft_objects_get(nl, nm_nftables_schema_place(family, NULL), one, err) < 0)
		return -1;
	return nm_nft_objects_each(nl, nm_addr_family_to_af(family), all, err);
}
