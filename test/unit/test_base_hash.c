#include "base/hash.h"

#include <string.h>

#include "tap.h"

/* draft-eastlake-fnv, appendix C */
static void test_hash(void)
{
	static const struct {
		const char *text;
		uint64_t expected;
	} rows[] = {{"", 0xcbf29ce484222325}, {"a", 0xaf63dc4c8601ec8c}, {"foobar", 0x85944171f73967e8}};

	nm_each(row, rows)
		tap_ok(nm_hash(NM_HASH_BEGIN, row->text, strlen(row->text)) == row->expected, "hash of '%s'",
			row->text);
	tap_ok(nm_hash(nm_hash(NM_HASH_BEGIN, "foo", 3), "bar", 3) == rows[2].expected, "in two parts");
}

/* A sort that does not keep the order of what is equal, and sees whether the comparison is one. */
static bool unfair;

void qsort(void *list, size_t n, size_t size, int (*compare)(const void *a, const void *b))
{
	char *v = list, swap[64];

	for (size_t i = 0; i < n; i++)
		for (size_t j = n; j-- > i;) {
			int order = compare(v + i * size, v + j * size),
			    back = compare(v + j * size, v + i * size);

			unfair |= (order < 0) != (back > 0) || (order > 0) != (back < 0) ||
				(order == 0) != (i == j);
			if (order <= 0 || size > sizeof(swap))
				continue;
			memcpy(swap, v + i * size, size);
			memcpy(v + i * size, v + j * size, size);
			memcpy(v + j * size, swap, size);
		}
}

/* NULL for no bytes, as C allows. */
static bool fails;
static size_t asked_for;

void *calloc(size_t n, size_t size)
{
	void *volatile none = NULL; /* else this becomes a call of calloc() */
	void *p = n && size && !fails ? realloc(none, n * size) : NULL;

	asked_for = n;
	return p ? memset(p, 0, n * size) : NULL;
}

static uint64_t same_hash(const void *list, size_t i)
{
	return ((const uint64_t *)list)[i];
}

static void test_index(void)
{
	static const uint64_t hashes[] = {5, UINT64_MAX, 5, 0, 5, UINT64_MAX};
	static const struct {
		uint64_t hash;
		const char *expected;
	} cases[] = {{0, "3 "}, {5, "0 2 4 "}, {UINT64_MAX, "1 5 "}, {1, ""}, {6, ""}, {UINT64_MAX - 1, ""}};
	struct nm_hash_index index, none;
	struct nm_err err;

	if (tap_ok(nm_hash_index_make(NULL, 0, same_hash, &none, &err) == 0, "an index of no hashes"))
		tap_ok(nm_hash_index_next(&none, 0, &(size_t){0}) < 0, "has not even 0");
	nm_hash_index_done(&none);
	if (!tap_ok(nm_hash_index_make(hashes, 6, same_hash, &index, &err) == 0, "an index of hashes"))
		return;
	nm_each(row, cases) {
		size_t position = 0, used = 0;
		char got[32] = "";
		ssize_t i;

		while ((i = nm_hash_index_next(&index, row->hash, &position)) >= 0 && used < sizeof(got))
			used += (size_t)snprintf(got + used, sizeof(got) - used, "%zd ", i);
		tap_is(got, row->expected, "those of hash %llu, in order", (unsigned long long)row->hash);
	}
	nm_hash_index_done(&index);
	tap_ok(!index.v && !index.n, "nothing is left");
	tap_ok(!unfair, "the order is one");
}

static void test_no_memory(void)
{
	struct nm_hash_index index = {0};
	struct nm_err err = {0};

	fails = true;
	tap_ok(nm_hash_index_make(NULL, 1, same_hash, &index, &err) == -1 && !index.v, "no memory");
	tap_is(err.msg, "preparing the rules: out of memory", "and it says so");
	fails = false;
	asked_for = 0;
	tap_ok(nm_hash_index_make(NULL, UINT32_MAX, same_hash, &index, &err) == -1 && !asked_for,
		"more than numbers have room for");
}

int main(void)
{
	test_hash();
	test_index();
	test_no_memory();
	return tap_done();
}
