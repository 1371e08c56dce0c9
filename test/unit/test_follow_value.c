/* follow/value.c: what is said of values of which a part is known, and what lies beside the registers, which
 * changes nothing. */
#include "follow/value.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

#include "tap.h"

enum { END = NM_FOLLOW_BYTES };

static enum nm_tri tri(char c)
{
	return c == 'y' ? NM_TRUE : c == 'n' ? NM_FALSE : NM_UNDECIDED;
}

static void test_logic(void)
{
	static const struct {
		char a, b, both;
	} rows[] = {{'y', 'y', 'y'}, {'y', 'n', 'n'}, {'y', '?', '?'}, {'n', 'n', 'n'}, {'n', '?', 'n'},
		{'?', '?', '?'}};

	nm_each(row, rows)
		tap_ok(nm_value_and(tri(row->a), tri(row->b)) == tri(row->both) &&
				nm_value_and(tri(row->b), tri(row->a)) == tri(row->both),
			"%c and %c", row->a, row->b);
	tap_ok(nm_value_not(NM_TRUE) == NM_FALSE && nm_value_not(NM_FALSE) == NM_TRUE &&
			nm_value_not(NM_UNDECIDED) == NM_UNDECIDED,
		"not");
}

/* Two hexadecimal digits a byte: "?" four bits that are not known, "##" what no rule names. Bytes that are
 * not known are 0. */
static const char *show(const struct nm_value *v, size_t at, size_t len)
{
	static char text[2 * END + 1];
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		uint8_t byte = v->bytes[at + i], known = v->known[at + i];
		char *two = text + 2 * i;

		two[0] = known >> 4 == 15 ? digits[byte >> 4] : known >> 4 || byte >> 4 ? '!' : '?';
		two[1] = (known & 15) == 15 ? digits[byte & 15] : known & 15 || byte & 15 ? '!' : '?';
		if (v->unnamed[at + i])
			two[0] = two[1] = known || byte ? '!' : '#';
	}
	text[2 * len] = '\0';
	return text;
}

static size_t hex(const char *text, uint8_t ret[static END])
{
	size_t n = 0;

	for (; *text; text += 2) {
		const char two[] = {text[0] == '?' || text[0] == '#' ? '0' : text[0],
			text[1] == '?' || text[1] == '#' ? '0' : text[1], 0};

		ret[n++] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

static struct nm_value value(size_t at, const char *text)
{
	struct nm_value v = {{0}, {0}, {0}};
	uint8_t bytes[END];
	size_t n = hex(text, bytes);

	for (size_t i = 0; i < n; i++) {
		nm_value_put(&v, at + i, bytes + i, 1);
		if (text[2 * i] == '#')
			nm_value_put_unnamed(&v, at + i, 1);
		else if (text[2 * i + 1] == '?')
			nm_value_forget(&v, at + i, 1, text[2 * i] == '?' ? 8 : 4);
	}
	return v;
}

static void test_writing(void)
{
	struct nm_value v = {{0}, {0}, {0}}, copy = v;

	nm_value_put(&v, 1, "\x12\x34\x56", 3);
	tap_is(show(&v, 0, 5), "??123456??", "known bytes");
	nm_value_put_unnamed(&v, 2, 2);
	tap_is(show(&v, 0, 5), "??12####??", "such as no rule names");
	nm_value_copy(&copy, 3, &v, 1, 2);
	tap_is(show(&copy, 2, 5), "??12##????", "a copy");
	nm_value_copy(&v, 2, &v, 1, 3);
	tap_is(show(&v, 0, 6), "??1212####??", "a copy to what overlaps it");
	nm_value_put_unknown(&v, 1, 2);
	tap_is(show(&v, 0, 6), "??????####??", "not known ones");
	nm_value_put_unknown(&v, 3, 1);
	tap_is(show(&v, 0, 6), "????????##??", "of what no rule names, too");
	nm_value_put(&v, 4, "\xab", 1);
	tap_is(show(&v, 0, 6), "????????ab??", "and known ones");
	nm_value_put(&v, 4, NULL, 0);
	tap_is(show(&v, 0, 6), "????????ab??", "no bytes");
}

/* At the end of the registers, and beyond. */
static void test_ends(void)
{
	static const struct {
		size_t at, len;
		bool fits;
	} rows[] = {{END - 2, 2, true}, {END - 2, 3, false}, {END, 0, true}, {END + 1, 0, false},
		{END, 1, false}, {END - 1, SIZE_MAX, false}, {SIZE_MAX, 2, false}};
	static const uint8_t ones[END] = {1, 1, 1};

	nm_each(row, rows) {
		struct nm_value before = value(END - 4, "abcdef01"), v = before, all = value(0, "");

		nm_value_put_unknown(&all, 0, END);
		nm_value_put(&v, row->at, ones, row->len);
		nm_value_put_unknown(&v, row->at, row->len);
		nm_value_put_unnamed(&v, row->at, row->len);
		nm_value_copy(&v, row->at, &all, 0, row->len);
		nm_value_copy(&all, 0, &v, row->at, row->len);
		nm_value_forget(&v, row->at, row->len, 8);
		tap_is(show(&v, END - 4, 4), row->fits && row->len ? "abcd????" : "abcdef01",
			"%zu bytes at %zu", row->len, row->at);
		tap_ok(nm_value_is_known(&before, row->at, row->len) == row->fits, "are known, or not there");
		tap_ok(!nm_value_is_unnamed(&before, row->at, row->len), "and named");
	}
}

static void test_forget(void)
{
	static const struct {
		size_t len;
		unsigned bits;
		const char *expected;
	} rows[] = {{4, 0, "12345678"}, {4, 4, "1234567?"}, {4, 8, "123456??"}, {4, 12, "12345???"},
		{4, 32, "????????"}, {4, 40, "????????"}, {2, 8, "12??5678"}, {2, 16, "????5678"},
		{0, 8, "12345678"}};

	nm_each(row, rows) {
		struct nm_value v = value(2, "ff12345678ff");

		nm_value_forget(&v, 3, row->len, row->bits);
		tap_is(show(&v, 3, 4), row->expected, "the last %u bits of %zu bytes", row->bits, row->len);
		tap_ok(v.bytes[2] == 0xff && v.known[2] == 0xff && v.known[7] == 0xff, "and no others");
	}
}

/* LT LTE EQ GTE GT NEQ: each as yes, no or ?. */
static const struct {
	const char *value, *other, *answers;
} comparisons[] = {
	{"1234", "1234", "nyyynn"},
	{"1234", "1235", "yynnny"},
	{"1234", "1233", "nnnyyy"},
	{"1234", "2233", "yynnny"},
	{"????", "1234", "??????"},
	{"12??", "1234", "??????"},
	{"12??", "1334", "??n??y"},
	{"??34", "1235", "??n??y"},
	{"123?", "1234", "??????"},
	{"123?", "1244", "??n??y"},
	{"####", "1234", "nnnnny"},
	{"##??", "1234", "nnnnny"},
	{"12##", "1234", "nnnnny"},
	{"", "", "nyyynn"},
};

static void test_compare(void)
{
	static const uint32_t operations[] = {
		NFT_CMP_LT, NFT_CMP_LTE, NFT_CMP_EQ, NFT_CMP_GTE, NFT_CMP_GT, NFT_CMP_NEQ};

	nm_each(row, comparisons) {
		struct nm_value v = value(5, row->value);
		uint8_t other[END];
		size_t len = hex(row->other, other);

		for (size_t i = 0; i < 6; i++)
			tap_ok(nm_value_compare(&v, 5, operations[i], other, len) == tri(row->answers[i]),
				"'%s' and '%s', operation %u", row->value, row->other, operations[i]);
	}
}

static void test_within(void)
{
	static const struct {
		const char *value, *first, *last;
		char expected;
	} rows[] = {
		{"1234", "1234", "1234", 'y'},
		{"1234", "1233", "1235", 'y'},
		{"1234", "1235", "2000", 'n'},
		{"1234", "1000", "1233", 'n'},
		{"12??", "0000", "ffff", '?'},
		{"####", "0000", "ffff", 'y'},
		{"12##", "0000", "ffff", 'y'},
		{"####", "0001", "ffff", 'n'},
		{"####", "0000", "feff", 'n'},
		{"####", "0100", "ffff", 'n'},
		{"", "", "", 'y'},
	};

	nm_each(row, rows) {
		struct nm_value v = value(3, row->value);
		uint8_t first[END], last[END];
		size_t len = hex(row->first, first);

		(void)hex(row->last, last);
		tap_ok(nm_value_within(&v, 3, first, last, len) == tri(row->expected), "'%s' in %s-%s",
			row->value, row->first, row->last);
	}
}

static void test_questions(void)
{
	static const struct {
		const char *value;
		bool known, unnamed;
	} rows[] = {{"1234", true, false}, {"12??", false, false}, {"??34", false, false},
		{"123?", false, false}, {"##34", false, true}, {"12##", false, true}, {"", true, false}};

	nm_each(row, rows) {
		struct nm_value v = value(3, row->value);
		size_t len = strlen(row->value) / 2;

		tap_ok(nm_value_is_known(&v, 3, len) == row->known &&
				nm_value_is_unnamed(&v, 3, len) == row->unnamed,
			"'%s'", row->value);
		tap_ok(!nm_value_is_known(&v, 2, len + 1) && !nm_value_is_known(&v, 3, len + 1),
			"and what is beside is not");
	}
}

int main(void)
{
	test_logic();
	test_writing();
	test_ends();
	test_forget();
	test_compare();
	test_within();
	test_questions();
	return tap_done();
}
