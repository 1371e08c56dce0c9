/* model/static_nat.c: a static rule as people read it, and what it takes from mappings and others. */
#include "model/static_nat.h"

#include "base/text.h"
#include "given.h"

enum { PORTS_MAX = 8 };

/* In text: NULL or "" where there is none. */
struct row {
	enum nm_static_kind kind;
	const char *external, *interface, *internal, *lan, *ports;
	uint8_t protocol;
	const char *expected;
};

static size_t read_ports(const char *text, struct nm_ports ret[static PORTS_MAX])
{
	const char *element;
	size_t n = 0, len;

	for (size_t i = 0; i < PORTS_MAX; i++) /* behind the last */
		ret[i] = (struct nm_ports){1, UINT16_MAX};
	while (n < PORTS_MAX && (element = nm_text_list_next(&text, &len)))
		n += len > 0 && nm_port_range_parse(element, len, &ret[n].first, &ret[n].last) == 0;
	return n;
}

static char mail[] = "mail";

static struct nm_static_nat make(const struct row *row, struct nm_ports ports[static PORTS_MAX])
{
	struct nm_static_nat s = {.kind = row->kind, .protocol = row->protocol, .ports = ports, .name = mail};

	s.internal = prefix(row->internal);
	s.family = s.internal.addr.family;
	s.has_external = row->external != NULL;
	if (row->external)
		s.external = addr(row->external);
	s.has_lan = row->lan != NULL;
	if (row->lan)
		s.lan = prefix(row->lan);
	(void)snprintf(s.interface, sizeof(s.interface), "%s", row->interface ? row->interface : "");
	s.n_ports = read_ports(row->ports, ports);
	return s;
}

static void test_print(void)
{
	static const struct row rows[] = {
		{NM_STATIC_DNAT, "203.0.113.43", "eth0", "10.10.10.101", NULL, "25,8000-8010", IPPROTO_TCP,
			"203.0.113.43:25,8000-8010/tcp on eth0 -> 10.10.10.101"},
		{NM_STATIC_DNAT, NULL, "e", "10.10.10.101", NULL, "53", IPPROTO_UDP,
			"53/udp on e -> 10.10.10.101"},
		{NM_STATIC_DNAT, NULL, NULL, "10.10.10.101", NULL, "53", IPPROTO_UDP,
			"53/udp -> 10.10.10.101"},
		{NM_STATIC_DNAT, "2001:db8::1", NULL, "fd00::1", NULL, "53", IPPROTO_UDP,
			"[2001:db8::1]:53/udp -> fd00::1"},
		{NM_STATIC_SNAT, "203.0.113.43", "eth0", "10.10.10.7/24", NULL, NULL, 0,
			"10.10.10.0/24 on eth0 as 203.0.113.43"},
		{NM_STATIC_SNAT, "2001:db8::1", NULL, "fd00::1/128", NULL, NULL, 0, "fd00::1 as 2001:db8::1"},
		{NM_STATIC_HAIRPIN, "203.0.113.43", NULL, "10.10.10.101", "10.10.10.0/24", "25", IPPROTO_TCP,
			"10.10.10.0/24 via 203.0.113.43:25/tcp -> 10.10.10.101"},
		{NM_STATIC_HAIRPIN, "203.0.113.43", "br0", "10.10.10.101", NULL, "25", IPPROTO_TCP,
			"10.10.10.101 via 203.0.113.43:25/tcp on br0 -> 10.10.10.101"},
	};
	char buf[NM_STATIC_STRLEN];

	nm_each(row, rows) {
		struct nm_ports ports[PORTS_MAX];
		struct nm_static_nat s = make(row, ports);

		tap_is(nm_static_nat_print(&s, buf), row->expected, "%s", row->expected);
	}
	tap_is(nm_static_nat_kind_name(NM_STATIC_DNAT), "dnat", "a kind");
	tap_is(nm_static_nat_kind_name(NM_STATIC_SNAT), "snat", "another");
	tap_is(nm_static_nat_kind_name(NM_STATIC_HAIRPIN), "hairpin", "the third");
}

static void test_intersect(void)
{
	static const struct {
		const char *a, *b;
		bool expected;
	} rows[] = {
		{"80", "80", true},
		{"80", "81", false},
		{"80-90", "90-99", true},
		{"80-90", "91-99", false},
		{"1,3,5", "2,4,5", true},
		{"1,3,5", "2,4,6", false},
		{"85", "80-90", true},
		{"", "80", false},
		{"", "", false},
	};

	nm_each(row, rows) {
		struct nm_ports in_a[PORTS_MAX], in_b[PORTS_MAX];
		struct nm_static_nat a = {.ports = in_a, .n_ports = read_ports(row->a, in_a)};
		struct nm_static_nat b = {.ports = in_b, .n_ports = read_ports(row->b, in_b)};

		tap_ok(nm_static_nat_ports_intersect(&a, &b) == row->expected &&
				nm_static_nat_ports_intersect(&b, &a) == row->expected,
			"'%s' and '%s'", row->a, row->b);
	}
}

/* Whether a mapping takes a host port that is the rule's, too. */
static const struct {
	struct row rule;
	const char *mapping;
	bool expected;
} pairs[] = {
#define EXTERNAL(ports)                                                                              \
	{                                                                                            \
		NM_STATIC_DNAT, "203.0.113.43", NULL, "10.10.10.101", NULL, ports, IPPROTO_TCP, NULL \
	}
	{EXTERNAL("80"), "80:8080", true},
	{EXTERNAL("80"), "81:80", false},
	{EXTERNAL("80"), "80/udp", false},
	{EXTERNAL("80"), "203.0.113.43:80", true},
	{EXTERNAL("80"), "203.0.113.44:80", false},
	{EXTERNAL("80"), "0.0.0.0:80", true},
	{EXTERNAL("80"), "[::]:80", false},
	{EXTERNAL("80-90"), "90-99", true},
	{EXTERNAL("80-90"), "91-99", false},
	{EXTERNAL("90-99"), "80-90", true},
	{EXTERNAL("91-99"), "80-90", false},
	{{NM_STATIC_DNAT, NULL, NULL, "10.10.10.101", NULL, "80", IPPROTO_TCP, NULL}, "203.0.113.44:80",
		true},
	{{NM_STATIC_DNAT, NULL, NULL, "fd00::1", NULL, "80", IPPROTO_TCP, NULL}, "203.0.113.44:80", false},
	{{NM_STATIC_DNAT, NULL, NULL, "fd00::1", NULL, "80", IPPROTO_TCP, NULL}, "80", true},
	{{NM_STATIC_SNAT, "203.0.113.43", NULL, "10.10.10.101", NULL, "80", IPPROTO_TCP, NULL}, "80", false},
	{{NM_STATIC_HAIRPIN, "203.0.113.43", NULL, "10.10.10.101", NULL, "80", IPPROTO_TCP, NULL}, "80",
		true},
	{{NM_STATIC_HAIRPIN, "203.0.113.43", NULL, "10.10.10.101", "10.10.10.0/24", "80", IPPROTO_TCP, NULL},
		"80", false},
};

static void test_overlaps(void)
{
	nm_each(pair, pairs) {
		nm_automappings struct nm_mappings m = {0};
		struct nm_ports ports[PORTS_MAX];
		struct nm_static_nat s = make(&pair->rule, ports), two[] = {s, s};
		struct nm_static_nats all = {.v = two, .n = 2};
		struct nm_err err = {0};
		char expected[128] = "", text[NM_MAPPING_STRLEN];

		if (!tap_ok(nm_mappings_parse(pair->mapping, &m, &err) == 0, "the test's own mapping"))
			continue;
		tap_ok(nm_static_nat_overlaps(&s, &m.v[0]) == pair->expected, "%s of %s%s, and %s",
			pair->rule.ports, pair->rule.external ? pair->rule.external : "any",
			pair->rule.lan ? " for a network" : "", pair->mapping);
		two[0].protocol = IPPROTO_SCTP;
		tap_ok(nm_static_nats_check_conflict(&all, &m, &err) == (pair->expected ? -1 : 0),
			"in a list");
		if (pair->expected)
			(void)snprintf(expected, sizeof(expected),
				"port mapping '%s': the host port is taken by static %s rule 'mail'",
				nm_mapping_print(&m.v[0], text), nm_static_nat_kind_name(s.kind));
		tap_is(err.msg, expected, "and its message");
		tap_ok(!pair->expected || err.kind == NM_ERR_TAKEN, "and its kind");
	}
}

/* The rule for port 80 is the first or the second of two, and so is the mapping. */
static void test_conflicts(void)
{
	static const struct row row = {
		NM_STATIC_DNAT, "203.0.113.43", NULL, "10.10.10.101", NULL, "80", IPPROTO_TCP, NULL};
	static const char *const lists[] = {"80,81", "81,80"};

	for (int i = 0; i < 2; i++)
		nm_each(list, lists) {
			nm_automappings struct nm_mappings m = {0};
			struct nm_ports ports[PORTS_MAX];
			struct nm_static_nat s = make(&row, ports), two[] = {s, s};
			struct nm_static_nats all = {.v = two, .n = 2};
			struct nm_err err = {0};

			two[i].protocol = IPPROTO_SCTP;
			tap_ok(nm_mappings_parse(*list, &m, &err) == 0 &&
					nm_static_nats_check_conflict(&all, &m, &err) == -1,
				"%s, and rule %d", *list, 2 - i);
			tap_is(err.msg,
				"port mapping '80:80/tcp': the host port is taken by static dnat rule 'mail'",
				"and its message");
		}
}

static void test_done(void)
{
	struct nm_static_nats all = {.v = calloc(2, sizeof(*all.v)), .n = 2, .capacity = 2};

	all.v[1].name = strdup("mail");
	all.v[1].owner = strdup("@dnat/mail");
	all.v[1].ports = calloc(1, sizeof(*all.v[1].ports));
	nm_static_nats_done(&all);
	tap_ok(!all.v && !all.n && !all.capacity, "nothing is left");
	nm_static_nats_done(NULL);
}

int main(void)
{
	test_print();
	test_intersect();
	test_overlaps();
	test_conflicts();
	test_done();
	return tap_done();
}
