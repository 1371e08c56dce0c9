/* base/addr.c: addresses, prefixes, lists, numbers and port sets as text and back. */
#include "base/addr.h"
#include "base/port.h"
#include "base/prefix.h"
#include "base/text.h"
#include "given.h"

static void test_addresses(void)
{
	static const struct {
		const char *text, *printed; /* NULL: refused */
	} rows[] = {
		{"0.0.0.0", "0.0.0.0"},
		{"192.0.2.1", "192.0.2.1"},
		{"255.255.255.255", "255.255.255.255"},
		{"::", "::"},
		{"::1", "::1"},
		{"2001:DB8::A", "2001:db8::a"},
		{"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"", NULL},
		{"192.0.2", NULL},
		{"192.0.2.", NULL},
		{"192.0.2.1.", NULL},
		{"192.0.2.1.1", NULL},
		{"192.0.2.256", NULL},
		{"192.0.2.01", NULL},
		{"192.0.2.0x1", NULL},
		{"192.0.2.-1", NULL},
		{"3221225985", NULL},
		{" 192.0.2.1", NULL},
		{"192.0.2.1 ", NULL},
		{"192.0.2.1/32", NULL},
		{":", NULL},
		{"1:2:3:4:5:6:7", NULL},
		{"1:2:3:4:5:6:7:8:9", NULL},
		{"1::2::3", NULL},
		{"::12345", NULL},
		{"::g", NULL},
		{"[::1]", NULL},
		{"fe80::1%eth0", NULL},
		{"::1/128", NULL},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555", NULL},
		{"localhost", NULL},
	};
	char buf[NM_ADDR_STRLEN];

	nm_each(row, rows) {
		nm_autofree char *text = exactly(row->text, strlen(row->text));
		struct nm_addr a;
		int rc = nm_addr_parse(text, strlen(row->text), &a);

		if (row->printed)
			tap_is(rc == 0 ? nm_addr_print(&a, buf) : "refused", row->printed, "address '%s'",
				row->text);
		else
			tap_ok(rc == -1, "no address '%s'", row->text);
	}
	tap_ok(nm_addr_parse("192.0.2.1\0", 10, &(struct nm_addr){0}) == -1, "no address with a NUL");
}

static void test_prefixes(void)
{
	static const struct {
		const char *text, *printed, *network; /* NULL: refused */
	} rows[] = {
		{"192.0.2.77", "192.0.2.77/32", "192.0.2.77/32"},
		{"192.0.2.77/32", "192.0.2.77/32", "192.0.2.77/32"},
		{"192.0.2.77/31", "192.0.2.77/31", "192.0.2.76/31"},
		{"192.0.2.77/25", "192.0.2.77/25", "192.0.2.0/25"},
		{"192.0.255.77/23", "192.0.255.77/23", "192.0.254.0/23"},
		{"192.0.2.77/8", "192.0.2.77/8", "192.0.0.0/8"},
		{"192.0.2.77/1", "192.0.2.77/1", "128.0.0.0/1"},
		{"192.0.2.77/0", "192.0.2.77/0", "0.0.0.0/0"},
		{"2001:db8::1", "2001:db8::1/128", "2001:db8::1/128"},
		{"2001:db8::1/64", "2001:db8::1/64", "2001:db8::/64"},
		{"2001:db8:ffff::1/33", "2001:db8:ffff::1/33", "2001:db8:8000::/33"},
		{"2001:db8::1/0", "2001:db8::1/0", "::/0"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127"},
		{"192.0.2.1/33", NULL, NULL},
		{"2001:db8::1/129", NULL, NULL},
		{"192.0.2.1/", NULL, NULL},
		{"192.0.2.1/ 8", NULL, NULL},
		{"192.0.2.1/08", NULL, NULL},
		{"192.0.2.1/-1", NULL, NULL},
		{"192.0.2.1/+8", NULL, NULL},
		{"192.0.2.1/256", NULL, NULL},
		{"192.0.2.1/18446744073709551624", NULL, NULL},
		{"192.0.2.1/8/8", NULL, NULL},
		{"192.0.2.1/255.0.0.0", NULL, NULL},
		{"192.0.2/24", NULL, NULL},
		{"/24", NULL, NULL},
		{"/", NULL, NULL},
		{"", NULL, NULL},
	};
	char buf[NM_PREFIX_STRLEN];

	nm_each(row, rows) {
		nm_autofree char *text = exactly(row->text, strlen(row->text));
		struct nm_prefix p, network;
		int rc = nm_prefix_parse(text, strlen(row->text), &p);

		if (!row->printed) {
			tap_ok(rc == -1, "no prefix '%s'", row->text);
			continue;
		}
		tap_is(rc == 0 ? nm_prefix_print(&p, buf) : "refused", row->printed, "prefix '%s'",
			row->text);
		network = rc == 0 ? nm_prefix_network(&p) : (struct nm_prefix){0};
		tap_is(nm_prefix_print(&network, buf), row->network, "network of '%s'", row->text);
	}
}

static void test_last(void)
{
	static const char *const rows[][2] = {{"192.0.2.77/24", "192.0.2.255/24"},
		{"10.0.0.9/30", "10.0.0.11/30"}, {"192.0.2.1/32", "192.0.2.1/32"},
		{"0.0.0.0/0", "255.255.255.255/0"}, {"fd00:86::5/126", "fd00:86::7/126"},
		{"fd00::1/128", "fd00::1/128"}};
	char buf[NM_PREFIX_STRLEN];

	nm_each(row, rows) {
		struct nm_prefix p = {.len = 0}, last;

		tap_ok(nm_prefix_parse((*row)[0], strlen((*row)[0]), &p) == 0, "prefix '%s'", (*row)[0]);
		last = nm_prefix_last(&p);
		tap_is(nm_prefix_print(&last, buf), (*row)[1], "last of '%s'", (*row)[0]);
	}
}

static void test_membership(void)
{
	static const struct {
		const char *prefix, *addr;
		bool expected;
	} rows[] = {
		{"192.0.2.0/24", "192.0.2.0", true},
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.77/24", "192.0.2.1", true},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.1/32", "192.0.2.1", true},
		{"192.0.2.1/32", "192.0.2.2", false},
		{"0.0.0.0/0", "255.255.255.255", true},
		{"0.0.0.0/0", "::", false},
		{"::/0", "0.0.0.0", false},
		{"::/0", "ffff::1", true},
		{"2001:db8::/33", "2001:db8:7fff::", true},
		{"2001:db8::/33", "2001:db8:8000::", false},
		{"::ffff:0:0/96", "192.0.2.1", false},
		{"192.0.2.1/32", "::ffff:192.0.2.1", false},
	};

	nm_each(row, rows) {
		struct nm_prefix p = prefix(row->prefix);
		struct nm_addr a = addr(row->addr);

		tap_ok(nm_prefix_has(&p, &a) == row->expected, "%s is %s %s", row->addr,
			row->expected ? "in" : "not in", row->prefix);
	}
}

static void test_equal(void)
{
	static const struct {
		const char *a, *b;
		bool expected;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"::1", "0:0::1", true},
		{"::", "0.0.0.0", false},
		{"::ffff:192.0.2.1", "192.0.2.1", false},
	};

	nm_each(row, rows) {
		struct nm_addr a = addr(row->a), b = addr(row->b);

		tap_ok(nm_addr_equal(&a, &b) == row->expected, "%s and %s", row->a, row->b);
	}
}

static void test_kinds(void)
{
	static const struct {
		const char *addr, *expected; /* "": usable */
	} rows[] = {
		{"0.0.0.0", "unspecified"},
		{"::", "unspecified"},
		{"0.0.0.1", ""},
		{"126.255.255.255", ""},
		{"127.0.0.0", "loopback"},
		{"127.0.0.1", "loopback"},
		{"127.255.255.255", "loopback"},
		{"128.0.0.0", ""},
		{"169.254.0.0", "link-local"},
		{"169.254.255.255", "link-local"},
		{"169.255.0.0", ""},
		{"223.255.255.255", ""},
		{"224.0.0.0", "multicast"},
		{"239.255.255.255", "multicast"},
		{"240.0.0.0", "broadcast"},
		{"255.255.255.255", "broadcast"},
		{"::1", "loopback"},
		{"::2", ""},
		{"2001:db8::1", ""},
		{"fd00::1", ""},
		{"fe7f::1", ""},
		{"fe80::1", "link-local"},
		{"febf:ffff::1", "link-local"},
		{"fec0::1", ""},
		{"ff00::", "multicast"},
		{"ff02::1", "multicast"},
		{"::ffff:10.0.0.1", "IPv4-mapped"},
		{"::ffff:192.0.2.1", "IPv4-mapped"},
		{"::ffff:127.0.0.1", "loopback"},
		{"::ffff:127.255.0.1", "loopback"},
		{"::ffff:126.0.0.1", "IPv4-mapped"},
		{"::ffff:0.0.0.0", "IPv4-mapped"},
		{"::fffe:7f00:1", ""},
	};

	nm_each(row, rows) {
		struct nm_addr a = addr(row->addr);
		const char *got = nm_addr_unusable(&a);

		tap_is(got ? got : "", row->expected, "%s is %s", row->addr,
			*row->expected ? row->expected : "usable");
		tap_ok(nm_addr_is_loopback(&a) == !strcmp(row->expected, "loopback") &&
				nm_addr_is_unspecified(&a) == !strcmp(row->expected, "unspecified"),
			"and the single questions agree");
	}
}

static void test_mask(void)
{
	uint8_t mask[16];

	memset(mask, 1, sizeof(mask));
	nm_prefix_mask(12, mask);
	tap_ok(mask[0] == 0xff && mask[1] == 0xf0, "a mask's bits");
	for (size_t i = 2; i < sizeof(mask); i++)
		tap_ok(mask[i] == 0, "and byte %zu behind them", i);
}

static void test_families(void)
{
	static const struct {
		const char *name;
		uint8_t af, bits;
		size_t size;
	} rows[] = {{"IPv4", AF_INET, 32, 4}, {"IPv6", AF_INET6, 128, 16}};
	enum nm_family family;

	nm_each_family(f, NM_BOTH_FAMILIES) {
		tap_is(nm_addr_family_name(f), rows[f].name, "a family");
		tap_ok(nm_addr_family_to_af(f) == rows[f].af && nm_addr_family_of_af(rows[f].af, &family) &&
				family == f,
			"its number, and back");
		tap_ok(nm_addr_bits(f) == rows[f].bits && nm_addr_size(f) == rows[f].size, "its addresses");
	}
	family = NM_FAMILY_MAX;
	tap_ok(!nm_addr_family_of_af(AF_UNIX, &family) && family == NM_FAMILY_MAX, "no other");
}

static void test_whole(void)
{
	static const char *const rows[][2] = {
		{"192.0.2.1", "192.0.2.1/32"}, {"2001:db8::1", "2001:db8::1/128"}};
	char buf[NM_PREFIX_STRLEN];

	nm_each(row, rows) {
		struct nm_addr a = addr((*row)[0]);
		struct nm_prefix p = nm_prefix_whole(&a);

		tap_is(nm_prefix_print(&p, buf), (*row)[1], "%s is a prefix", (*row)[0]);
	}
}

static void test_known_prefixes(void)
{
	char buf[NM_PREFIX_STRLEN];

	tap_is(nm_prefix_print(&nm_prefix_ipv6_link_local, buf), "fe80::/10", "link-local");
	tap_is(nm_prefix_print(&nm_prefix_multicast[NM_IPV4], buf), "224.0.0.0/4", "multicast");
	tap_is(nm_prefix_print(&nm_prefix_multicast[NM_IPV6], buf), "ff00::/8", "multicast of IPv6");
}

static void test_prefix_lists(void)
{
	static const struct {
		const char *text, *expected; /* '!' and the error, or the prefixes, blanks between */
	} rows[] = {
		{"192.0.2.1", "192.0.2.1/32"},
		{"192.0.2.1/24, 2001:db8::1/64", "192.0.2.1/24 2001:db8::1/64"},
		{"  192.0.2.1  ,::1 ", "192.0.2.1/32 ::1/128"},
		{"", "!allow: '' is not an IP address or prefix"},
		{"192.0.2.1,", "!allow: '' is not an IP address or prefix"},
		{",192.0.2.1", "!allow: '' is not an IP address or prefix"},
		{"192.0.2.1,,::1", "!allow: '' is not an IP address or prefix"},
		{"192.0.2.1 ::1", "!allow: '192.0.2.1 ::1' is not an IP address or prefix"},
		{"::1,x", "!allow: 'x' is not an IP address or prefix"},
		{"::1,::1,::1,::1", "!allow: 4 addresses, at most 3 are allowed"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789",
			"!allow: '0123456789012345678901234567890123456789012345678901234567890123' is not "
			"an IP address or prefix"},
	};

	nm_each(row, rows) {
		char got[1200] = "", buf[NM_PREFIX_STRLEN];
		struct nm_prefixes list = {0};
		struct nm_err err;

		if (nm_prefixes_parse(row->text, 3, "allow", NM_ERR_REFUSED, &list, &err) < 0)
			(void)snprintf(got, sizeof(got), "!%s%s", err.kind == NM_ERR_REFUSED ? "" : "(kind) ",
				err.msg);
		for (size_t i = 0; i < list.n; i++)
			(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "",
				nm_prefix_print(&list.v[i], buf));
		tap_is(got, row->expected, "list '%s'", row->text);
		nm_prefixes_done(&list);
		tap_ok(!list.v && !list.n, "and it is empty afterwards");
	}
	nm_prefixes_done(NULL);
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		uint64_t max;
		int rc;
		uint64_t expected;
	} rows[] = {
		{"0", 0, 0, 0},
		{"1", 0, -1, 0},
		{"65535", 65535, 0, 65535},
		{"65536", 65535, -1, 0},
		{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, -1, 0},
		{"18446744073709551626", 65535, -1, 0},
		{"99999999999999999999999999", UINT64_MAX, -1, 0},
		{"", 9, -1, 0},
		{"00", 9, -1, 0},
		{"01", 9, -1, 0},
		{"+1", 9, -1, 0},
		{"-1", UINT64_MAX, -1, 0},
		{" 1", 9, -1, 0},
		{"1 ", 9, -1, 0},
		{"1.0", 99, -1, 0},
		{"1e1", 99, -1, 0},
		{"0x1", 99, -1, 0},
		{"a", 99, -1, 0},
		{"\xd9\xa1", 99, -1, 0},
	};

	nm_each(row, rows) {
		nm_autofree char *text = exactly(row->text, strlen(row->text));
		uint64_t got = 0;
		int rc = nm_text_number(text, strlen(row->text), row->max, &got);

		tap_ok(rc == row->rc && got == row->expected, "number '%s', at most %llu", row->text,
			(unsigned long long)row->max);
	}
}

static void test_portsets(void)
{
	static const struct {
		const char *text;
		unsigned count, first, last; /* of the ports in the set; count -1: refused */
	} rows[] = {
		{"", 0, 0, 0},
		{"80", 1, 80, 80},
		{"1-65535", 65535, 1, 65535},
		{"65535", 1, 65535, 65535},
		{"1,80-89", 11, 1, 89},
		{" 80 ,  90 ", 2, 80, 90},
		{"80,80,79-81", 3, 79, 81},
		{"7-8,15-16", 4, 7, 16},
		{"0", -1u, 0, 0},
		{"0-80", -1u, 0, 0},
		{"65536", -1u, 0, 0},
		{"1-65536", -1u, 0, 0},
		{"81-80", -1u, 0, 0},
		{"80-", -1u, 0, 0},
		{"-80", -1u, 0, 0},
		{"-", -1u, 0, 0},
		{"80-81-82", -1u, 0, 0},
		{"80 - 81", -1u, 0, 0},
		{"80,", -1u, 0, 0},
		{",80", -1u, 0, 0},
		{" ", -1u, 0, 0},
		{"080", -1u, 0, 0},
		{"80/tcp", -1u, 0, 0},
		{"http", -1u, 0, 0},
	};
	static struct nm_port_set set;

	nm_each(row, rows) {
		int rc = nm_port_set_parse(row->text, &set);
		unsigned count = rc < 0 ? -1u : 0, first = 0, last = 0;

		for (unsigned port = 0; rc == 0 && port <= 65535; port++)
			if (nm_port_set_has(&set, (uint16_t)port)) {
				first = count++ ? first : port;
				last = port;
			}
		tap_ok(count == row->count && first == row->first && last == row->last, "port set '%s'",
			row->text);
	}
	tap_ok(nm_port_set_parse("8-9", &set) == 0 && !nm_port_set_has(&set, 7) && nm_port_set_has(&set, 8) &&
			nm_port_set_has(&set, 9) && !nm_port_set_has(&set, 10),
		"neighbours of a range are not in it");
}

int main(void)
{
	test_addresses();
	test_prefixes();
	test_last();
	test_membership();
	test_equal();
	test_kinds();
	test_mask();
	test_families();
	test_whole();
	test_known_prefixes();
	test_prefix_lists();
	test_numbers();
	test_portsets();
	return tap_done();
}
