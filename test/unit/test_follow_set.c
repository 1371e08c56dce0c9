/* follow/set.c: which element of a set a key finds, when that is known, and when it is not. */
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>

#include "follow/set.h"
#include "tap.h"

enum { ELEMENTS_MAX = 8, KEY_MAX = 40, MANY = 1 << 16 };

enum { PLAIN = 0, INTERVAL = NFT_SET_INTERVAL, CONCAT = NFT_SET_CONCAT | NFT_SET_INTERVAL };

/* Elements are hexadecimal keys in the set's order: "KEY", "KEY!" for the end of an interval, "KEY-KEY" for a
 * range of both,
 * "*" for all other keys. A key to find has "??" for a byte that is not known, "##" for one that no rule
 * names. */
static const struct {
	const char *what;
	uint32_t flags;
	size_t key_size;
	uint8_t fields[NM_NFT_FIELDS_MAX];
	const char *elements, *key, *expected; /* the number of the element */
} rows[] = {
	{"no element", PLAIN, 2, {0}, "", "0050", "no"},
	{"the only one", PLAIN, 2, {0}, "0050", "0050", "1"},
	{"one below", PLAIN, 2, {0}, "0050", "004f", "no"},
	{"one above", PLAIN, 2, {0}, "0050", "0051", "no"},
	{"the first of three", PLAIN, 2, {0}, "0016 0050 01bb", "0016", "1"},
	{"the second", PLAIN, 2, {0}, "0016 0050 01bb", "0050", "2"},
	{"the last", PLAIN, 2, {0}, "0016 0050 01bb", "01bb", "3"},
	{"between two", PLAIN, 2, {0}, "0016 0050 01bb", "0051", "no"},
	{"the high byte counts more", PLAIN, 2, {0}, "0100 01ff", "00ff", "no"},
	{"all other keys", PLAIN, 2, {0}, "* 0050", "0051", "1"},
	{"all other keys, but this one", PLAIN, 2, {0}, "* 0050", "0050", "2"},
	{"all other keys alone", PLAIN, 2, {0}, "*", "0050", "1"},
	/* keys that are not known */
	{"not known", PLAIN, 2, {0}, "0050", "????", "?"},
	{"half known", PLAIN, 2, {0}, "0050", "00??", "?"},
	{"not known, in an empty set", PLAIN, 2, {0}, "", "????", "no"},
	{"not known, among all keys", PLAIN, 2, {0}, "* 0050", "????", "?"},
	{"that no rule names", PLAIN, 4, {0}, "0a000001", "########", "no"},
	{"that no rule names, in an interval of some", INTERVAL, 4, {0}, "00000000 80000000!", "########",
		"no"},
	{"that no rule names, in an interval of all", INTERVAL, 4, {0}, "00000000", "########", "1"},
	{"that no rule names, in one of all, with all others", INTERVAL, 4, {0}, "* 00000000", "########",
		"2"},
	{"that no rule names, and the lowest of single ones", PLAIN, 4, {0}, "00000000", "########", "no"},
	{"that no rule names, in an interval without an end", INTERVAL, 4, {0}, "00000000! 80000000",
		"########", "no"},
	{"that no rule names, behind an interval", INTERVAL, 4, {0}, "00000000!", "########", "no"},
	{"a part of which no rule names, in a range of all", CONCAT, 8, {4, 2},
		"0000000000500000-ffffffff00500000", "########00500000", "1"},
	{"and another port", CONCAT, 8, {4, 2}, "0000000000500000-ffffffff00500000", "########00510000",
		"no"},
	{"a part of which no rule names, in a range of some", CONCAT, 8, {4, 2},
		"0000000000500000-feffffff00500000", "########00500000", "no"},
	{"that no rule names, among all others", PLAIN, 4, {0}, "* 0a000001", "########", "1"},
	{"a part of which no rule names", CONCAT, 8, {4, 2}, "0a00000100500000", "########00500000", "no"},
	/* intervals: where one begins, and where what is in none begins */
	{"in an interval", INTERVAL, 2, {0}, "0046 005b!", "0050", "1"},
	{"where it begins", INTERVAL, 2, {0}, "0046 005b!", "0046", "1"},
	{"its last", INTERVAL, 2, {0}, "0046 005b!", "005a", "1"},
	{"behind it", INTERVAL, 2, {0}, "0046 005b!", "005b", "no"},
	{"before it", INTERVAL, 2, {0}, "0046 005b!", "0045", "no"},
	{"as nft writes it, with an end before all", INTERVAL, 2, {0}, "0000! 0046 005b!", "0045", "no"},
	{"between two", INTERVAL, 2, {0}, "0046 005b! 0100 0200!", "00f0", "no"},
	{"in the second of two", INTERVAL, 2, {0}, "0046 005b! 0100 0200!", "0100", "3"},
	{"in the second of two that touch", INTERVAL, 2, {0}, "0046 005b! 005b 0060!", "005b", "3"},
	{"in one without an end", INTERVAL, 2, {0}, "0000! 0400", "ffff", "2"},
	{"behind an interval, with all others", INTERVAL, 2, {0}, "* 0046 005b!", "0060", "1"},
	{"before it, with all others", INTERVAL, 2, {0}, "* 0046 005b!", "0010", "1"},
	{"in it, with all others", INTERVAL, 2, {0}, "* 0046 005b!", "0050", "2"},
	{"an address in a network", INTERVAL, 4, {0}, "0a580700 0a580800!", "0a580702", "1"},
	{"an address in none", INTERVAL, 4, {0}, "0a580700 0a580800!", "0a580802", "no"},
	{"an interval and half of a key", INTERVAL, 4, {0}, "0a580700 0a580800!", "0a5807??", "?"},
	/* concatenations: ranges part by part, each filled up to four bytes */
	{"both parts", CONCAT, 8, {4, 2}, "0a58070200500000-0a58070200500000", "0a58070200500000", "1"},
	{"another port", CONCAT, 8, {4, 2}, "0a58070200500000-0a58070200500000", "0a58070200510000", "no"},
	{"another address", CONCAT, 8, {4, 2}, "0a58070200500000-0a58070200500000", "0a58070300500000", "no"},
	{"within both ranges", CONCAT, 8, {4, 2}, "0a58070000460000-0a5807ff005a0000", "0a58070900500000",
		"1"},
	{"at the end of both", CONCAT, 8, {4, 2}, "0a58070000460000-0a5807ff005a0000", "0a5807ff005a0000",
		"1"},
	{"the second part below, though the whole is within", CONCAT, 8, {4, 2},
		"0a58070000460000-0a5807ff005a0000", "0a58070900100000", "no"},
	{"the second part above, though the whole is within", CONCAT, 8, {4, 2},
		"0a58070000460000-0a5807ff005a0000", "0a58070900900000", "no"},
	{"what fills a part up does not count", CONCAT, 8, {2, 4}, "005000000a580702-005000000a580702",
		"0050ffff0a580702", "1"},
	{"the second of two ranges that overlap", CONCAT, 8, {4, 2},
		"0a58070000460000-0a5807ff005a0000 0a58070900010000-0a58070900200000", "0a58070900100000",
		"2"},
	{"neither, with all others", CONCAT, 8, {4, 2}, "* 0a58070000460000-0a5807ff005a0000",
		"0a58080000500000", "1"},
	{"a range of the whole, of which the kernel does not tell the parts", CONCAT, 8, {0},
		"0a58070000460000-0a5807ff005a0000", "0a58070900900000", "1"},
	{"without ranges", NFT_SET_CONCAT, 8, {4, 2}, "0a58070200500000", "0a58070200500000", "1"},
	{"single ones where there may be ranges", CONCAT, 8, {4, 2}, "0a58070200500000", "0a58070200500000",
		"1"},
	{"and not below the next", CONCAT, 8, {4, 2}, "0a58070200500000", "0a58070200510000", "no"},
	{"parts that are longer than the key", CONCAT, 4, {4, 2}, "0a5807020000-0a5807020000", "0a5807020000",
		"no"},
	{"a range of such a whole, and a key behind it", CONCAT, 8, {0}, "0a58070000460000-0a5807ff005a0000",
		"0a58080000500000", "no"},
	{"half known, in a concatenation", CONCAT, 8, {4, 2}, "0a58070000460000-0a5807ff005a0000",
		"0a580709????0000", "?"},
};

/* Two digits. "??" and "##" are zeros. */
static uint8_t byte_at(const char *text)
{
	const char digits[] = {text[0], text[1], '\0'};

	return (uint8_t)strtoul(digits, NULL, 16);
}

static size_t decode(const char *text, uint8_t *ret)
{
	size_t n = 0;

	for (; strspn(text, "0123456789abcdef?#") >= 2; text += 2)
		ret[n++] = byte_at(text);
	return n;
}

struct made {
	struct nm_ruleset_element v[ELEMENTS_MAX];
	uint8_t keys[ELEMENTS_MAX][2][KEY_MAX];
};

static size_t make_elements(const char *text, struct made *ret)
{
	size_t n = 0;

	for (; *text; text += strcspn(text, " "), text += *text == ' ') {
		struct nm_ruleset_element *e = &ret->v[n];
		size_t len = 2 * decode(text, ret->keys[n][0]);

		*e = (struct nm_ruleset_element){.key = *text == '*' ? NULL : ret->keys[n][0],
			.flags = text[len] == '!' ? NFT_SET_ELEM_INTERVAL_END : 0};
		if (text[len] == '-') {
			decode(text + len + 1, ret->keys[n][1]);
			e->key_end = ret->keys[n][1];
		}
		n++;
	}
	return n;
}

static void put_key(struct nm_value *v, size_t at, const char *text)
{
	for (; *text; text += 2, at++) {
		uint8_t byte = byte_at(text);

		if (*text == '?')
			nm_value_put_unknown(v, at, 1);
		else if (*text == '#')
			nm_value_put_unnamed(v, at, 1);
		else
			nm_value_put(v, at, &byte, 1);
	}
}

static const char *find(const struct nm_ruleset_set *set, const char *key, char buf[static 16])
{
	enum { AT = 4 };
	struct nm_value v = {{0}, {0}, {0}};
	const struct nm_ruleset_element *e;
	enum nm_tri found;

	put_key(&v, AT, key);
	found = nm_follow_set_find(set, &v, AT, &e);
	if ((found == NM_TRUE) != (e != NULL))
		return "an element, and none";
	if (!e)
		return found == NM_FALSE ? "no" : "?";
	(void)snprintf(buf, 16, "%zu", (size_t)(e - set->v) + 1);
	return buf;
}

static void test_rows(void)
{
	char text[16];

	nm_each(row, rows) {
		struct made made = {0};
		struct nm_ruleset_set set = {
			.flags = row->flags, .key_size = row->key_size, .v = made.v, .is_used = true};

		set.n = make_elements(row->elements, &made);
		memcpy(set.fields, row->fields, sizeof(set.fields));
		while (set.n_fields < NM_NFT_FIELDS_MAX && set.fields[set.n_fields])
			set.n_fields++;
		tap_is(find(&set, row->key, text), row->expected, "%s", row->what);
	}
}

static void test_unknown_sets(void)
{
	struct made made = {0};
	struct nm_ruleset_set set = {.key_size = 2, .v = made.v, .is_too_big = true};
	struct nm_value v = {{0}, {0}, {0}};
	const struct nm_ruleset_element *e;
	char text[16];

	tap_is(find(NULL, "0050", text), "?", "a set that is not known");
	tap_is(find(&set, "0050", text), "?", "one that has too many elements to be read");
	set = (struct nm_ruleset_set){
		.key_size = 8, .v = made.v, .n = make_elements("0000000000000000", &made)};
	nm_value_put(&v, NM_FOLLOW_BYTES - 4, "\0\0\0", 4);
	tap_ok(nm_follow_set_find(&set, &v, NM_FOLLOW_BYTES - 4, &e) == NM_UNDECIDED,
		"a key that begins where the registers end");
	set.n = 0;
	tap_ok(nm_follow_set_find(&set, &v, NM_FOLLOW_BYTES, &e) == NM_UNDECIDED, "a key of no register");
}

/* Of so many single keys, every second port: each is found, and none between them. */
static void test_many(void)
{
	static struct nm_ruleset_element v[MANY / 2];
	static uint8_t keys[MANY / 2][2];
	struct nm_ruleset_set set = {.key_size = 2, .v = v, .n = MANY / 2};
	unsigned wrong = 0;

	for (unsigned i = 0; i < MANY / 2; i++) {
		keys[i][0] = (uint8_t)(i >> 7);
		keys[i][1] = (uint8_t)(i << 1);
		v[i].key = keys[i];
	}
	for (unsigned port = 0; port < MANY; port++) {
		const uint8_t key[] = {(uint8_t)(port >> 8), (uint8_t)port};
		struct nm_value value = {{0}, {0}, {0}};
		const struct nm_ruleset_element *e;

		nm_value_put(&value, 0, key, sizeof(key));
		wrong += nm_follow_set_find(&set, &value, 0, &e) != (port % 2 ? NM_FALSE : NM_TRUE);
		wrong += !(port % 2) && e != &v[port / 2];
	}
	tap_ok(wrong == 0, "each of %u keys", MANY / 2);
}

int main(void)
{
	test_rows();
	test_unknown_sets();
	test_many();
	return tap_done();
}
