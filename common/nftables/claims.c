/* The hash is of family, set and key. Claims to one key keep the order in which they were added. */
#include "nftables/claims.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"

static uint64_t hash_of(const struct nm_nftables_element *e)
{
	const uint8_t where[] = {(uint8_t)e->family, (uint8_t)e->set};
	uint64_t hash = nm_hash(NM_HASH_BEGIN, where, sizeof(where));

	return nm_hash(hash, e->key, nm_nftables_set_key_size(e->set, e->family));
}

static uint64_t hash_claim(const void *claims, size_t i)
{
	return hash_of(((const struct nm_nftables_claim *)claims)[i].element);
}

int nm_nftables_claims_add(struct nm_nftables_claims *claims, const struct nm_nftables_elements *elements,
	enum nm_role role, struct nm_err *err)
{
	for (size_t i = 0; i < elements->n; i++) {
		if (nm_grow(claims, "preparing the elements", err) < 0)
			return -1;
		claims->v[claims->n++] = (struct nm_nftables_claim){.element = &elements->v[i], .role = role};
	}
	return 0;
}

int nm_nftables_claims_of(
	const struct nm_nftables_elements *elements, struct nm_nftables_claims *ret, struct nm_err *err)
{
	if (nm_nftables_claims_add(ret, elements, NM_ROLE_NEW, err) < 0)
		return -1;
	return nm_nftables_claims_make(ret, err);
}

void nm_nftables_claims_done(struct nm_nftables_claims *claims)
{
	free(claims->v);
	nm_hash_index_done(&claims->by_key);
	*claims = (struct nm_nftables_claims){0};
}

/* A claim to the key of e; the following one if called again with the same *position; NULL: no further. */
static struct nm_nftables_claim *next(
	const struct nm_nftables_claims *claims, const struct nm_nftables_element *e, size_t *position)
{
	uint64_t hash = hash_of(e);
	ssize_t i;

	while ((i = nm_hash_index_next(&claims->by_key, hash, position)) >= 0) {
		const struct nm_nftables_element *other = claims->v[i].element;

		if (other->family == e->family && other->set == e->set &&
			!memcmp(other->key, e->key, sizeof(e->key)))
			return &claims->v[i];
	}
	return NULL;
}

struct nm_nftables_claim *nm_nftables_claims_find(
	const struct nm_nftables_claims *claims, const struct nm_nftables_element *e)
{
	return next(claims, e, &(size_t){0});
}

int nm_nftables_claims_make(struct nm_nftables_claims *claims, struct nm_err *err)
{
	if (nm_hash_index_make(claims->v, claims->n, hash_claim, &claims->by_key, err) < 0)
		return -1;
	for (size_t i = 0; i < claims->n; i++) {
		const struct nm_nftables_claim *claim = &claims->v[i];
		struct nm_nftables_claim *first = nm_nftables_claims_find(claims, claim->element);

		assert(first); /* the index has the entry itself */
		first->is_first = true;
		first->changes |= claim->role != NM_ROLE_PEER;
		first->new |= claim->role == NM_ROLE_NEW;
		first->look |= claim->role != NM_ROLE_NEW || nm_nftables_set_is_shared(claim->element->set);
	}
	return 0;
}

static bool tag_is(const struct nm_nftables_element *e, const struct nm_nft_element *element)
{
	char tag[NM_TAG_SIZE];

	nm_nftables_layout_tag(e, tag);
	return element->tag && strlen(tag) == element->tag_len &&
		!memcmp(tag, element->tag, element->tag_len);
}

static bool data_is(const struct nm_nftables_element *e, const struct nm_nft_element *element)
{
	size_t size = nm_nftables_set_data_size(e->set, e->family);

	return size == element->data.len && (!size || !memcmp(e->data, element->data.data, size));
}

void nm_nftables_claims_found(const struct nm_nftables_claims *claims, struct nm_nftables_claim *first,
	const struct nm_nft_element *element)
{
	const struct nm_nftables_claim *claim;
	size_t position = 0;

	first->present = true;
	first->right = first->known = false;
	first->counters = element->counters;
	first->unused = element->unused;
	while ((claim = next(claims, first->element, &position))) {
		if (!element->tag || !nm_tag_is_of(element->tag, element->tag_len, claim->element->owner))
			continue;
		first->known = true;
		first->right |= claim->role != NM_ROLE_REPLACED && tag_is(claim->element, element) &&
			data_is(claim->element, element);
	}
}

const struct nm_nftables_element *nm_nftables_claims_desired(
	const struct nm_nftables_claims *claims, const struct nm_nftables_claim *first)
{
	const struct nm_nftables_element *peers = NULL;
	const struct nm_nftables_claim *claim;
	size_t position = 0;

	while ((claim = next(claims, first->element, &position))) {
		if (claim->role == NM_ROLE_NEW)
			return claim->element;
		if (claim->role == NM_ROLE_PEER && !peers)
			peers = claim->element;
	}
	return peers;
}
