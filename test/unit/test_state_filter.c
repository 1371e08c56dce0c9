/* state/filter.c: what was added is found in filters of every size, what was not seldom. */
#include <string.h>

#include "state/filter.h"
#include "tap.h"

static uint64_t key(char kind, unsigned i)
{
	return nm_filter_key(kind, &i, sizeof(i));
}

static void test_digits(void)
{
	static const struct {
		size_t n_keys, expected;
	} rows[] = {{0, 16}, {1, 16}, {4, 16}, {5, 32}, {8, 32}, {9, 64}, {16, 64}, {17, 128}, {1024, 4096},
		{1025, 4096}, {1000000, 4096}};

	nm_each(row, rows) {
		size_t n = nm_filter_digits(row->n_keys);

		tap_ok(n == row->expected, "%zu keys in %zu digits", row->n_keys, n);
	}
}

/* The rate for n_keys of one kind, asked for keys of another, in 1/10000. */
static void test_rate(size_t n_keys, unsigned at_most)
{
	enum { ASKED = 10000, FILTERS = 20 };
	size_t n = nm_filter_digits(n_keys), missed = 0, wrong = 0, odd = 0;
	char digits[NM_FILTER_DIGITS_MAX];

	for (unsigned f = 0; f < FILTERS; f++) {
		nm_filter_clear(digits, n);
		for (unsigned i = 0; i < n_keys; i++)
			nm_filter_add(digits, n, key('a', f << 16 | i));
		for (unsigned i = 0; i < n_keys; i++)
			missed += !nm_filter_may_have(digits, n, key('a', f << 16 | i));
		for (unsigned i = 0; i < ASKED; i++)
			wrong += nm_filter_may_have(digits, n, key('b', f << 16 | i));
		for (size_t i = 0; i < n; i++)
			odd += digits[i] < '@' || digits[i] > 'O';
	}
	tap_ok(!missed && !odd, "%zu keys are found again, in digits from @ to O", n_keys);
	tap_ok(wrong <= (size_t)at_most * FILTERS, "%zu keys: %zu of %d others are taken for one", n_keys,
		wrong, ASKED * FILTERS);
}

int main(void)
{
	char empty[NM_FILTER_DIGITS_MIN];

	tap_ok(nm_filter_key('a', "x", 1) != nm_filter_key('b', "x", 1), "the kind matters");
	tap_ok(nm_filter_key('i', "abc", 3) == 0xf027bb0b23da4469, "a key is the same in every version");
	nm_filter_clear(empty, sizeof(empty));
	tap_ok(!nm_filter_may_have(empty, sizeof(empty), key('a', 1)), "nothing in the empty set");
	test_digits();
	test_rate(4, 36);
	test_rate(9, 8);
	test_rate(16, 36);
	test_rate(100, 36);
	test_rate(1024, 36);
	test_rate(2048, 400);
	return tap_done();
}
