#include "nftables_elements.h"

#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

enum { ELEMENT_CATCHALL = 2 }; /* NFT_SET_ELEM_CATCHALL of Linux 5.13 */

static struct nlmsghdr *begin(struct nm_nft_txn *txn, uint16_t type, uint16_t flags, enum nm_family family,
	const char *set, struct nm_err *err)
{
	struct nlmsghdr *nlh = nm_nft_txn_begin(txn, type, flags, family, true, err);

	if (!nlh)
		return NULL;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, NM_NFTABLES_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	return nlh;
}

static void put_counter(struct nlmsghdr *nlh, const struct nm_counters *counters)
{
	struct nlattr *expression = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_EXPR), *data;

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
	data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	mnl_attr_put_u64(nlh, NFTA_COUNTER_BYTES, htobe64(counters->bytes));
	mnl_attr_put_u64(nlh, NFTA_COUNTER_PACKETS, htobe64(counters->packets));
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, expression);
}

/* Never over an element that is there: the kernel would keep its comment. counted:
 * NULL, or what it begins with. */
static int add_element(struct nm_nft_txn *txn, const struct nm_element *e, const struct nm_counters *counted,
	struct nm_err *err)
{
	struct nlmsghdr *nlh = begin(
		txn, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, e->family, nm_set_name(e->set), err);
	struct nlattr *elements, *element;
	char tag[NM_TAG_SIZE];

	if (!nlh)
		return -1;
	elements = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	nm_expr_put_value(nlh, NFTA_SET_ELEM_KEY, e->key, nm_set_key_size(e->set, e->family));
	if (nm_set_is_map(e->set))
		nm_expr_put_value(nlh, NFTA_SET_ELEM_DATA, e->data, nm_set_data_size(e->set, e->family));
	if (counted && counted->packets)
		put_counter(nlh, counted);
	nm_nft_put_comment(nlh, NFTA_SET_ELEM_USERDATA, nm_element_tag(e, tag));
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, elements);
	nm_nft_txn_end(txn, nlh);
	return 0;
}

/* len 0: the one that stands for every key, which somebody else has put there. */
static int delete_element(struct nm_nft_txn *txn, enum nm_family family, const char *set, const void *key,
	size_t len, struct nm_err *err)
{
	struct nlmsghdr *nlh = begin(txn, NFT_MSG_DELSETELEM, 0, family, set, err);
	struct nlattr *elements, *element;

	if (!nlh)
		return -1;
	elements = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	if (len)
		nm_expr_put_value(nlh, NFTA_SET_ELEM_KEY, key, len);
	else
		nm_expr_put_be32(nlh, NFTA_SET_ELEM_FLAGS, ELEMENT_CATCHALL);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, elements);
	nm_nft_txn_end(txn, nlh);
	return 0;
}

static int note(const struct nm_own_sink *sink, enum nm_edit_kind kind, const struct nm_element *e,
	struct nm_err *err)
{
	char tag[NM_TAG_SIZE];
	struct nm_own_edit edit = {.kind = kind,
		.family = e->family,
		.where = nm_set_name(e->set),
		.is_element = true,
		.tag = tag};

	if (!sink->note)
		return 0;
	nm_element_tag(e, tag);
	edit.tag_len = strlen(tag);
	return sink->note(sink->ctx, &edit, err);
}

static bool set_of(const char *name, enum nm_set *ret)
{
	for (enum nm_set set = 0; set < NM_SET_MAX; set++)
		if (!strcmp(name, nm_set_name(set))) {
			*ret = set;
			return true;
		}
	return false;
}

struct look {
	struct nm_element_index *index;
	enum nm_family family;
	const struct nm_own_sink *sink; /* takes what the index does not have; NULL: nobody */
};

static int take_stale(const struct look *look, const struct nm_nft_element *element, struct nm_err *err)
{
	const struct nm_own_edit edit = {
		.kind = NM_EDIT_STALE,
		.family = look->family,
		.where = element->set,
		.is_element = true,
		.tag = element->tag ? element->tag : "",
		.tag_len = element->tag_len,
	};

	if (look->sink->note && look->sink->note(look->sink->ctx, &edit, err) < 0)
		return -1;
	if (!look->sink->txn)
		return 0;
	return delete_element(
		look->sink->txn, look->family, element->set, element->key.data, element->key.len, err);
}

static int take(void *ctx, const struct nm_nft_element *element, struct nm_err *err)
{
	const struct look *look = ctx;
	struct nm_entry *entry;
	enum nm_set set;

	if (!set_of(element->set, &set))
		return 0;
	entry = nm_element_index_find(look->index, look->family, set, element->key.data, element->key.len);
	if (entry)
		nm_element_index_found(look->index, entry, element);
	return entry || !look->sink ? 0 : take_stale(look, element, err);
}

static int look_in(struct nm_netlink *nl, struct nm_element_index *index, enum nm_family family, bool all,
	struct nm_err *err)
{
	struct look look = {.index = index, .family = family};
	struct nm_request r;

	nm_request_init(&r);
	for (size_t i = 0; i < index->n; i++) {
		const struct nm_entry *entry = &index->v[i];
		const struct nm_element *e = entry->element;

		if (e->family != family || !entry->is_first || !entry->changes || !(all || entry->look))
			continue;
		nm_nft_request_element(&r, nm_nft_family(family), NM_NFTABLES_TABLE, nm_set_name(e->set),
			e->key, nm_set_key_size(e->set, family));
		if (nm_request_has_room(&r))
			continue;
		if (nm_nft_get_elements(nl, &r, take, &look, err) < 0)
			return -1;
		nm_request_init(&r);
	}
	return nm_nft_get_elements(nl, &r, take, &look, err);
}

int nm_nftables_look(struct nm_netlink *nl, struct nm_element_index *index, bool all, struct nm_err *err)
{
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (look_in(nl, index, f, all, err) < 0)
			return -1;
	return 0;
}

int nm_nftables_read(struct nm_netlink *nl, enum nm_family family, struct nm_element_index *index,
	const struct nm_own_sink *sink, bool *ret_interrupted, struct nm_err *err)
{
	struct look look = {.index = index, .family = family, .sink = sink};

	for (enum nm_set set = 0; set < NM_SET_MAX; set++)
		if (nm_set_exists(set, family) &&
			nm_nft_each_element(nl, nm_nft_family(family), NM_NFTABLES_TABLE, nm_set_name(set),
				take, &look, ret_interrupted, err) < 0)
			return -1;
	return 0;
}

/* What is there and nobody's who leaves is not for this change to judge. What passes from a leaver to one who
 * stays goes on counting. */
static int settle(const struct nm_element_index *index, const struct nm_entry *entry,
	const struct nm_own_sink *sink, struct nm_err *err)
{
	const struct nm_element *e = entry->element;
	const struct nm_element *wanted = nm_element_index_wanted(index, entry);
	bool goes = entry->present && !entry->right && (entry->coming || entry->known);
	bool comes = wanted && (entry->present ? goes : entry->coming);
	enum nm_edit_kind kind = !comes ? NM_EDIT_STALE : goes ? NM_EDIT_CHANGED : NM_EDIT_MISSING;

	if (!goes && !comes)
		return 0;
	if (note(sink, kind, comes ? wanted : e, err) < 0)
		return -1;
	if (!sink->txn)
		return 0;
	if (goes &&
		delete_element(sink->txn, e->family, nm_set_name(e->set), e->key,
			nm_set_key_size(e->set, e->family), err) < 0)
		return -1;
	return comes ? add_element(sink->txn, wanted, entry->coming ? NULL : &entry->counters, err) : 0;
}

int nm_nftables_settle(const struct nm_element_index *index, unsigned families,
	const struct nm_own_sink *sink, struct nm_err *err)
{
	for (size_t i = 0; i < index->n; i++) {
		const struct nm_entry *entry = &index->v[i];

		if (entry->is_first && entry->changes && families & 1u << entry->element->family &&
			settle(index, entry, sink, err) < 0)
			return -1;
	}
	return 0;
}
