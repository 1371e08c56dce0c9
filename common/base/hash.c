/* The index is an array of hashes, sorted by qsort(), in which the numbers of one hash stand in their order.
 */
#include "base/hash.h"

uint64_t nm_hash(uint64_t h, const void *bytes, size_t len)
{
	for (const uint8_t *p = bytes; len > 0; p++, len--)
		h = (h ^ *p) * UINT64_C(0x100000001b3);
	return h;
}

static int compare(const void *a, const void *b)
{
	const struct nm_hash_index_entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

int nm_hash_index_make(const void *list, size_t n, uint64_t (*hash)(const void *list, size_t number),
	struct nm_hash_index *ret, struct nm_err *err)
{
	struct nm_hash_index index = {.n = n};

	index.v = n < UINT32_MAX ? calloc(n + 1, sizeof(*index.v)) : NULL;
	if (!index.v)
		return nm_fail_memory(err, "preparing the rules");
	for (size_t i = 0; i < n; i++)
		index.v[i] = (struct nm_hash_index_entry){hash(list, i), (uint32_t)i};
	qsort(index.v, n, sizeof(*index.v), compare);
	*ret = index;
	return 0;
}

void nm_hash_index_done(struct nm_hash_index *index)
{
	free(index->v);
	*index = (struct nm_hash_index){0};
}

/* The first entry that is not before this hash. */
static size_t lower_bound(const struct nm_hash_index *index, uint64_t hash)
{
	size_t first = 0, behind = index->n;

	while (first < behind) {
		size_t middle = first + (behind - first) / 2;

		if (index->v[middle].hash < hash)
			first = middle + 1;
		else
			behind = middle;
	}
	return first;
}

ssize_t nm_hash_index_next(const struct nm_hash_index *index, uint64_t hash, size_t *position)
{
	size_t at = *position ? *position : lower_bound(index, hash);

	if (at >= index->n || index->v[at].hash != hash)
		return -1;
	*position = at + 1;
	return (ssize_t)index->v[at].number;
}
