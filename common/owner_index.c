/* A list of hashes of tags without their ports, sorted by qsort(). */
#include "owner_index.h"

#include <string.h>

static uint64_t hash(const char *tag, size_t len)
{
	return nm_rule_hash(NM_RULE_HASH_BEGIN, tag, len);
}

static int compare(const void *a, const void *b)
{
	const struct nm_owner_index_entry *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

int nm_owner_index_make(const char *const *owners, size_t n, struct nm_owner_index *ret, struct nm_err *err)
{
	struct nm_owner_index index = {.n = n};
	char tag[NM_TAG_SIZE];

	index.entries = calloc(n + 1, sizeof(*index.entries));
	if (!index.entries)
		return nm_fail(err, NM_ERR_FAILED, "preparing the rules: out of memory");
	for (size_t i = 0; i < n; i++) {
		const struct nm_rule rule = {.owner = owners[i]};

		nm_rule_tag(&rule, tag);
		index.entries[i] = (struct nm_owner_index_entry){hash(tag, strlen(tag)), owners[i]};
	}
	qsort(index.entries, n, sizeof(*index.entries), compare);
	*ret = index;
	return 0;
}

void nm_owner_index_done(struct nm_owner_index *index)
{
	free(index->entries);
	*index = (struct nm_owner_index){0};
}

/* The first entry that is not before this hash. */
static size_t lower_bound(const struct nm_owner_index *index, uint64_t h)
{
	size_t first = 0, behind = index->n;

	while (first < behind) {
		size_t middle = first + (behind - first) / 2;

		if (index->entries[middle].hash < h)
			first = middle + 1;
		else
			behind = middle;
	}
	return first;
}

/* A tag ends in ports, or its owner begins with '@': both are tried. */
static bool has(const struct nm_owner_index *index, uint64_t h, const char *tag, size_t len)
{
	for (size_t i = lower_bound(index, h); i < index->n && index->entries[i].hash == h; i++)
		if (nm_tag_is_of(tag, len, index->entries[i].owner))
			return true;
	return false;
}

bool nm_owner_index_has(const struct nm_owner_index *index, const char *tag, size_t len)
{
	const char *colon = index->n ? memrchr(tag, ':', len) : NULL;

	return colon &&
		(has(index, hash(tag, (size_t)(colon - tag)), tag, len) ||
			has(index, hash(tag, len), tag, len));
}
