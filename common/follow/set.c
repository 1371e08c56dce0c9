#include "follow/set.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

static bool field_is_within(
	const struct nm_value *v, size_t at, const struct nm_ruleset_element *e, size_t offset, size_t len)
{
	const uint8_t *end = e->key_end ? e->key_end : e->key;

	return nm_value_within(v, at + offset, e->key + offset, end + offset, len) == NM_TRUE;
}

/* All of the key is known, or in no rule. */
static bool is_within(const struct nm_value *v, size_t at, const struct nm_ruleset_set *set,
	const struct nm_ruleset_element *e)
{
	size_t offset = 0;

	if (!set->n_fields)
		return field_is_within(v, at, e, 0, set->key_size);
	for (size_t i = 0; i < set->n_fields; i++) {
		if (offset + set->fields[i] > set->key_size ||
			!field_is_within(v, at, e, offset, set->fields[i]))
			return false;
		offset += (set->fields[i] + NFT_REG32_SIZE - 1u) / NFT_REG32_SIZE * NFT_REG32_SIZE;
	}
	return true;
}

/* The last element whose key is not behind this one; NULL: there is none. Of two with one key, the one that
 * begins an interval. */
static const struct nm_ruleset_element *find_below(const struct nm_ruleset_set *set, const uint8_t *key)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct nm_ruleset_element *e = &set->v[middle];

		if (!e->key || memcmp(e->key, key, set->key_size) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && set->v[low - 1].key ? &set->v[low - 1] : NULL;
}

/* An element for all other keys has none, and is the first. */
static const struct nm_ruleset_element *catchall(const struct nm_ruleset_set *set)
{
	return set->n && !set->v[0].key ? &set->v[0] : NULL;
}

/* Its elements are ranges, and not where intervals begin and end. */
static bool has_ranges(const struct nm_ruleset_set *set)
{
	return set->flags & NFT_SET_INTERVAL && set->n && (set->v[set->n - 1].key_end || set->n_fields > 1);
}

static const struct nm_ruleset_element *find_range(
	const struct nm_ruleset_set *set, const struct nm_value *v, size_t at)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].key && is_within(v, at, set, &set->v[i]))
			return &set->v[i];
	return catchall(set);
}

/* An interval of all keys, as 0.0.0.0/0 is: nothing comes behind it. The set is not empty. */
static const struct nm_ruleset_element *find_whole(const struct nm_ruleset_set *set)
{
	const struct nm_ruleset_element *e = &set->v[set->n - 1];

	if (!e->key || !(set->flags & NFT_SET_INTERVAL) || e->flags & NFT_SET_ELEM_INTERVAL_END)
		return catchall(set);
	for (size_t i = 0; i < set->key_size; i++)
		if (e->key[i])
			return catchall(set);
	return e;
}

/* All of the key is known. */
static const struct nm_ruleset_element *find(
	const struct nm_ruleset_set *set, const struct nm_value *v, size_t at)
{
	const struct nm_ruleset_element *e = find_below(set, v->bytes + at);

	if (has_ranges(set))
		return find_range(set, v, at);
	if (e && set->flags & NFT_SET_INTERVAL)
		return e->flags & NFT_SET_ELEM_INTERVAL_END ? catchall(set) : e;
	return e && !memcmp(e->key, v->bytes + at, set->key_size) ? e : catchall(set);
}

enum nm_tri nm_follow_set_find(const struct nm_ruleset_set *set, const struct nm_value *v, size_t at,
	const struct nm_ruleset_element **ret)
{
	*ret = NULL;
	if (!set || set->is_too_big || at + set->key_size > NM_FOLLOW_BYTES)
		return NM_UNDECIDED;
	if (set->n == 0)
		return NM_FALSE;
	if (nm_value_is_unnamed(v, at, set->key_size))
		*ret = has_ranges(set) ? find_range(set, v, at) : find_whole(set);
	else if (nm_value_is_known(v, at, set->key_size))
		*ret = find(set, v, at);
	else
		return NM_UNDECIDED;
	return *ret ? NM_TRUE : NM_FALSE;
}
