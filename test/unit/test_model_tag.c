/* model/tag.c: comments, and whose a comment is. */
#include "model/tag.h"

#include "base/cleanup.h"
#include "given.h"

static void test_tags(void)
{
	static const struct {
		const char *owner;
		struct nm_ports ports;
		const char *expected;
	} rows[] = {
		{NULL, {80, 80}, ""},
		{"abc", {80, 80}, "natmap:abc:80"},
		{"abc", {1, 65535}, "natmap:abc:1-65535"},
		{"aZ09_+,.-", {65535, 65535}, "natmap:aZ09_+,.-:65535"},
		{"@localnet/br0", {0, 0}, "natmap:@localnet/br0"},
		{"@established", {0, 0}, "natmap:@established"},
	};
	char buf[NM_TAG_SIZE] = "x";

	nm_each(row, rows)
		tap_is(nm_tag_print(row->owner, row->ports, buf), row->expected, "tag %s", row->expected);
}

/* FNV-1a of n times 'a', by the book. */
static unsigned long long fnv1a(size_t n)
{
	uint64_t h = 14695981039346656037u;

	while (n--)
		h = (h ^ 'a') * 1099511628211u;
	return h;
}

static void test_long_owners(void)
{
	enum { WHOLE = 127 - sizeof("natmap:") + 1 - sizeof(":65535-65535") + 1, LONGEST = 1024 };
	static const struct nm_ports ports[] = {{1, 1}, {65535, 65535}, {10000, 65535}};
	static char owner[LONGEST + 1], other[LONGEST + 1];
	char tag[NM_TAG_SIZE] = "", expected[LONGEST + 64];

	for (size_t n = WHOLE - 1; n <= LONGEST; n = n > WHOLE + 1 ? LONGEST + (n == LONGEST) : n + 1) {
		memset(owner, 'a', n);
		owner[n] = '\0';
		memcpy(other, owner, n + 1);
		other[n - 1] = 'b';
		if (n <= WHOLE)
			(void)snprintf(expected, sizeof(expected), "natmap:%s:10000-65535", owner);
		else
			(void)snprintf(expected, sizeof(expected), "natmap:%.*s~%016llx:10000-65535",
				WHOLE - 17, owner, fnv1a(n));
		nm_each(p, ports) {
			nm_tag_print(owner, *p, tag);
			tap_ok(nm_tag_is_of(tag, strlen(tag), owner), "owner of %zu bytes has its tag", n);
			tap_ok(!nm_tag_is_of(tag, strlen(tag), other), "and its like has not");
		}
		tap_is(tag, expected, "tag of an owner of %zu bytes", n);
		tap_ok(strlen(tag) < NM_TAG_SIZE && (n < WHOLE || strlen(tag) == NM_TAG_SIZE - 1),
			"which fits");
	}
}

/* The tags of natmap up to 0.1.0, which cut longer owners only. */
static void test_old_owners(void)
{
	enum { OLD_WHOLE = 254 - sizeof("natmap:") + 1 - sizeof(":65535-65535") + 1, LONGEST = 1024 };
	static const size_t lengths[] = {1, 108, 109, 126, OLD_WHOLE, OLD_WHOLE + 1, LONGEST};
	static char owner[LONGEST + 1], other[LONGEST + 1];
	char old[LONGEST + 64], tag[NM_TAG_SIZE];

	nm_each(length, lengths) {
		size_t n = *length, len;

		memset(owner, 'a', n);
		owner[n] = '\0';
		memcpy(other, owner, n + 1);
		other[n - 1] = 'b';
		if (n <= OLD_WHOLE)
			(void)snprintf(old, sizeof(old), "natmap:%s:80", owner);
		else
			(void)snprintf(
				old, sizeof(old), "natmap:%.*s~%016llx:80", OLD_WHOLE - 17, owner, fnv1a(n));
		len = strlen(old);
		nm_tag_print(owner, (struct nm_ports){0, 0}, tag);
		tap_ok(nm_tag_is_of(old, len, owner), "an old tag of an owner of %zu bytes", n);
		tap_ok(!nm_tag_is_of(old, len, other), "and not of its like");
		tap_ok(nm_tag_hash(old, len) == nm_tag_hash(tag, strlen(tag)), "has the hash of a new one");
		tap_ok(nm_tag_is_ours(old, len) && nm_tag_is_of_container(old, len), "is natmap's");
	}
}

/* All tags of one owner have one hash, and others another. */
static void test_hash(void)
{
	static const struct {
		const char *tag, *owner;
		bool same;
	} rows[] = {
		{"natmap:web:80", "web", true},
		{"natmap:web:80-90", "web", true},
		{"natmap:webs:80", "web", false},
		{"natmap:@localnet/br0", "@localnet/br0", true},
		{"natmap:@dnat/a:80", "@dnat/a:80", true},
		{"natmap:@dnat/a:80", "@dnat/a", false},
		{"natmap:", "web", false},
		{"", "web", false},
	};
	char tag[NM_TAG_SIZE];

	nm_each(row, rows) {
		nm_tag_print(row->owner, (struct nm_ports){0, 0}, tag);
		tap_ok((nm_tag_hash(row->tag, strlen(row->tag)) == nm_tag_hash(tag, strlen(tag))) ==
				row->same,
			"'%s' %s the hash of '%s'", row->tag, row->same ? "has" : "has not", row->owner);
	}
}

static void test_whose(void)
{
	static const struct {
		const char *tag, *owner;
		bool expected;
	} rows[] = {
		{"natmap:abc:80", "abc", true},
		{"natmap:abc:1", "abc", true},
		{"natmap:abc:65535", "abc", true},
		{"natmap:abc:8000-8010", "abc", true},
		{"natmap:abc:80", "abcd", false},
		{"natmap:abc:80", "ab", false},
		{"natmap:abcd:80", "abc", false},
		{"natmap:abc-1:80", "abc", false},
		{"natmap:80:80", "80", true},
		{"natmap:80:80", "8", false},
		{"natmap:ABC:80", "abc", false},
		{"my-natmap:abc:80", "abc", false},
		{" natmap:abc:80", "abc", false},
		{"NATMAP:abc:80", "abc", false},
		{"natmap:abc:80 ", "abc", false},
		{"natmap:abc:80:80", "abc", false},
		{"natmap:abc:80x", "abc", false},
		{"natmap:abc:http", "abc", false},
		{"natmap:abc:", "abc", false},
		{"natmap:abc", "abc", false},
		{"natmap:ab", "abc", false},
		{"natmap:", "abc", false},
		{"natmap:", "", false},
		{"natmap", "abc", false},
		{"", "abc", false},
		{"natmap:abc:-", "abc", false},
		{"natmap:abc:80-", "abc", false},
		{"natmap:abc:-80", "abc", false},
		{"natmap:abc:80-80", "abc", false},
		{"natmap:abc:81-80", "abc", false},
		{"natmap:abc:80-81-82", "abc", false},
		{"natmap:abc:0", "abc", false},
		{"natmap:abc:080", "abc", false},
		{"natmap:abc:65536", "abc", false},
		{"natmap:abc:80-65536", "abc", false},
		{"natmap:abc 80", "abc", false},
		{"natmap:@localnet/br0", "@localnet/br0", true},
		{"natmap:@localnet/br0", "@localnet/br", false},
		{"natmap:@localnet/br", "@localnet/br0", false},
		{"natmap:@localnet/br0:80", "@localnet/br0", false},
		{"natmap:localnet/br0", "@localnet/br0", false},
		{"natmap:@", "@", true},
	};

	nm_each(row, rows) {
		size_t len = strlen(row->tag);
		nm_autofree char *tag = exactly(row->tag, len);

		tap_ok(nm_tag_is_of(tag, len, row->owner) == row->expected, "'%s' is%s of '%s'", row->tag,
			row->expected ? "" : " not", row->owner);
	}
	tap_ok(nm_tag_is_of("natmap:abc:8080x", strlen("natmap:abc:8080"), "abc"), "no NUL is needed");
	tap_ok(!nm_tag_is_of("natmap:abc:80\0", sizeof("natmap:abc:80"), "abc"), "and none is allowed");
}

/* 'c': of a container; '@': natmap's all the same; '.': not natmap's. */
static void test_ours(void)
{
	static const struct {
		const char *tag;
		char expected;
	} rows[] = {
		{"natmap:abc:80", 'c'},
		{"natmap:a:8000-8010", 'c'},
		{"natmap:azAZ09_+,.-~:1", 'c'},
		{"natmap:@dnat/mail", '@'},
		{"natmap:@x", '@'},
		{"natmap:@", '.'},
		{"natmap:x@", '.'},
		{"natmap:abc", '.'},
		{"natmap::80", '.'},
		{"natmap:80", '.'},
		{"natmap:a b:80", '.'},
		{"natmap: a:80", '.'},
		{"natmap:a/:80", '.'},
		{"natmap:a:b:80", '.'},
		{"natmap:abc:", '.'},
		{"natmap:abc:x", '.'},
		{"natmap:abc:80x", '.'},
		{"natmap:abc:80-80", '.'},
		{"natmap:", '.'},
		{"natmap", '.'},
		{"", '.'},
		{"natmaq:abc:80", '.'},
		{"my-natmap:abc:80", '.'},
		{"@natmap:x", '.'},
	};

	nm_each(row, rows) {
		size_t len = strlen(row->tag);

		tap_ok(nm_tag_is_ours(row->tag, len) == (row->expected != '.') &&
				nm_tag_is_of_container(row->tag, len) == (row->expected == 'c'),
			"'%s' is '%c'", row->tag, row->expected);
	}
	tap_ok(!nm_tag_is_ours("natmap:a\0b:80", sizeof("natmap:a\0b:80") - 1), "nor is a tag with a NUL");
	tap_ok(nm_tag_is_ours("natmap:abc:80x", strlen("natmap:abc:80")), "but one without behind it");
}

static void test_index(void)
{
	static const char *const owners[] = {"web", "@localnet/br0", "db"};
	static const struct {
		const char *tag;
		ssize_t expected;
	} rows[] = {
		{"natmap:web:80", 0},
		{"natmap:db:8000-8010", 2},
		{"natmap:@localnet/br0", 1},
		{"natmap:web:x", -1},
		{"natmap:webs:80", -1},
		{"natmap:we:80", -1},
		{"natmap:@localnet/br", -1},
		{"natmap:@localnet/br0:80", -1},
		{"my-natmap:web:80", -1},
		{"web:80", -1},
		{"", -1},
	};
	struct nm_hash_index index, none;
	struct nm_err err;

	if (!tap_ok(nm_tag_index_owners(owners, 3, &index, &err) == 0 &&
			    nm_tag_index_owners(NULL, 0, &none, &err) == 0,
		    "indexes are made"))
		return;
	nm_each(row, rows) {
		tap_ok(nm_tag_find_owner(&index, owners, row->tag, strlen(row->tag)) == row->expected, "'%s'",
			row->tag);
		tap_ok(nm_tag_find_owner(&none, NULL, row->tag, strlen(row->tag)) < 0, "and it is nobody's");
	}
	nm_hash_index_done(&index);
	nm_hash_index_done(&none);
}

int main(void)
{
	test_tags();
	test_long_owners();
	test_old_owners();
	test_hash();
	test_whose();
	test_ours();
	test_index();
	tap_ok(nm_tag_is_made("natmap:@made", 12) && !nm_tag_is_made("natmap:@mad", 11) &&
			!nm_tag_is_made(NULL, 0),
		"what natmap has made");
	return tap_done();
}
