/* state/keys.c and state/file.c: a search by filters that may say yes now and then, but never no to a
 * record that a parse finds to match. */
#include "input/json.h"
#include "state/file.h"
#include "state/keys.h"
#include "state/record_json.h"
#include "state/search.h"
#include "given.h"

static bool fits(const struct nm_state_query *q, const char *line, size_t len)
{
	struct nm_state_keys keys;

	nm_state_keys_compile(q, &keys);
	return nm_state_keys_fit(&keys, line, len) != 0;
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
static const char *const interfaces[] = {"", "", "br0", "br", "br00", "0", "a\"b", "a\\b", "a\tb"};
static const char *const addresses[NM_FAMILY_MAX][4] = {
	{"10.0.0.2", "10.0.0.20", "110.0.0.2", "10.0.0.0"},
	{"fd00::2", "fd00::22", "fd00::", "fd00::2:0:0:2"},
};
static const char *const hosts[] = {
	"", "", "", "0.0.0.0:", "[::]:", "192.0.2.1:", "127.0.0.1:", "[2001:db8::1]:", "[2001:db8::80]:"};
static const char *const protocols[] = {"tcp", "udp", "sctp"};

#define PICK(list) ((list)[choose(sizeof(list) / sizeof(*(list)))])

/* Some mappings, ports 1 to 100, across two blocks; those that do not go together are left out. */
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
	} while (nm_mappings_parse(text, &list, &err) < 0);
	return list;
}

static struct nm_prefix some_address(enum nm_family f)
{
	struct nm_prefix p = {.addr = addr(PICK(addresses[f]))};

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
	r.localnet_index = r.localnet[0] ? choose(4) : 0;
	r.bridge_port_index = r.bridge_port[0] ? choose(4) : 0;
	r.localnet_set = r.localnet[0] && choose(2);
	r.hairpin_set = r.bridge_port[0] && choose(2);
	if (choose(3) == 0) {
		(void)snprintf(r.network.bridge, sizeof(r.network.bridge), "natmap%u", choose(3));
		(void)snprintf(r.network.port, sizeof(r.network.port), "nm%u", choose(9));
		r.network.families = 1 + choose(3);
		r.network.address[NM_IPV4] = some_address(NM_IPV4);
		r.network.address[NM_IPV6] = some_address(NM_IPV6);
	}
	r.bundle = choose(2) ? strdup(PICK(ids)) : NULL;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		r.address[f] = some_address(f);
	return r;
}

static char *write_line(const struct nm_record *r)
{
	nm_autojsonwriter struct nm_json_writer *w = nm_json_writer_new();
	char filter[NM_RECORD_FILTER_SIZE];
	const char *text;
	struct nm_err err;
	size_t len;

	nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
	nm_json_write_integer(w, "live", 1);
	nm_json_write_member(w, "filter", nm_state_keys_print_filter(r, filter));
	nm_record_json_write(r, w);
	nm_json_write_end(w, NM_JSON_OBJECT);
	text = nm_json_writer_finish(w, &len, &err);
	return text ? strdup(text) : NULL;
}

static bool is_interface(
	const char *asked, unsigned index, const char *name, unsigned its_index, bool set, bool its_set)
{
	if (!asked || !name[0] || (set && !its_set))
		return false;
	return (!strcmp(asked, name) && !(set && its_index)) || (index && index == its_index);
}

/* The query as its header says it, asked of the parsed record. */
static bool matches(const struct nm_state_query *q, const struct nm_record *r)
{
	if (q->all || (q->id && !strcmp(q->id, r->id)) ||
		is_interface(q->localnet, q->localnet_index, r->localnet, r->localnet_index, q->set,
			r->localnet_set) ||
		is_interface(q->bridge_port, q->bridge_port_index, r->bridge_port, r->bridge_port_index,
			q->set, r->hairpin_set) ||
		(q->forwards & nm_record_forwards(r)) ||
		(q->network && !strcmp(q->network, r->network.bridge)))
		return true;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (q->families & r->network.families & ~r->families & 1u << f &&
			nm_addr_equal(&q->address[f].addr, &r->network.address[f].addr))
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

/* A part of a record tells all but which mappings it has. */
static bool is_part(const char *line, const struct nm_record *of)
{
	nm_autorecord struct nm_record part = {0};
	struct nm_mappings mappings;
	struct nm_err err;
	bool same;

	if (nm_record_json_read_part(line, strlen(line), &part, &err) < 0)
		return false;
	mappings = part.mappings;
	same = part.in_part && nm_record_forwards(&part) == nm_record_forwards(of);
	part.mappings = of->mappings;
	same = same && nm_record_same(&part, of);
	part.mappings = mappings;
	return same && (mappings.n == of->mappings.n || nm_record_forwards(of) == of->families);
}

static const char *some_interface(void)
{
	const char *name = PICK(interfaces);

	return *name ? name : NULL;
}

static void test_never_no(void)
{
	size_t matched = 0, passed_over = 0, missed = 0, unreadable = 0, no_part = 0;

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
		q.set = choose(2);
		q.localnet = choose(3) ? NULL : some_interface();
		q.bridge_port = choose(3) ? NULL : some_interface();
		q.forwards = choose(4);
		q.network = choose(3) ? NULL : "natmap1";
		q.localnet_index = choose(4);
		q.bridge_port_index = choose(4);
		if (nm_record_json_read(line, strlen(line), &back, &err) < 0)
			unreadable++;
		else
			no_part += !is_part(line, &back);
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
	tap_ok(no_part == 0, "in part, too");
	tap_ok(missed == 0, "no record that matches is passed over");
	tap_ok(matched > ROUNDS / 10 && passed_over > ROUNDS / 10, "%zu of %d match, %zu are passed over",
		matched, ROUNDS, passed_over);
}

/* A record as read from a line, which has no filter, and written again. */
static char *with_filter(const char *line)
{
	struct nm_record r = {0};
	struct nm_err err;
	char *written;

	if (nm_record_json_read(line, strlen(line), &r, &err) < 0)
		tap_ok(false, "the test's own record: %s", err.msg);
	written = write_line(&r);
	nm_record_done(&r);
	return written;
}

/* What makes a hook cheap: lines that need not be parsed. These keys do not collide. */
static void test_passes_over(void)
{
	nm_autofree char *line = with_filter("{\"id\":\"abc\",\"addresses\":[\"10.0.0.2/24\"],"
					     "\"localnet\":{\"interface\":\"br0\",\"index\":7,\"set\":true},"
					     "\"hairpin\":{\"interface\":\"veth1\",\"set\":false},"
					     "\"ports\":[\"8080:80/tcp\",\"9000-9100:9000-9100/udp\"]}");
	struct nm_prefix wanted[NM_FAMILY_MAX] = {{{NM_IPV4, {10, 0, 0, 2}}, 32}};
	const struct {
		const char *name;
		struct nm_state_query q;
		bool expected;
		uint8_t protocol; /* 0: no mapping in the query */
		uint16_t port, count;
	} rows[] = {
		{"nothing asked", {.all = false}, false},
		{"all", {.all = true}, true},
		{"id", {.id = "abc"}, true},
		{"beginning of the id", {.id = "ab"}, false},
		{"longer id", {.id = "abcd"}, false},
		{"id that stands elsewhere", {.id = "br0"}, false},
		{"interface", {.localnet = "br0"}, true},
		{"interface, switched on", {.localnet = "br0", .localnet_index = 7, .set = true}, true},
		{"another one of that name, switched on",
			{.localnet = "br0", .localnet_index = 8, .set = true}, false},
		{"forwarding", {.forwards = NM_IPV4_BIT}, true},
		{"forwarding of the other family", {.forwards = NM_IPV6_BIT}, false},
		{"beginning of the interface", {.localnet = "br"}, false},
		{"interface of the other kind", {.localnet = "veth1"}, false},
		{"interface that was renamed", {.localnet = "br9", .localnet_index = 7, .set = true}, true},
		{"another interface", {.localnet = "br9", .localnet_index = 8}, false},
		{"number of the other kind", {.bridge_port = "br9", .bridge_port_index = 7}, false},
		{"bridge port", {.bridge_port = "veth1"}, true},
		{"bridge port, switched on", {.bridge_port = "veth1", .set = true}, false},
		{"bridge port of the other kind", {.bridge_port = "br0"}, false},
		{"address", {.address = wanted, .families = NM_IPV4_BIT}, true},
		{"address of a family that is not asked", {.address = wanted}, false},
		{"port", {.all = false}, true, IPPROTO_TCP, 8080, 1},
		{"port of another protocol", {.all = false}, false, IPPROTO_UDP, 8080, 1},
		{"another port of the block", {.all = false}, false, IPPROTO_TCP, 8081, 1},
		{"container port", {.all = false}, false, IPPROTO_TCP, 80, 1},
		{"first port of the range", {.all = false}, true, IPPROTO_UDP, 9000, 1},
		{"last port of the range", {.all = false}, true, IPPROTO_UDP, 9100, 1},
		{"port blocks away from the range", {.all = false}, false, IPPROTO_UDP, 9200, 1},
		{"range with the port", {.all = false}, true, IPPROTO_TCP, 8000, 1000},
		{"range without the port", {.all = false}, false, IPPROTO_TCP, 8300, 1000},
		{"range that meets the range", {.all = false}, true, IPPROTO_UDP, 9100, 10},
		{"range that is too wide for keys", {.all = false}, true, IPPROTO_TCP, 20000, 30000},
		{"port to be chosen", {.all = false}, false, IPPROTO_TCP, 0, 1},
	};

	nm_each(row, rows) {
		size_t len = strlen(line);
		nm_autofree char *copy = exactly(line, len);
		struct nm_mapping m = {.families = NM_IPV4_BIT,
			.any_host = true,
			.protocol = row->protocol,
			.host_port = row->port,
			.count = row->count};
		struct nm_state_query q = row->q;

		q.mappings = &m;
		q.n_mappings = row->protocol ? 1 : 0;
		tap_ok(fits(&q, copy, len) == row->expected, "%s: %s", row->name,
			row->expected ? "found" : "passed over");
	}
}

/* What cannot be searched by its filter is parsed. */
static void test_without_filter(void)
{
	static const char *const lines[] = {
		"",
		"{\"live\":1,",
		"{\"live\":1,\"filter\":\"",
		"{\"live\":1,\"filter\":\"@@@@@@@@@@@@@@@@",
		"{\"live\":1,\"filter\":\"\",\"id\":\"c\"}",
		"{\"live\":1,\"filter\":7,\"id\":\"c\"}",
		"{\"live\":1,\"filter\":\"@@@@@@@@@@@@@@@\",\"id\":\"c\"}",
		"{\"live\":1,\"filter\":\"@@@@@@@@@@@@@@@@@\",\"id\":\"c\"}",
		"{\"live\":1,\"id\":\"c\",\"ports\":[\"80:80/tcp\"]}",
		"{\"live\":1, \"filter\":\"@@@@@@@@@@@@@@@@\",\"id\":\"c\"}",
		"{\"filter\":\"@@@@@@@@@@@@@@@@\",\"live\":1}",
	};
	static const char empty[] = "{\"live\":1,\"filter\":\"@@@@@@@@@@@@@@@@\",\"id\":\"c\"}";
	struct nm_state_query q = {.id = "d"};

	nm_each(line, lines) {
		size_t len = strlen(*line);
		nm_autofree char *copy = exactly(*line, len);

		tap_ok(fits(&q, copy, len), "not passed over: %s", *line);
	}
	tap_ok(!fits(&q, empty, sizeof(empty) - 1), "passed over: %s", empty);
}

/* How many of many records that a common query has nothing to do with are parsed all the same. */
static void test_rate(void)
{
	enum { RECORDS = 10000 };
	struct nm_prefix wanted[NM_FAMILY_MAX] = {
		{{NM_IPV4, {10, 88, 7, 2}}, 24}, {{NM_IPV6, {0xfd, 7, [15] = 2}}, 64}};
	struct nm_mapping asked[] = {{.protocol = IPPROTO_TCP, .host_port = 8080, .count = 1},
		{.protocol = IPPROTO_UDP, .host_port = 8000, .count = 20}};
	const struct nm_state_query q = {.id = "bench",
		.address = wanted,
		.families = NM_IPV4_BIT | NM_IPV6_BIT,
		.localnet = "br1",
		.localnet_index = 4,
		.bridge_port = "vctr",
		.bridge_port_index = 99,
		.mappings = asked,
		.n_mappings = 2};
	size_t passed = 0, longest = 0;

	for (unsigned i = 0; i < RECORDS; i++) {
		/* a range and ports beyond those that are asked for */
		char id[16], ports[128];
		nm_autofree char *line = NULL;
		struct nm_record r = {.id = id,
			.families = NM_IPV4_BIT | NM_IPV6_BIT,
			.localnet = "br0",
			.localnet_index = 3,
			.localnet_set = true,
			.bridge_port_index = 100 + i,
			.hairpin_set = true,
			.address = {{{NM_IPV4, {10, 89, (uint8_t)(i / 250), (uint8_t)(i % 250 + 2)}}, 16},
				{{NM_IPV6, {0xfd, 8, [14] = (uint8_t)(i >> 8), (uint8_t)i}}, 64}}};
		struct nm_err err;

		(void)snprintf(id, sizeof(id), "other-%u", i);
		(void)snprintf(r.bridge_port, sizeof(r.bridge_port), "veth%u", i);
		(void)snprintf(ports, sizeof(ports), "%u:80,%u-%u", 20000 + i, 30000 + i, 30009 + i);
		if (nm_mappings_parse(ports, &r.mappings, &err) < 0)
			tap_ok(false, "the test's own ports '%s'", ports);
		line = write_line(&r);
		passed += fits(&q, line, strlen(line));
		longest = strlen(line) > longest ? strlen(line) : longest;
		nm_mappings_done(&r.mappings);
	}
	tap_ok(passed < RECORDS / 100, "%zu of %d others are parsed for a query", passed, RECORDS);
	tap_ok(longest < 400, "a line has %zu bytes", longest);
}

#define BOOT    "\"boot\":\"01234567-89ab-cdef-0123-456789abcdef\""
#define SPACES  "\"netns\":\"4:4026531840\",\"pidns\":\"5:4026531836\""
#define NUMBERS "\"retired\":\"0000000000\",\"blocks\":\"0000000000\""
#define HEADER  "{\"natmap\":1," BOOT "," SPACES "," NUMBERS "}\n"

static void test_header(void)
{
	static const struct {
		const char *line;
		int64_t format; /* 0: refused */
	} rows[] = {
		{HEADER, 1},
		{"{\"natmap\":2," BOOT "," SPACES "," NUMBERS "}\n", 2},
		{"{\"natmap\":2}\n", 0},
		{"{\"natmap\":3}\n", 3},
		{"{\"natmap\":3,\"boot\":7}\n", 3},
		{"{\"natmap\":99," BOOT "," SPACES "," NUMBERS ",\"more\":1}\n", 99},
		{"", 0},
		{"\n", 0},
		{"{\n", 0},
		{"{}\n", 0},
		{"{\"natmap\":1}\n", 0},
		{"{\"natmap\":\"1\"," BOOT "," SPACES "," NUMBERS "}\n", 0},
		{"{\"natmap\":0," BOOT "," SPACES "," NUMBERS "}\n", 0},
		{"{\"natmap\":-1," BOOT "," SPACES "," NUMBERS "}\n", 0},
		{"{\"natmap\":1," BOOT "," SPACES "," NUMBERS "}", 0},
		{"{\"natmap\":1," BOOT "," SPACES "," NUMBERS "} \n", 0},
		{"{\"natmap\":1," BOOT "," SPACES "," NUMBERS ",\"more\":1}\n", 0},
		{"{\"natmap\":1," BOOT "," SPACES "}\n", 0},
		{"{\"natmap\":1," BOOT "," SPACES ",\"retired\":\"0\",\"blocks\":\"0\"}\n", 0},
		{"{\"natmap\":1," SPACES "," NUMBERS "}\n", 0},
		{"{\"natmap\":1,\"boot\":\"\"," SPACES "," NUMBERS "}\n", 0},
		{"{\"natmap\":1,\"boot\":\"XY\"," SPACES "," NUMBERS "}\n", 0},
		{"{\"natmap\":1,\"boot\":\"0123456789012345678901234567890123456789\"," SPACES "," NUMBERS
		 "}\n",
			0},
		{"{\"natmap\":1," BOOT ",\"netns\":\"4\",\"pidns\":\"5:1\"," NUMBERS "}\n", 0},
		{"{\"live\":1,\"id\":\"c\"}\n", 0},
	};
	char buf[NM_STATE_HEADER_SIZE];
	struct nm_state_header h = {0};

	nm_each(row, rows) {
		int rc = nm_state_file_parse_header(row->line, &h);

		tap_ok(row->format ? rc == 0 && h.format == row->format : rc == -1, "header %s: %.*s",
			row->format ? "read" : "refused", (int)strcspn(row->line, "\n"), row->line);
	}
	if (nm_state_file_parse_header(HEADER, &h) == 0)
		tap_ok(nm_state_file_print_header(&h, buf) == strlen(HEADER) && !strcmp(buf, HEADER),
			"a header is printed as it was read");
	memset(h.boot, 'f', sizeof(h.boot) - 1);
	h.netns = h.pidns = (struct nm_nsid){UINT64_MAX, UINT64_MAX};
	h.retired = h.blocks = UINT64_MAX;
	h.format = NM_STATE_FORMAT;
	tap_ok(nm_state_file_print_header(&h, buf) < sizeof(buf), "the longest header fits");
	tap_ok(nm_state_file_parse_header(buf, &h) == 0 && h.pidns.ino == UINT64_MAX &&
			h.retired == NM_OFFSET_MAX,
		"and is read");
}

int main(void)
{
	test_never_no();
	test_passes_over();
	test_without_filter();
	test_rate();
	test_header();
	return tap_done();
}
