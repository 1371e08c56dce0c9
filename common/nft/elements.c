#include "nft/elements.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>

#include "nft/comment.h"

struct reading {
	nm_nft_element_handler *handler;
	void *ctx;
};

static struct nm_nft_element read_element(const char *set, struct nm_attrs attrs)
{
	struct nm_nft_element e = {.set = set};

	e.key = nm_attrs_nested(nm_attrs_nested(attrs, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
	e.data = nm_attrs_nested(nm_attrs_nested(attrs, NFTA_SET_ELEM_DATA), NFTA_DATA_VALUE);
	e.tag = nm_nft_comment_read(nm_attrs_nested(attrs, NFTA_SET_ELEM_USERDATA), &e.tag_len);
	e.counters = nm_nft_rule_expression_counters(nm_attrs_nested(attrs, NFTA_SET_ELEM_EXPR));
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

static void begin(struct nm_netlink_request *r, uint16_t flags, struct nm_nft_place table, const char *set)
{
	nm_nft_dump_begin(r, NFT_MSG_GETSETELEM, flags, table);
	nm_nft_dump_put_name(r, NFTA_SET_ELEM_LIST_SET, set);
}

int nm_nft_elements_each(struct nm_netlink *nl, struct nm_nft_place table, const char *set,
	nm_nft_element_handler *handler, void *ctx, struct nm_err *err)
{
	struct reading reading = {.handler = handler, .ctx = ctx};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	begin(&r, NLM_F_DUMP, table, set);
	if (nm_nft_dump(nl, &r, NFT_MSG_GETSETELEM, NM_NETLINK_ERRORS(ENOENT), read_elements, &reading, err) <
		0)
		return nm_wrap(err, "reading set '%s' of table '%s'", set, table.table);
	return 0;
}

void nm_nft_elements_request(
	struct nm_netlink_request *r, struct nm_nft_place table, const char *set, const void *key, size_t len)
{
	struct nlattr *elements, *element, *value;

	begin(r, 0, table, set);
	elements = nm_netlink_request_nest(r, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = nm_netlink_request_nest(r, NFTA_LIST_ELEM);
	value = nm_netlink_request_nest(r, NFTA_SET_ELEM_KEY);
	nm_netlink_request_put(r, NFTA_DATA_VALUE, key, len);
	nm_netlink_request_nest_end(r, value);
	nm_netlink_request_nest_end(r, element);
	nm_netlink_request_nest_end(r, elements);
}

int nm_nft_elements_get(struct nm_netlink *nl, struct nm_netlink_request *r, nm_nft_element_handler *handler,
	void *ctx, struct nm_err *err)
{
	struct reading reading = {.handler = handler, .ctx = ctx};
	/* EINVAL: the set has keys of another size */
	const int *none = NM_NETLINK_ERRORS(ENOENT, EINVAL);

	if (r->count > 0 && nm_nft_dump(nl, r, NFT_MSG_GETSETELEM, none, read_elements, &reading, err) < 0)
		return nm_wrap(err, "looking for elements of sets");
	return 0;
}
