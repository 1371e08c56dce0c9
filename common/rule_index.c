/* A list of hashes, sorted by qsort(), in which the rules of one hash stand in the order of the list. */
#include "rule_index.h"

#include <string.h>

static uint64_t hash(const struct nm_rule_place *place, const char *tag, size_t len)
{
	uint8_t where[] = {(uint8_t)place->family, (uint8_t)place->table, (uint8_t)place->chain};

	return nm_rule_hash(nm_rule_hash(NM_RULE_HASH_BEGIN, where, sizeof(where)), tag, len);
}

static int compare(const void *a, const void *b)
{
	const struct nm_rule_index_entry *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

int nm_rule_index_make(const struct nm_rules *rules, struct nm_rule_index *ret, struct nm_err *err)
{
	struct nm_rule_index index = {.rules = rules, .n = rules->n};
	char tag[NM_TAG_SIZE];

	index.entries = calloc(rules->n + 1, sizeof(*index.entries));
	if (!index.entries || rules->n > UINT32_MAX) {
		free(index.entries);
		return nm_fail(err, NM_ERR_FAILED, "preparing the rules: out of memory");
	}
	for (size_t i = 0; i < rules->n; i++) {
		const struct nm_rule *r = &rules->v[i];
		struct nm_rule_place place = {r->family, r->table, r->chain};

		nm_rule_tag(r, tag);
		index.entries[i] = (struct nm_rule_index_entry){hash(&place, tag, strlen(tag)), (uint32_t)i};
	}
	qsort(index.entries, index.n, sizeof(*index.entries), compare);
	*ret = index;
	return 0;
}

void nm_rule_index_done(struct nm_rule_index *index)
{
	free(index->entries);
	*index = (struct nm_rule_index){0};
}

/* The first entry that is not before this hash. */
static size_t lower_bound(const struct nm_rule_index *index, uint64_t h)
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

ssize_t nm_rule_index_next(const struct nm_rule_index *index, const struct nm_rule_place *place,
	const char *tag, size_t len, size_t *position)
{
	uint64_t h = hash(place, tag, len);
	size_t at = *position ? *position : lower_bound(index, h);

	if (at >= index->n || index->entries[at].hash != h)
		return -1;
	*position = at + 1;
	return (ssize_t)index->entries[at].rule;
}
