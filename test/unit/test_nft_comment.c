#include "nft/dump.h"

#include <stdlib.h>

#include "tap.h"

/* Behind the bytes is a bait, or their memory ends, so that ASan sees it. */
static void check_comment(
	const char *name, const char *bytes, size_t size, const char *bait, size_t more, const char *expected)
{
	char *copy = malloc(size + more), text[16] = "";
	const char *got;
	size_t len = 0;

	if (copy) {
		memcpy(copy, bytes, size);
		if (bait)
			memcpy(copy + size, bait, more);
	}
	got = nm_nft_dump_comment((struct nm_attrs){copy, size}, &len);
	(void)snprintf(text, sizeof(text), "%.*s", (int)len, got ? got : "");
	tap_ok(!got == !expected, "comment %s: is there or not", name);
	tap_is(text, expected ? expected : "", "comment %s", name);
	free(copy);
}

static void test_comments(void)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
		const char *expected;
	} rows[] = {
#define ROW(name, bytes, expected) {name, bytes, sizeof(bytes) - 1, expected}
		ROW("terminated", "\0\003ab\0", "ab"),
		ROW("not terminated", "\0\002ab", "ab"),
		ROW("terminated before its end", "\0\004a\0cd", "a"),
		ROW("terminated at once", "\0\001\0", ""),
		ROW("behind another type", "\001\001x\0\002b\0", "b"),
		ROW("behind an empty one", "\0\0\0\002b\0", "b"),
		ROW("behind an empty one of another type", "\007\0\0\002b\0", "b"),
		ROW("the first of two", "\0\002a\0\0\002b\0", "a"),
		ROW("a byte short", "\0\003ab", NULL),
		ROW("much too short", "\0\377ab", NULL),
		ROW("of length 0", "\0\0", NULL),
		ROW("a type alone", "\0", NULL),
		ROW("another type alone", "\001\003abc", NULL),
		ROW("two other types alone", "\001\001x\002\001y", NULL),
		ROW("another type, a byte short", "\001\003ab\0\001c", NULL),
		ROW("another type that reaches over the comment", "\001\004\0\002b\0", NULL),
#undef ROW
	};

	static const char bait[] = "\0\001b";

	nm_each(row, rows) {
		check_comment(row->name, row->bytes, row->len, NULL, 0, row->expected);
		check_comment(row->name, row->bytes, row->len, bait, sizeof(bait), row->expected);
	}
	tap_ok(!nm_nft_dump_comment((struct nm_attrs){NULL, 0}, &(size_t){0}), "no user data");
}

int main(void)
{
	test_comments();
	return tap_done();
}
