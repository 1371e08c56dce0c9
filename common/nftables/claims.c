/* The hash is of family, set and key. Entries of one key keep the order in which they were added. */
#include "nftables/claims.h"

#include <string.h>

static uint64_t hash_of(enum nm_family family, enum nm_nftables_set set, const void *key, size_t len)
{
	const uint8_t where[] = {(uint8_t)family, (uint8_t)set};

	return nm_hash(nm_hash(NM_HASH_BEGIN, where, sizeof(where)), key, len);
}

static uint64_t hash_entry(const void *entries, size_t i)
{
	const struct nm_nftables_element *e = ((const struct nm_nftables_claim *)entries)[i].element;

	return hash_of(e->family, e->set, e->key, nm_nftables_set_key_size(e->set, e->family));
}

int nm_nftables_claims_add(struct nm_nftables_claims *index, const struct nm_nftables_elements *elements,
	enum nm_role hold, struct nm_err *err)
{
	size_t needed = index->n + elements->n;

	if (needed > index->capacity) {
		struct nm_nftables_claim *grown = reallocarray(index->v, needed, sizeof(*grown));

		if (!grown)
			return nm_fail(err, NM_ERR_FAILED, "preparing the elements: out of memory");
		index->v = grown;
		index->capacity = needed;
	}
	for (size_t i = 0; i < elements->n; i++)
		index->v[index->n++] = (struct nm_nftables_claim){.element = &elements->v[i], .hold = hold};
	return 0;
}

void nm_nftables_claims_done(struct nm_nftables_claims *index)
{
	free(index->v);
	nm_hash_index_done(&index->by_key);
	*index = (struct nm_nftables_claims){0};
}

static bool has_key(const struct nm_nftables_claim *entry, enum nm_family family, enum nm_nftables_set set,
	const void *key, size_t len)
{
	const struct nm_nftables_element *e = entry->element;

	return e->family == family && e->set == set && len == nm_nftables_set_key_size(set, family) &&
		!memcmp(e->key, key, len);
}

/* An entry of the key, and the following one when called again with the same *position; NULL: no further. */
static struct nm_nftables_claim *next(const struct nm_nftables_claims *index, enum nm_family family,
	enum nm_nftables_set set, const void *key, size_t len, size_t *position)
{
	uint64_t hash = hash_of(family, set, key, len);
	ssize_t i;

	while ((i = nm_hash_index_next(&index->by_key, hash, position)) >= 0)
		if (has_key(&index->v[i], family, set, key, len))
			return &index->v[i];
	return NULL;
}

static struct nm_nftables_claim *next_of(
	const struct nm_nftables_claims *index, const struct nm_nftables_element *e, size_t *position)
{
	return next(index, e->family, e->set, e->key, nm_nftables_set_key_size(e->set, e->family), position);
}

struct nm_nftables_claim *nm_nftables_claims_find(const struct nm_nftables_claims *index,
	enum nm_family family, enum nm_nftables_set set, const void *key, size_t len)
{
	return next(index, family, set, key, len, &(size_t){0});
}

int nm_nftables_claims_make(struct nm_nftables_claims *index, struct nm_err *err)
{
	if (nm_hash_index_make(index->v, index->n, hash_entry, &index->by_key, err) < 0)
		return -1;
	for (size_t i = 0; i < index->n; i++) {
		const struct nm_nftables_claim *entry = &index->v[i];
		struct nm_nftables_claim *first = next_of(index, entry->element, &(size_t){0});

		first->is_first = true;
		first->changes |= entry->hold != NM_ROLE_PEER;
		first->new |= entry->hold == NM_ROLE_NEW;
		first->look |= entry->hold != NM_ROLE_NEW || entry->element->set == NM_SET_LOCALNET;
	}
	return 0;
}

static bool tag_is(const struct nm_nftables_element *e, const struct nm_nft_element *element)
{
	char tag[NM_TAG_SIZE];

	nm_nftables_element_tag(e, tag);
	return element->tag && strlen(tag) == element->tag_len &&
		!memcmp(tag, element->tag, element->tag_len);
}

static bool data_is(const struct nm_nftables_element *e, const struct nm_nft_element *element)
{
	size_t size = nm_nftables_set_data_size(e->set, e->family);

	return size == element->data.len && (!size || !memcmp(e->data, element->data.data, size));
}

void nm_nftables_claims_found(const struct nm_nftables_claims *index, struct nm_nftables_claim *first,
	const struct nm_nft_element *element)
{
	const struct nm_nftables_claim *entry;
	size_t position = 0;

	first->present = true;
	first->right = first->known = false;
	first->counters = element->counters;
	while ((entry = next_of(index, first->element, &position))) {
		if (!tag_is(entry->element, element))
			continue;
		first->known = true;
		first->right |= entry->hold != NM_ROLE_REPLACED && data_is(entry->element, element);
	}
}

const struct nm_nftables_element *nm_nftables_claims_desired(
	const struct nm_nftables_claims *index, const struct nm_nftables_claim *first)
{
	const struct nm_nftables_element *peers = NULL;
	const struct nm_nftables_claim *entry;
	size_t position = 0;

	while ((entry = next_of(index, first->element, &position))) {
		if (entry->hold == NM_ROLE_NEW)
			return entry->element;
		if (entry->hold == NM_ROLE_PEER && !peers)
			peers = entry->element;
	}
	return peers;
}
