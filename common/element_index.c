#include "element_index.h"

#include <string.h>

/* The keys of many mappings differ in few bytes, which stand before zeros: the multiplication brings all of
 * them to bear on the upper half (splitmix64). */
static uint64_t hash_of(enum nm_family family, enum nm_set set, const void *key, size_t len)
{
	const uint8_t where[] = {(uint8_t)family, (uint8_t)set};
	uint64_t h = nm_rule_hash(nm_rule_hash(NM_RULE_HASH_BEGIN, where, sizeof(where)), key, len);

	h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	return h ^ h >> 32;
}

static const struct nm_element *element_of(const struct nm_element_index *index, const struct nm_entry *entry)
{
	return index->holders[entry->first].element;
}

static struct nm_entry *entry_in(const struct nm_element_index *index, uint64_t slot)
{
	return &index->entries[(uint32_t)slot - 1];
}

/* Where the key is, or would go: then *ret_hash is what goes there with the number of its entry. */
static uint64_t *slot_of(const struct nm_element_index *index, enum nm_family family, enum nm_set set,
	const void *key, size_t len, uint64_t *ret_hash)
{
	uint64_t hash = hash_of(family, set, key, len);
	size_t i = hash & (index->n_slots - 1);

	*ret_hash = hash >> 32 << 32;
	for (; index->slots[i]; i = (i + 1) & (index->n_slots - 1)) {
		const struct nm_element *e;

		if (index->slots[i] >> 32 != hash >> 32)
			continue;
		e = element_of(index, entry_in(index, index->slots[i]));
		if (e->family == family && e->set == set && !memcmp(e->key, key, len))
			break;
	}
	return &index->slots[i];
}

static uint64_t *slot_of_element(
	const struct nm_element_index *index, const struct nm_element *e, uint64_t *ret_hash)
{
	return slot_of(index, e->family, e->set, e->key, nm_set_key_size(e->set, e->family), ret_hash);
}

/* Twice as many slots as there is room for entries, a power of two. */
static int grow(struct nm_element_index *index, struct nm_err *err)
{
	size_t capacity = index->capacity ? index->capacity * 2 : 64;
	struct nm_entry *entries = reallocarray(index->entries, capacity, sizeof(*entries));

	if (entries)
		index->entries = entries;
	free(index->slots);
	index->slots = entries ? calloc(capacity * 2, sizeof(*index->slots)) : NULL;
	if (!index->slots)
		return nm_fail(err, NM_ERR_FAILED, "preparing the elements: out of memory");
	index->capacity = capacity;
	index->n_slots = capacity * 2;
	for (size_t i = 0; i < index->n; i++) {
		uint64_t hash;

		uint64_t *slot = slot_of_element(index, element_of(index, &index->entries[i]), &hash);

		*slot = hash | (i + 1);
	}
	return 0;
}

static int add_holder(struct nm_element_index *index, const struct nm_holder *holder, struct nm_err *err)
{
	if (index->n_holders == index->holders_capacity) {
		size_t capacity = index->holders_capacity ? index->holders_capacity * 2 : 64;
		struct nm_holder *grown = reallocarray(index->holders, capacity, sizeof(*grown));

		if (!grown)
			return nm_fail(err, NM_ERR_FAILED, "preparing the elements: out of memory");
		index->holders = grown;
		index->holders_capacity = capacity;
	}
	index->holders[index->n_holders++] = *holder;
	return 0;
}

int nm_element_index_add(struct nm_element_index *index, const struct nm_element *e, enum nm_hold hold,
	bool only_known, struct nm_err *err)
{
	const struct nm_holder holder = {.element = e, .hold = hold, .next = NM_HOLDER_NONE};
	struct nm_entry *entry;
	uint64_t *slot, hash;

	if (index->n == index->capacity && grow(index, err) < 0)
		return -1;
	slot = slot_of_element(index, e, &hash);
	if (!*slot && only_known)
		return 0;
	if (add_holder(index, &holder, err) < 0)
		return -1;
	if (!*slot) {
		index->entries[index->n++] = (struct nm_entry){.first = index->n_holders - 1};
		*slot = hash | index->n;
	} else {
		index->holders[entry_in(index, *slot)->last].next = index->n_holders - 1;
	}
	entry = entry_in(index, *slot);
	entry->last = index->n_holders - 1;
	entry->coming |= hold == NM_HOLD_COMING;
	entry->look |= hold != NM_HOLD_COMING || e->set == NM_SET_LOCALNET;
	return 0;
}

void nm_element_index_done(struct nm_element_index *index)
{
	free(index->entries);
	free(index->holders);
	free(index->slots);
	*index = (struct nm_element_index){0};
}

struct nm_entry *nm_element_index_find(const struct nm_element_index *index, enum nm_family family,
	enum nm_set set, const void *key, size_t len)
{
	uint64_t hash, slot = 0;

	if (index->n_slots && len == nm_set_key_size(set, family))
		slot = *slot_of(index, family, set, key, len, &hash);
	return slot ? entry_in(index, slot) : NULL;
}

static bool tag_is(const struct nm_element *e, const struct nm_nft_element *element)
{
	char tag[NM_TAG_SIZE];

	nm_element_tag(e, tag);
	return element->tag && strlen(tag) == element->tag_len &&
		!memcmp(tag, element->tag, element->tag_len);
}

static bool data_is(const struct nm_element *e, const struct nm_nft_element *element)
{
	size_t size = nm_set_data_size(e->set, e->family);

	return size == element->data.len && (!size || !memcmp(e->data, element->data.data, size));
}

void nm_entry_found(
	const struct nm_element_index *index, struct nm_entry *entry, const struct nm_nft_element *element)
{
	entry->present = true;
	entry->right = entry->known = false;
	entry->counters = element->counters;
	for (size_t i = entry->first; i != NM_HOLDER_NONE; i = index->holders[i].next) {
		const struct nm_holder *h = &index->holders[i];

		if (!tag_is(h->element, element))
			continue;
		entry->known = true;
		entry->right |= h->hold != NM_HOLD_LEAVING && data_is(h->element, element);
	}
}

const struct nm_element *nm_entry_wanted(const struct nm_element_index *index, const struct nm_entry *entry)
{
	const struct nm_element *staying = NULL;

	for (size_t i = entry->first; i != NM_HOLDER_NONE; i = index->holders[i].next) {
		const struct nm_holder *h = &index->holders[i];

		if (h->hold == NM_HOLD_COMING)
			return h->element;
		if (h->hold == NM_HOLD_STAYING && !staying)
			staying = h->element;
	}
	return staying;
}
