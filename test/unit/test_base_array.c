/* base/array.c: a list that grows keeps what it has, and is the same when there is no memory. */
#include "base/array.h"

#include <stdint.h>

#include "tap.h"

static size_t asked_for; /* in bytes, by the last reallocation; 0: none */
static bool fails;

void *reallocarray(void *old, size_t n, size_t size)
{
	asked_for = n * size;
	return fails ? NULL : realloc(old, n * size);
}

struct list {
	uint32_t *v;
	size_t n, capacity;
};

static void test_growth(void)
{
	struct list list = {0};
	struct nm_err err;
	bool kept = true, doubled = true;

	for (uint32_t i = 0; i < 1000; i++) {
		size_t before = list.capacity;

		asked_for = 0;
		if (nm_grow(&list, "counting", &err) < 0)
			break;
		doubled &= before > i
			? list.capacity == before && !asked_for
			: list.capacity == (i ? 2 * i : 8) && asked_for == list.capacity * sizeof(*list.v);
		list.v[list.n++] = i;
	}
	for (uint32_t i = 0; i < list.n; i++)
		kept &= list.v[i] == i;
	tap_ok(list.n == 1000 && kept, "what was in it stays");
	tap_ok(doubled, "there is room for 8, and then twice as much each time");
	free(list.v);
}

static void test_no_memory(void)
{
	uint32_t v[8] = {0};
	struct list list = {v, 8, 8};
	struct nm_err err = {0};

	fails = true;
	tap_ok(nm_grow(&list, "counting", &err) == -1 && list.v == v && list.n == 8 && list.capacity == 8,
		"without memory the list is the same");
	tap_is(err.msg, "counting: out of memory", "and the message says what was done");
	list.n = 7;
	tap_ok(nm_grow(&list, "counting", &err) == 0 && list.v == v,
		"where there is room, no memory is needed");
	fails = false;
}

int main(void)
{
	test_growth();
	test_no_memory();
	return tap_done();
}
