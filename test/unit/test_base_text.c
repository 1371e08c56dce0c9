/* base/text.c: texts that are put together, and cut; characters; words that a command takes from outside mean
 * themselves to a shell, whatever is in them. */
#include "base/text.h"
#include "tap.h"

static const struct {
	const char *text, *word;
} words[] = {
	{"br0", "br0"},
	{"/run/natmap-2.d/x_y", "/run/natmap-2.d/x_y"},
	{"", "''"},
	{"a b", "'a b'"},
	{"$(reboot)", "'$(reboot)'"},
	{"it's", "'it'\\''s'"},
	{"'", "''\\'''"},
	{"a;b", "'a;b'"},
	{"~", "'~'"},
};

/* "a", "bc" and then "%d", of the number 45, into so many bytes. */
static void test_put(void)
{
	static const struct {
		size_t size;
		const char *expected;
	} rows[] = {{1, ""}, {2, "a"}, {3, "ab"}, {4, "abc"}, {5, "abc4"}, {6, "abc45"}, {7, "abc45"}};

	nm_each(row, rows) {
		char buf[8] = "xxxxxxx";
		struct nm_text t = {.buf = buf, .size = row->size};

		nm_text_put(&t, "a");
		nm_text_put(&t, "bc");
		nm_text_put(&t, "%d", 45);
		nm_text_put(&t, "%s", "");
		tap_is(buf, row->expected, "put into %zu bytes", row->size);
		tap_ok(t.used == strlen(row->expected) && (row->size > 6 || buf[row->size] == 'x'),
			"and no more");
	}
}

static void test_count(void)
{
	tap_ok(nm_text_list_count("") == 1 && nm_text_list_count("a") == 1 && nm_text_list_count("a,,b") == 3,
		"elements of a list");
	tap_ok(nm_text_count("a:b:c", 5, ':') == 2 && nm_text_count("a:b:c", 3, ':') == 1 &&
			nm_text_count(":b:", 3, ':') == 2 && nm_text_count("::", 1, ':') == 1 &&
			nm_text_count("a", 0, 'a') == 0,
		"bytes that are c");
}

static void test_decode(void)
{
	static const struct {
		const char *text;
		size_t size;
		uint32_t character;
	} rows[] = {
		{"a", 1, 'a'},
		{"\x7f", 1, 0x7f},
		{"\xc2\x80", 2, 0x80},
		{"\xdf\xbf", 2, 0x7ff},
		{"\xe0\xa0\x80", 3, 0x800},
		{"\xed\x9f\xbf", 3, 0xd7ff},
		{"\xee\x80\x80", 3, 0xe000},
		{"\xef\xbf\xbf", 3, 0xffff},
		{"\xf0\x90\x80\x80", 4, 0x10000},
		{"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"\xf4\x90\x80\x80", 0, 0},
		{"\xf8\x88\x80\x80\x80", 0, 0},
		{"\xf8\x84\x80\x80\x80", 0, 0},
		{"\xf8\x80\x80\x80\xaf", 0, 0},
		{"\xfc\x80\x80\x80\x80\xaf", 0, 0},
		{"\xc1\xbf", 0, 0},
		{"\xe0\x9f\xbf", 0, 0},
		{"\xf0\x8f\xbf\xbf", 0, 0},
		{"\xed\xa0\x80", 0, 0},
		{"\xed\xbf\xbf", 0, 0},
		{"\x80", 0, 0},
		{"\xbf", 0, 0},
		{"\xc2", 0, 0},
		{"\xc2\xc0", 0, 0},
		{"\xc2\x7f", 0, 0},
		{"\xe1\x80\x7f", 0, 0},
		{"\xff", 0, 0},
	};

	nm_each(row, rows) {
		uint32_t c = 0;

		tap_ok(nm_text_decode(row->text, strlen(row->text), &c) == row->size && c == row->character,
			"character U+%04x of %zu bytes", (unsigned)row->character, row->size);
	}
	tap_ok(nm_text_decode("", 1, &(uint32_t){0}) == 1, "NUL is a character");
	tap_ok(nm_text_decode("\xc2\x80", 1, &(uint32_t){0}) == 0, "what is behind the text is not read");
}

static void test_list(void)
{
	const char *list = "    ,  a b , ,c";
	static const char *const expected[] = {"", "a b", "", "c"};
	size_t len = 1;

	nm_each(row, expected) {
		const char *element = nm_text_list_next(&list, &len);

		tap_ok(element && len == strlen(*row) && !memcmp(element, *row, len), "element '%s'", *row);
	}
	tap_ok(!nm_text_list_next(&list, &len), "the end of the list");
}

int main(void)
{
	char buf[NM_TEXT_WORD_SIZE], longest[2 * NM_TEXT_WORD_SIZE];

	nm_each(row, words)
		tap_is(nm_text_word(row->text, buf), row->word, "word %s", row->text);
	for (const char *c = "a'$"; *c; c++) {
		memset(longest, *c, sizeof(longest) - 1);
		longest[sizeof(longest) - 1] = '\0';
		nm_text_word(longest, buf);
		tap_ok(*c == 'a' || buf[strlen(buf) - 1] == '\'', "too many of %c are cut, and closed", *c);
	}
	test_put();
	test_count();
	test_decode();
	test_list();
	return tap_done();
}
