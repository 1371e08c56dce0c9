#include "nft/objects.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "model/tag.h"

static bool is_made(struct nm_attrs userdata)
{
	size_t len = 0;
	const char *comment = nm_nft_dump_comment(userdata, &len);

	return nm_tag_is_made(comment, len);
}

/* 0: the kernel does not tell. */
static uint64_t read_handle(struct nm_attrs attrs, uint16_t type)
{
	uint64_t handle = 0;

	(void)nm_attrs_get(attrs, type, &handle, sizeof(handle));
	return be64toh(handle);
}

static int read_chain(void *ctx, uint8_t nfproto, struct nm_attrs attrs, struct nm_err *err)
{
	struct nm_attrs hook = nm_attrs_nested(attrs, NFTA_CHAIN_HOOK);
	char table[NFT_NAME_MAXLEN], name[NFT_NAME_MAXLEN], type[32] = "";
	struct nm_nft_chain chain = {.nfproto = nfproto, .table = table, .name = name, .type = type};
	uint32_t policy = NF_ACCEPT, priority = 0;
	const struct nm_nft_objects_handler *handler = ctx;

	if (!nm_attrs_string(attrs, NFTA_CHAIN_TABLE, table, sizeof(table)) ||
		!nm_attrs_string(attrs, NFTA_CHAIN_NAME, name, sizeof(name)))
		return nm_fail(err, NM_ERR_FAILED, "a chain without name in the kernel's reply");
	chain.is_base = nm_attrs_be32(hook, NFTA_HOOK_HOOKNUM, &chain.hook);
	(void)nm_attrs_be32(hook, NFTA_HOOK_PRIORITY, &priority); /* 0 without */
	(void)nm_attrs_be32(attrs, NFTA_CHAIN_POLICY, &policy);
	(void)nm_attrs_string(attrs, NFTA_CHAIN_TYPE, type, sizeof(type));
	(void)nm_attrs_be32(attrs, NFTA_CHAIN_USE, &chain.use);
	chain.handle = read_handle(attrs, NFTA_CHAIN_HANDLE);
	chain.priority = (int32_t)priority;
	chain.drops = policy == NF_DROP;
	chain.made = is_made(nm_attrs_nested(attrs, NFTA_CHAIN_USERDATA));
	return handler->chain(handler->ctx, &chain, err);
}

static int read_table(void *ctx, uint8_t nfproto, struct nm_attrs attrs, struct nm_err *err)
{
	char name[NFT_NAME_MAXLEN];
	struct nm_nft_table table = {.nfproto = nfproto, .name = name};
	const struct nm_nft_objects_handler *handler = ctx;
	uint32_t flags = 0;

	if (!nm_attrs_string(attrs, NFTA_TABLE_NAME, name, sizeof(name)))
		return nm_fail(err, NM_ERR_FAILED, "a table without name in the kernel's reply");
	(void)nm_attrs_be32(attrs, NFTA_TABLE_USE, &table.use);
	table.handle = read_handle(attrs, NFTA_TABLE_HANDLE);
	(void)nm_attrs_be32(attrs, NFTA_TABLE_FLAGS, &flags);
	table.is_dormant = flags & NFT_TABLE_F_DORMANT;
	table.made = is_made(nm_attrs_nested(attrs, NFTA_TABLE_USERDATA));
	return handler->table(handler->ctx, &table, err);
}

/* A length in bytes for each part, whatever the comment of NFTA_SET_FIELD_LEN says. */
static void read_fields(struct nm_attrs list, struct nm_nft_set *set)
{
	const struct nlattr *field;
	uint32_t bits;

	while ((field = nm_attrs_next(&list)))
		if (set->n_fields < NM_NFT_FIELDS_MAX &&
			nm_attrs_be32(nm_attrs_inside(field), NFTA_SET_FIELD_LEN, &bits))
			set->fields[set->n_fields++] = (uint8_t)bits;
}

static int read_set(void *ctx, uint8_t nfproto, struct nm_attrs attrs, struct nm_err *err)
{
	char table[NFT_NAME_MAXLEN], name[NFT_NAME_MAXLEN];
	struct nm_nft_set set = {.nfproto = nfproto, .table = table, .name = name};
	const struct nm_nft_objects_handler *handler = ctx;

	if (!nm_attrs_string(attrs, NFTA_SET_TABLE, table, sizeof(table)) ||
		!nm_attrs_string(attrs, NFTA_SET_NAME, name, sizeof(name)))
		return nm_fail(err, NM_ERR_FAILED, "a set without name in the kernel's reply");
	(void)nm_attrs_be32(
		attrs, NFTA_SET_FLAGS, &set.flags); /* none; no set without key, and no map without data */
	(void)nm_attrs_be32(attrs, NFTA_SET_KEY_LEN, &set.key_size);
	(void)nm_attrs_be32(attrs, NFTA_SET_DATA_LEN, &set.data_size);
	read_fields(nm_attrs_nested(nm_attrs_nested(attrs, NFTA_SET_DESC), NFTA_SET_DESC_CONCAT), &set);
	set.has_userdata = nm_attrs_nested(attrs, NFTA_SET_USERDATA).len > 0;
	return handler->set(handler->ctx, &set, err);
}

struct kind {
	uint16_t get;
	const char *name;
	nm_nft_dump_handler *read; /* its ctx is the struct nm_nft_objects_handler */
};
static const struct kind tables = {NFT_MSG_GETTABLE, "table", read_table};
static const struct kind chains = {NFT_MSG_GETCHAIN, "chain", read_chain};
static const struct kind sets = {NFT_MSG_GETSET, "set", read_set};

/* Without table: all objects of the kind. */
static int ask(struct nm_netlink *nl, struct nm_nft_place place, const struct kind *kind, void *ctx,
	struct nm_err *err)
{
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_nft_dump_begin(&r, kind->get, place.table ? 0 : NLM_F_DUMP, place);
	if (nm_nft_dump(nl, &r, kind->get, place.table ? NM_NETLINK_ERRORS(ENOENT) : NULL, kind->read, ctx,
		    err) == 0)
		return 0;
	if (!place.table)
		return nm_wrap(err, "reading the %ss of nf_tables", kind->name);
	return nm_wrap(err, "looking for %s '%s'", kind->name, place.chain ? place.chain : place.table);
}

int nm_nft_objects_each(
	struct nm_netlink *nl, uint8_t nfproto, struct nm_nft_objects_handler handler, struct nm_err *err)
{
	const struct nm_nft_place all = {.nfproto = nfproto};

	if ((handler.table && ask(nl, all, &tables, &handler, err) < 0) ||
		(handler.chain && ask(nl, all, &chains, &handler, err) < 0) ||
		(handler.set && ask(nl, all, &sets, &handler, err) < 0))
		return -1;
	return 0;
}

void nm_nft_objects_request_chain(struct nm_netlink_request *r, struct nm_nft_place place)
{
	nm_nft_dump_begin(r, NFT_MSG_GETCHAIN, 0, place);
}

int nm_nft_objects_get_chains(struct nm_netlink *nl, struct nm_netlink_request *r,
	struct nm_nft_objects_handler handler, struct nm_err *err)
{
	const int *none = NM_NETLINK_ERRORS(ENOENT);

	if (r->count > 0 && nm_nft_dump(nl, r, NFT_MSG_GETCHAIN, none, read_chain, &handler, err) < 0)
		return nm_wrap(err, "looking for chains of nf_tables");
	return 0;
}

int nm_nft_objects_get(struct nm_netlink *nl, struct nm_nft_place place,
	struct nm_nft_objects_handler handler, struct nm_err *err)
{
	return ask(nl, place, place.chain ? &chains : &tables, &handler, err);
}

static int on_found_chain(void *found, const struct nm_nft_chain *chain, struct nm_err *err)
{
	(void)chain;
	(void)err;
	*(bool *)found = true;
	return 0;
}

static int on_found_table(void *found, const struct nm_nft_table *table, struct nm_err *err)
{
	(void)table;
	return on_found_chain(found, NULL, err);
}

int nm_nft_objects_has(struct nm_netlink *nl, struct nm_nft_place place, bool *ret, struct nm_err *err)
{
	const struct nm_nft_objects_handler handler = {
		.table = on_found_table, .chain = on_found_chain, .ctx = ret};

	*ret = false;
	return nm_nft_objects_get(nl, place, handler, err);
}

struct reading {
	nm_nft_element_handler *handler;
	void *ctx;
};

static struct nm_nft_element read_element(const char *set, struct nm_attrs attrs)
{
	struct nm_nft_element e = {.set = set};

	e.key = nm_attrs_nested(nm_attrs_nested(attrs, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
	e.data = nm_attrs_nested(nm_attrs_nested(attrs, NFTA_SET_ELEM_DATA), NFTA_DATA_VALUE);
	e.key_end = nm_attrs_nested(nm_attrs_nested(attrs, NFTA_SET_ELEM_KEY_END), NFTA_DATA_VALUE);
	e.verdict = nm_attrs_nested(nm_attrs_nested(attrs, NFTA_SET_ELEM_DATA), NFTA_DATA_VERDICT);
	(void)nm_attrs_be32(attrs, NFTA_SET_ELEM_FLAGS, &e.flags); /* none is 0 */
	e.tag = nm_nft_dump_comment(nm_attrs_nested(attrs, NFTA_SET_ELEM_USERDATA), &e.tag_len);
	e.counters = nm_nft_rule_expression_counters(nm_attrs_nested(attrs, NFTA_SET_ELEM_EXPR));
	e.unused = nm_nft_rule_expression_is_unused(nm_attrs_nested(attrs, NFTA_SET_ELEM_EXPR));
	return e;
}

static int read_elements(void *ctx, uint8_t nfproto, struct nm_attrs attrs, struct nm_err *err)
{
	struct nm_attrs list = nm_attrs_nested(attrs, NFTA_SET_ELEM_LIST_ELEMENTS);
	const struct reading *reading = ctx;
	char set[NFT_NAME_MAXLEN];
	const struct nlattr *one;

	(void)nfproto;
	if (!nm_attrs_string(attrs, NFTA_SET_ELEM_LIST_SET, set, sizeof(set)))
		return nm_fail(err, NM_ERR_FAILED, "elements of no set in the kernel's reply");
	while ((one = nm_attrs_next(&list))) {
		struct nm_nft_element e = read_element(set, nm_attrs_inside(one));

		if (reading->handler(reading->ctx, &e, err) < 0)
			return -1;
	}
	return 0;
}

static void begin_elements(
	struct nm_netlink_request *r, uint16_t flags, struct nm_nft_place table, const char *set)
{
	nm_nft_dump_begin(r, NFT_MSG_GETSETELEM, flags, table);
	nm_nft_dump_put_name(r, NFTA_SET_ELEM_LIST_SET, set);
}

int nm_nft_objects_each_element(struct nm_netlink *nl, struct nm_nft_place table, const char *set,
	nm_nft_element_handler *handler, void *ctx, struct nm_err *err)
{
	struct reading reading = {.handler = handler, .ctx = ctx};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	begin_elements(&r, NLM_F_DUMP, table, set);
	if (nm_nft_dump(nl, &r, NFT_MSG_GETSETELEM, NM_NETLINK_ERRORS(ENOENT), read_elements, &reading, err) <
		0)
		return nm_wrap(err, "reading set '%s' of table '%s'", set, table.table);
	return 0;
}

void nm_nft_objects_request_element(
	struct nm_netlink_request *r, struct nm_nft_place table, const char *set, const void *key, size_t len)
{
	struct nlattr *elements, *element, *value;

	begin_elements(r, 0, table, set);
	elements = nm_netlink_request_nest(r, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = nm_netlink_request_nest(r, NFTA_LIST_ELEM);
	value = nm_netlink_request_nest(r, NFTA_SET_ELEM_KEY);
	nm_netlink_request_put(r, NFTA_DATA_VALUE, key, len);
	nm_netlink_request_nest_end(r, value);
	nm_netlink_request_nest_end(r, element);
	nm_netlink_request_nest_end(r, elements);
}

int nm_nft_objects_get_elements(struct nm_netlink *nl, struct nm_netlink_request *r,
	nm_nft_element_handler *handler, void *ctx, struct nm_err *err)
{
	struct reading reading = {.handler = handler, .ctx = ctx};
	/* EINVAL: the set has keys of another size */
	const int *none = NM_NETLINK_ERRORS(ENOENT, EINVAL);

	if (r->count > 0 && nm_nft_dump(nl, r, NFT_MSG_GETSETELEM, none, read_elements, &reading, err) < 0)
		return nm_wrap(err, "looking for elements of sets");
	return 0;
}
