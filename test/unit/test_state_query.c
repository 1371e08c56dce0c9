/* state_query.c and state_header.c: a byte search that may say yes too often, but never no to a record that a
 * parse finds to match. */
#include <stdlib.h>

#include "json.h"
#include "record.h"
#include "state_header.h"
#include "state_query.h"
#include "tap.h"

static bool fits(const struct nm_state_query *q, const char *line, size_t len)
{
	struct nm_state_patterns patterns;

	nm_state_query_compile(q, &patterns);
	return nm_state_patterns_fit(&patterns, line, len);
}

enum { ROUNDS = 20000, CONTAINER_MAPPINGS = 3 };

/* The same numbers in every run: xorshift64 (Marsaglia, 2003). */
static uint64_t state = 88172645463325252;
static unsigned choose(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % n);
}

/* Few values, many of them alike, so that records and queries often meet or nearly do. */
static const char *const ids[] = {"c", "cc", "80", "live", "ranges", "c-1", "10.0.0.2"};
static const char *const interfaces[] = {"", "", "br0", "br", "br00", "0", "a\"b", "a\\b", "true"};
static const char *const addresses[NM_FAMILY_MAX][4] = {
	{"10.0.0.2", "10.0.0.20", "110.0.0.2", "10.0.0.0"},
	{"fd00::2", "fd00::22", "fd00::", "fd00::2:0:0:2"},
};
static const char *const hosts[] = {
	"", "", "", "0.0.0.0:", "[::]:", "192.0.2.1:", "127.0.0.1:", "[2001:db8::1]:", "[2001:db8::80]:"};
static const char *const protocols[] = {"tcp", "udp", "sctp"};

#define PICK(list) ((list)[choose(sizeof(list) / sizeof(*(list)))])

/* Some mappings, ports 1 to 100; those that do not go together are left out. */
static struct nm_mappings some_mappings(unsigned at_most)
{
	struct nm_mappings list = {0};
	struct nm_err err;
	char text[512], one[128];

	do {
		text[0] = '\0';
		for (unsigned n = 1 + choose(at_most); n; n--) {
			unsigned first = 1 + choose(90), count = choose(4) ? 1 : 2 + choose(9);

			(void)snprintf(one, sizeof(one), "%s%s%u-%u:%u-%u/%s", *text ? "," : "", PICK(hosts),
				first, first + count - 1, first + 7, first + 6 + count, PICK(protocols));
			(void)strncat(text, one, sizeof(text) - strlen(text) - 1);
		}
	} while (nm_portspec_parse(text, &list, &err) < 0);
	return list;
}

static struct nm_prefix some_address(enum nm_family f)
{
	struct nm_prefix p = {0};
	const char *text = PICK(addresses[f]);

	if (nm_addr_parse(text, strlen(text), &p.addr) < 0)
		tap_ok(false, "the test's own address '%s'", text);
	p.len = (uint8_t)(choose(2) ? nm_addr_bits(f) : 24);
	return p;
}

static struct nm_record some_record(void)
{
	struct nm_record r = {.id = strdup(PICK(ids)),
		.pid = (pid_t)choose(3),
		.netns = {4, choose(100)},
		.families = 1 + choose(3),
		.restricted = choose(2),
		.mappings = some_mappings(CONTAINER_MAPPINGS)};

	(void)snprintf(r.localnet, sizeof(r.localnet), "%s", PICK(interfaces));
	(void)snprintf(r.bridge_port, sizeof(r.bridge_port), "%s", PICK(interfaces));
	r.bundle = choose(2) ? strdup(PICK(interfaces)) : NULL;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		r.address[f] = some_address(f);
	return r;
}

static char *write_line(const struct nm_record *r)
{
	nm_autojsonw struct nm_jsonw *w = nm_jsonw_new();
	const char *text;
	struct nm_err err;
	size_t len;

	nm_jsonw_object(w);
	nm_jsonw_string(w, "live");
	nm_jsonw_integer(w, 1);
	nm_record_write(r, w);
	nm_jsonw_object_end(w);
	text = nm_jsonw_finish(w, &len, &err);
	return text ? strdup(text) : NULL;
}

/* The query as its header says it, asked of the parsed record. */
static bool matches(const struct nm_state_query *q, const struct nm_record *r)
{
	if (q->all || (q->id && !strcmp(q->id, r->id)) ||
		(q->localnet && !strcmp(q->localnet, r->localnet)) ||
		(q->bridge_port && !strcmp(q->bridge_port, r->bridge_port)))
		return true;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (q->families & r->families & 1u << f &&
			nm_addr_equal(&q->address[f].addr, &r->address[f].addr))
			return true;
	for (size_t i = 0; i < q->n_mappings; i++)
		for (size_t j = 0; j < r->mappings.n; j++)
			if (nm_mapping_overlaps(&q->mappings[i], &r->mappings.v[j]))
				return true;
	return false;
}

static const char *some_interface(void)
{
	const char *name = PICK(interfaces);

	return *name ? name : NULL;
}

static void test_never_no(void)
{
	size_t matched = 0, passed_over = 0, missed = 0, unreadable = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct nm_record r = some_record(), back = {0};
		struct nm_prefix wanted[NM_FAMILY_MAX] = {some_address(NM_IPV4), some_address(NM_IPV6)};
		struct nm_mappings mappings = some_mappings(2);
		struct nm_state_query q = {.address = wanted, .mappings = mappings.v};
		nm_autofree char *line = write_line(&r);
		struct nm_err err;
		bool expected, got;

		q.id = choose(3) ? NULL : PICK(ids);
		q.n_mappings = choose(2) ? mappings.n : 0;
		q.families = choose(2) ? 0 : choose(4);
		q.localnet = choose(3) ? NULL : some_interface();
		q.bridge_port = choose(3) ? NULL : some_interface();
		if (nm_record_read(line, strlen(line), &back, &err) < 0)
			unreadable++;
		expected = matches(&q, back.id ? &back : &r);
		got = fits(&q, line, strlen(line));
		matched += expected;
		passed_over += !got;
		if (expected && !got && !missed++)
			printf("# missed: %s\n", line);
		nm_mappings_done(&mappings);
		nm_record_done(&back);
		nm_record_done(&r);
	}
	tap_ok(unreadable == 0, "all records read back");
	tap_ok(missed == 0, "no record that matches is passed over");
	tap_ok(matched > ROUNDS / 10 && passed_over > ROUNDS / 10, "%zu of %d match, %zu are passed over",
		matched, ROUNDS, passed_over);
}

/* What makes a hook cheap: lines that need not be parsed. */
static void test_passes_over(void)
{
	static const char line[] =
		"{\"live\":1,\"id\":\"abc\",\"bundle\":\"/b/443:1\",\"backend\":\"iptables\","
		"\"addresses\":[\"10.0.0.2/24\"],\"localnet\":{\"interface\":\"br0\",\"set\":true},"
		"\"hairpin\":{\"interface\":\"veth1\",\"set\":true},\"ports\":[\"8080:80/tcp\"]}";
	struct nm_mapping m = {
		.families = NM_IPV4_BIT, .any_host = true, .protocol = IPPROTO_TCP, .count = 1};
	struct nm_prefix wanted[NM_FAMILY_MAX] = {{{NM_IPV4, {10, 0, 0, 2}}, 32}};
	const struct {
		const char *name;
		struct nm_state_query q;
		uint16_t port;
		bool expected;
	} rows[] = {
		{"nothing asked", {.all = false}, 0, false},
		{"all", {.all = true}, 0, true},
		{"id", {.id = "abc"}, 0, true},
		{"beginning of the id", {.id = "ab"}, 0, false},
		{"longer id", {.id = "abcd"}, 0, false},
		{"id that stands elsewhere", {.id = "br0"}, 0, false},
		{"interface", {.localnet = "br0"}, 0, true},
		{"beginning of the interface", {.localnet = "br"}, 0, false},
		{"interface of the other kind", {.localnet = "veth1"}, 0, false},
		{"bridge port", {.bridge_port = "veth1"}, 0, true},
		{"bridge port of the other kind", {.bridge_port = "br0"}, 0, false},
		{"address", {.address = wanted, .families = NM_IPV4_BIT}, 0, true},
		{"address of a family that is not asked", {.address = wanted}, 0, false},
		{"port", {.mappings = &m, .n_mappings = 1}, 8080, true},
		{"another port", {.mappings = &m, .n_mappings = 1}, 8081, false},
		{"container port", {.mappings = &m, .n_mappings = 1}, 90, false},
	};

	nm_each(row, rows) {
		/* exactly so large, so that a sanitizer sees what is read behind it */
		nm_autofree char *copy = malloc(sizeof(line) - 1);

		m.host_port = row->port;
		memcpy(copy, line, sizeof(line) - 1);
		tap_ok(fits(&row->q, copy, sizeof(line) - 1) == row->expected, "%s: %s", row->name,
			row->expected ? "found" : "passed over");
	}
	tap_ok(!fits(&(struct nm_state_query){.id = "abc"}, line, 0), "nothing in an empty line");
	tap_ok(!fits(&(struct nm_state_query){.id = "abc"}, line, strlen("{\"live\":1,\"id\":\"abc")),
		"nothing in a line cut short");
}

#define BOOT   "\"boot\":\"01234567-89ab-cdef-0123-456789abcdef\""
#define SPACES "\"netns\":\"4:4026531840\",\"pidns\":\"5:4026531836\""
#define HEADER "{\"natmap\":1," BOOT "," SPACES "}\n"

static void test_header(void)
{
	static const struct {
		const char *line;
		int64_t format; /* 0: refused */
	} rows[] = {
		{HEADER, 1},
		{"{\"natmap\":2}\n", 2},
		{"{\"natmap\":2,\"boot\":7}\n", 2},
		{"{\"natmap\":99," BOOT "," SPACES ",\"more\":1}\n", 99},
		{"", 0},
		{"\n", 0},
		{"{\n", 0},
		{"{}\n", 0},
		{"{\"natmap\":1}\n", 0},
		{"{\"natmap\":\"1\"," BOOT "," SPACES "}\n", 0},
		{"{\"natmap\":0," BOOT "," SPACES "}\n", 0},
		{"{\"natmap\":-1," BOOT "," SPACES "}\n", 0},
		{"{\"natmap\":1," BOOT "," SPACES "}", 0},
		{"{\"natmap\":1," BOOT "," SPACES "} \n", 0},
		{"{\"natmap\":1," BOOT "," SPACES ",\"more\":1}\n", 0},
		{"{\"natmap\":1," SPACES "}\n", 0},
		{"{\"natmap\":1,\"boot\":\"\"," SPACES "}\n", 0},
		{"{\"natmap\":1,\"boot\":\"XY\"," SPACES "}\n", 0},
		{"{\"natmap\":1,\"boot\":\"0123456789012345678901234567890123456789\"," SPACES "}\n", 0},
		{"{\"natmap\":1," BOOT ",\"netns\":\"4\",\"pidns\":\"5:1\"}\n", 0},
		{"{\"live\":1,\"id\":\"c\"}\n", 0},
	};
	char buf[NM_STATE_HEADER_SIZE];
	struct nm_state_header h = {0};

	nm_each(row, rows) {
		int rc = nm_state_header_parse(row->line, &h);

		tap_ok(row->format ? rc == 0 && h.format == row->format : rc == -1, "header %s: %.*s",
			row->format ? "read" : "refused", (int)strcspn(row->line, "\n"), row->line);
	}
	if (nm_state_header_parse(HEADER, &h) == 0)
		tap_ok(nm_state_header_print(&h, buf) == strlen(HEADER) && !strcmp(buf, HEADER),
			"a header is printed as it was read");
	memset(h.boot, 'f', sizeof(h.boot) - 1);
	h.netns = h.pidns = (struct nm_nsid){UINT64_MAX, UINT64_MAX};
	h.format = NM_STATE_FORMAT;
	tap_ok(nm_state_header_print(&h, buf) == strlen(buf), "the longest header fits");
	tap_ok(nm_state_header_parse(buf, &h) == 0 && h.pidns.ino == UINT64_MAX, "and is read");
}

int main(void)
{
	test_never_no();
	test_passes_over();
	test_header();
	return tap_done();
}
