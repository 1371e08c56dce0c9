/*
 * A Bloom filter (B. H. Bloom, 1970). A key sets four bits; a key of which one bit is missing was never
 * added. With 16 to 32 bits for each key, which is what rounding up to a power of two makes of 16, at most
 * 1 - exp(-4/16) = 22% of the bits are set, so that a key that was not added is taken for one that was in at
 * most 0.22^4 = 0.24% of all cases, and in 0.02% where rounding was kind. Only sets of more than 1024 keys,
 * which take no more than NM_FILTER_DIGITS_MAX digits, are fuller than that.
 *
 * A digit is a character from '@' to 'O', whose low four bits are bits of the filter: printable, nothing to
 * be escaped in JSON, no quote, and no table is needed to read it.
 */
#include "state/filter.h"

#include <string.h>

#include "base/hash.h"

enum { BITS_PER_KEY = 16, BITS_SET = 4, DIGIT_BITS = 4, EMPTY_DIGIT = '@' };

/* The last step of MurmurHash3 follows, since FNV leaves its bits too alike for short input. */
uint64_t nm_filter_key(char kind, const void *bytes, size_t len)
{
	uint64_t h = nm_hash(nm_hash(NM_HASH_BEGIN, &kind, 1), bytes, len);

	h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
	return h ^ h >> 33;
}

size_t nm_filter_digits(size_t n_keys)
{
	size_t n = NM_FILTER_DIGITS_MIN;

	while (n < NM_FILTER_DIGITS_MAX && n * DIGIT_BITS / BITS_PER_KEY < n_keys)
		n *= 2;
	return n;
}

void nm_filter_clear(char *digits, size_t n)
{
	memset(digits, EMPTY_DIGIT, n);
}

/* Each 16 bits of a key choose one bit of the filter. */
_Static_assert(NM_FILTER_DIGITS_MAX *DIGIT_BITS <= 1 << 16, "16 bits reach every bit of a filter");

void nm_filter_add(char *digits, size_t n, uint64_t key)
{
	for (unsigned i = 0; i < BITS_SET; i++, key >>= 16) {
		size_t bit = (size_t)key & (n * DIGIT_BITS - 1);

		digits[bit / DIGIT_BITS] = (char)(digits[bit / DIGIT_BITS] | 1 << bit % DIGIT_BITS);
	}
}

bool nm_filter_may_have(const char *digits, size_t n, uint64_t key)
{
	for (unsigned i = 0; i < BITS_SET; i++, key >>= 16) {
		size_t bit = (size_t)key & (n * DIGIT_BITS - 1);

		if (!(digits[bit / DIGIT_BITS] & 1 << bit % DIGIT_BITS))
			return false;
	}
	return true;
}
