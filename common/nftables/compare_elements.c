#include "nftables/compare_elements.h"

#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* Key, data, counter, and the longest comment, with their attributes. */
enum { ELEMENT_SIZE_MAX = 512 };

enum { ELEMENT_CATCHALL = 2 }; /* NFT_SET_ELEM_CATCHALL of Linux 5.13 */

static struct nm_message *begin(struct nm_nft_batch *txn, uint16_t type, uint16_t flags,
	enum nm_family family, const char *set, struct nm_err *err)
{
	struct nm_message *m =
		nm_nft_batch_begin(txn, type, flags, nm_nftables_schema_place(family, NULL), err);

	if (m)
		nm_message_put_string(m, NFTA_SET_ELEM_LIST_SET, set);
	return m;
}

static void put_counter(struct nm_message *m, const struct nm_counters *counters)
{
	struct nlattr *expression = nm_message_nest(m, NFTA_SET_ELEM_EXPR), *data;

	nm_message_put_string(m, NFTA_EXPR_NAME, "counter");
	data = nm_message_nest(m, NFTA_EXPR_DATA);
	nm_message_put_be64(m, NFTA_COUNTER_BYTES, counters->bytes);
	nm_message_put_be64(m, NFTA_COUNTER_PACKETS, counters->packets);
	nm_message_nest_end(m, data);
	nm_message_nest_end(m, expression);
}

/* len 0: the catch-all element, which another program has added. */
static int delete_element(struct nm_nft_batch *txn, enum nm_family family, const char *set, const void *key,
	size_t len, struct nm_err *err)
{
	struct nm_message *m = begin(txn, NFT_MSG_DELSETELEM, 0, family, set, err);
	struct nlattr *elements, *element;

	if (!m)
		return -1;
	elements = nm_message_nest(m, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = nm_message_nest(m, NFTA_LIST_ELEM);
	if (len)
		nm_expr_put_value(m, NFTA_SET_ELEM_KEY, key, len);
	else
		nm_message_put_be32(m, NFTA_SET_ELEM_FLAGS, ELEMENT_CATCHALL);
	nm_message_nest_end(m, element);
	nm_message_nest_end(m, elements);
	nm_nft_batch_end(txn);
	return 0;
}

static int note(const struct nm_nftables_diff_output *output, enum nm_edit_kind kind,
	const struct nm_nftables_element *e, struct nm_err *err)
{
	char tag[NM_TAG_SIZE];
	struct nm_nftables_edit edit = {.kind = kind,
		.family = e->family,
		.where = nm_nftables_sets[e->set].name,
		.is_element = true,
		.tag = tag};

	edit.tag_len = strlen(nm_nftables_layout_tag(e, tag));
	return nm_nftables_compare_rules_note(output, &edit, err);
}

struct query {
	struct nm_nftables_claims *claims;
	enum nm_family family;
	const struct nm_nftables_diff_output *output; /* of elements without claim; may be NULL */
};

static int note_unclaimed(const struct query *query, const struct nm_nft_element *element, struct nm_err *err)
{
	const struct nm_nftables_edit edit = {.kind = NM_EDIT_STALE,
		.family = query->family,
		.where = element->set,
		.is_element = true,
		.tag = element->tag ? element->tag : "",
		.tag_len = element->tag_len};

	if (nm_nftables_compare_rules_note(query->output, &edit, err) < 0)
		return -1;
	if (!query->output->txn)
		return 0;
	return delete_element(
		query->output->txn, query->family, element->set, element->key.data, element->key.len, err);
}

static int on_element(void *ctx, const struct nm_nft_element *element, struct nm_err *err)
{
	const struct query *query = ctx;
	struct nm_nftables_element e = {.family = query->family};
	struct nm_nftables_claim *claim = NULL;

	while (e.set < NM_SET_MAX && strcmp(element->set, nm_nftables_sets[e.set].name) != 0)
		e.set++;
	if (e.set == NM_SET_MAX)
		return 0;
	if (element->key.len == nm_nftables_set_key_size(e.set, e.family)) {
		memcpy(e.key, element->key.data, element->key.len);
		claim = nm_nftables_claims_find(query->claims, &e);
	}
	if (claim)
		nm_nftables_claims_found(query->claims, claim, element);
	return claim || !query->output ? 0 : note_unclaimed(query, element, err);
}

static int query_family(struct nm_netlink *nl, struct nm_nftables_claims *claims, enum nm_family family,
	bool all, struct nm_err *err)
{
	struct query query = {.claims = claims, .family = family};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	for (size_t i = 0; i < claims->n; i++) {
		const struct nm_nftables_claim *claim = &claims->v[i];
		const struct nm_nftables_element *e = claim->element;

		if (e->family != family || !claim->is_first || !claim->changes || !(all || claim->look))
			continue;
		nm_nft_objects_request_element(&r, nm_nftables_schema_place(family, NULL),
			nm_nftables_sets[e->set].name, e->key, nm_nftables_set_key_size(e->set, family));
		if (nm_netlink_request_has_room(&r))
			continue;
		if (nm_nft_objects_get_elements(nl, &r, on_element, &query, err) < 0)
			return -1;
		nm_netlink_request_init(&r);
	}
	return nm_nft_objects_get_elements(nl, &r, on_element, &query, err);
}

int nm_nftables_compare_elements_get(
	struct nm_netlink *nl, struct nm_nftables_claims *claims, bool all, struct nm_err *err)
{
	nm_each_family(f, NM_BOTH_FAMILIES)
		if (query_family(nl, claims, f, all, err) < 0)
			return -1;
	return 0;
}

int nm_nftables_compare_elements_read(struct nm_netlink *nl, enum nm_family family,
	struct nm_nftables_claims *claims, const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	struct query query = {.claims = claims, .family = family, .output = output};

	for (enum nm_nftables_set set = 0; set < NM_SET_MAX; set++)
		if (nm_nftables_set_exists(set, family) &&
			nm_nft_objects_each_element(nl, nm_nftables_schema_place(family, NULL),
				nm_nftables_sets[set].name, on_element, &query, err) < 0)
			return -1;
	return 0;
}

/* An element with another comment than the claims' is left alone, unless a new record needs its key. */
static bool is_deleted(const struct nm_nftables_claim *claim)
{
	return claim->present && !claim->right && (claim->new || claim->known);
}

/* NULL: none. */
static const struct nm_nftables_element *added(
	const struct nm_nftables_claims *claims, const struct nm_nftables_claim *claim)
{
	bool adds = claim->present ? is_deleted(claim) : claim->new;

	return adds ? nm_nftables_claims_desired(claims, claim) : NULL;
}

static int delete_wrong(const struct nm_nftables_claims *claims, const struct nm_nftables_claim *claim,
	const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	const struct nm_nftables_element *e = claim->element, *adds = added(claims, claim);
	bool deletes = is_deleted(claim);
	enum nm_edit_kind kind = !adds ? NM_EDIT_STALE : deletes ? NM_EDIT_CHANGED : NM_EDIT_MISSING;

	if (!deletes && !adds)
		return 0;
	if (note(output, kind, adds ? adds : e, err) < 0)
		return -1;
	if (!output->txn || !deletes)
		return 0;
	return delete_element(output->txn, e->family, nm_nftables_sets[e->set].name, e->key,
		nm_nftables_set_key_size(e->set, e->family), err);
}

static void put_element(struct nm_message *m, const struct nm_nftables_element *e, struct nm_counters counted)
{
	struct nlattr *element = nm_message_nest(m, NFTA_LIST_ELEM);
	char tag[NM_TAG_SIZE];

	nm_expr_put_value(m, NFTA_SET_ELEM_KEY, e->key, nm_nftables_set_key_size(e->set, e->family));
	if (nm_nftables_set_is_map(e->set))
		nm_expr_put_value(
			m, NFTA_SET_ELEM_DATA, e->data, nm_nftables_set_data_size(e->set, e->family));
	if (counted.packets || counted.bytes)
		put_counter(m, &counted);
	nm_expr_put_comment(m, NFTA_SET_ELEM_USERDATA, nm_nftables_layout_tag(e, tag));
	nm_message_nest_end(m, element);
}

static void end_addition(struct nm_nft_batch *txn, struct nm_message *m, struct nlattr *elements)
{
	nm_message_nest_end(m, elements);
	nm_nft_batch_end(txn);
}

/* Connections of an element that may have been there before may go on without being counted: it begins with a
 * byte of no packet, and so is not taken for unused (nft/rules.h). */
static struct nm_counters first_count(const struct nm_nftables_claim *claim, bool remakes)
{
	struct nm_counters c = {0};

	if (!claim->new)
		c = claim->counters;
	if (nm_nftables_set_is_counted(claim->element->set) && (remakes || claim->present || claim->look) &&
		c.packets == 0)
		c.bytes = 1;
	return c;
}

/* Adds elements to the set, as many to a message as there is room for. An element is never added over another
 * of its key, since the kernel would keep the old comment. One that passes from a replaced record to a peer
 * keeps its counters. */
static int add_elements(const struct nm_nftables_claims *claims, enum nm_family family,
	enum nm_nftables_set set, const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	struct nm_message *m = NULL;
	struct nlattr *elements = NULL;

	for (size_t i = 0; i < claims->n; i++) {
		const struct nm_nftables_claim *claim = &claims->v[i];
		const struct nm_nftables_element *e = claim->element;

		if (!claim->changes || e->set != set || e->family != family || !(e = added(claims, claim)))
			continue;
		if (m && m->header->nlmsg_len + ELEMENT_SIZE_MAX > NM_NFT_RULE_SIZE) {
			end_addition(output->txn, m, elements);
			m = NULL;
		}
		if (!m) {
			m = begin(output->txn, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, family,
				nm_nftables_sets[set].name, err);
			if (!m)
				return -1;
			elements = nm_message_nest(m, NFTA_SET_ELEM_LIST_ELEMENTS);
		}
		put_element(m, e, first_count(claim, output->remakes));
	}
	if (m)
		end_addition(output->txn, m, elements);
	return 0;
}

int nm_nftables_compare_elements(const struct nm_nftables_claims *claims, unsigned families,
	const struct nm_nftables_diff_output *output, struct nm_err *err)
{
	for (size_t i = 0; i < claims->n; i++) {
		const struct nm_nftables_claim *claim = &claims->v[i];

		if (claim->changes && families & 1u << claim->element->family &&
			delete_wrong(claims, claim, output, err) < 0)
			return -1;
	}
	for (enum nm_family f = NM_IPV4; output->txn && f < NM_FAMILY_MAX; f++)
		for (enum nm_nftables_set set = 0; set < NM_SET_MAX; set++)
			if (families & 1u << f && add_elements(claims, f, set, output, err) < 0)
				return -1;
	return 0;
}
