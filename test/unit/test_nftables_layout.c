/* nftables/layout.c: all elements of a publication, exactly, as "FAMILY SET FIELD... [-> FIELD...] COMMENT" a
 * line, and behind them the lengths of the prefixes; and what sets there are, in nft's own numbers. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "model/mapping.h"
#include "nftables/layout_network.h"
#include "given_publication.h"
#include "tap.h"

enum { TEXT_MAX = 16384 };

/* The sets as DESIGN section 6 has them. Fields: a address, p protocol, t port, i interface. */
static const struct {
	const char *name, *key, *data;
	bool ipv4_only;
} sets[NM_SET_MAX] = {
	[NM_SET_PORTS] = {"ports", "pt", "at", false},
	[NM_SET_HOST_PORTS] = {"host_ports", "apt", "at", false},
	[NM_SET_MASQUERADED] = {"masqueraded", "aaptt", "", false},
	[NM_SET_OPEN] = {"open", "aptt", "", false},
	[NM_SET_HOST_OPEN] = {"host_open", "aaptt", "", false},
	[NM_SET_RESTRICTED] = {"restricted", "aptt", "", false},
	[NM_SET_HOST_RESTRICTED] = {"host_restricted", "aaptt", "", false},
	[NM_SET_ALLOWED] = {"allowed", "apt", "", false},
	[NM_SET_HOST_ALLOWED] = {"host_allowed", "aapt", "", false},
	[NM_SET_GUARDED] = {"guarded", "apt", "", true},
	[NM_SET_LOCALNET] = {"localnet", "i", "", true},
	[NM_SET_FORWARDING] = {"forwarding", "i", "", false},
	[NM_SET_BRIDGED] = {"bridged", "ii", "", false},
	[NM_SET_NETWORKS] = {"networks", "i", "", false},
	[NM_SET_OUTBOUND] = {"outbound", "i", "", false},
	[NM_SET_NEIGHBOURS] = {"neighbours", "ii", "", false},
	[NM_SET_ISOLATED] = {"isolated", "ii", "", false},
	[NM_SET_ORIGINS] = {"origins", "ai", "", false},
	[NM_SET_SUBNETS] = {"subnets", "a", "", false},
	[NM_SET_RANGES] = {"ranges", "tp", "a", false},
	[NM_SET_HOST_RANGES] = {"host_ranges", "tpa", "a", false},
	[NM_SET_SHIFTED] = {"shifted_ranges", "tp", "at", false},
	[NM_SET_HOST_SHIFTED] = {"host_shifted_ranges", "tpa", "at", false},
	[NM_SET_SHIFTED_LAST] = {"shifted_last", "tp", "t", false},
	[NM_SET_HOST_SHIFTED_LAST] = {"host_shifted_last", "tpa", "t", false},
	[NM_SET_MASQUERADED_RANGES] = {"masqueraded_ranges", "aaptt", "", false},
	[NM_SET_OPEN_RANGES] = {"open_ranges", "aptt", "", false},
	[NM_SET_HOST_OPEN_RANGES] = {"host_open_ranges", "aaptt", "", false},
	[NM_SET_RESTRICTED_RANGES] = {"restricted_ranges", "aptt", "", false},
	[NM_SET_HOST_RESTRICTED_RANGES] = {"host_restricted_ranges", "aaptt", "", false},
	[NM_SET_ALLOWED_RANGES] = {"allowed_ranges", "apt", "", false},
	[NM_SET_HOST_ALLOWED_RANGES] = {"host_allowed_ranges", "aapt", "", false},
	[NM_SET_GUARDED_RANGES] = {"guarded_ranges", "apt", "", true},
};

struct text {
	char v[TEXT_MAX];
	size_t used;
};

static void __attribute__((format(printf, 2, 3))) say(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->used += (size_t)vsnprintf(t->v + t->used, sizeof(t->v) - t->used, fmt, ap);
	va_end(ap);
}

/* By name; in the key of a network of clients, the number. */
static void say_protocol(struct text *t, uint8_t protocol)
{
	const char *name = nm_mapping_protocol_name(protocol);

	if (protocol && *name == '?')
		say(t, " %u", protocol);
	else
		say(t, " %s", protocol ? name : "none");
}

static size_t say_field(struct text *t, char field, enum nm_family family, const uint8_t *bytes)
{
	char address[INET6_ADDRSTRLEN];

	switch (field) {
	case 'a':
		say(t, " %s",
			inet_ntop(family == NM_IPV4 ? AF_INET : AF_INET6, bytes, address, sizeof(address)));
		return family == NM_IPV4 ? 4 : 16;
	case 'p':
		say_protocol(t, bytes[0]);
		break;
	case 't':
		say(t, " %u", bytes[0] << 8 | bytes[1]);
		break;
	default:
		say(t, " %.16s", (const char *)bytes);
		return 16;
	}
	if (bytes[field == 'p' ? 1 : 3] || bytes[2] || bytes[3])
		say(t, " (behind it is no zero)");
	return 4;
}

static void say_fields(
	struct text *t, const char *fields, enum nm_family family, const uint8_t *bytes, size_t size)
{
	const uint8_t *end = bytes + size;

	for (; *fields; fields++)
		bytes += say_field(t, *fields, family, bytes);
	while (bytes < end)
		if (*bytes++)
			say(t, " (behind all is no zero)");
}

static void say_element(struct text *t, const struct nm_nftables_element *e)
{
	char tag[NM_TAG_SIZE];

	say(t, "%c %s", e->family == NM_IPV4 ? '4' : '6', sets[e->set].name);
	say_fields(t, sets[e->set].key, e->family, e->key, sizeof(e->key));
	if (sets[e->set].data[0])
		say(t, " ->");
	say_fields(t, sets[e->set].data, e->family, e->data, sizeof(e->data));
	say(t, " %s\n", nm_nftables_layout_tag(e, tag));
}

static const char *print(const struct nm_nftables_elements *elements, struct text *t)
{
	t->used = 0;
	t->v[0] = '\0';
	for (size_t i = 0; i < elements->n; i++)
		say_element(t, &elements->v[i]);
	for (int f = 0; f < NM_FAMILY_MAX; f++)
		for (int len = 0; len < 129; len++) {
			if (elements->prefix_lengths[f].masquerade[len])
				say(t, "%c masquerade/%d\n", f == NM_IPV4 ? '4' : '6', len);
			if (elements->prefix_lengths[f].allowed[len])
				say(t, "%c allowed/%d\n", f == NM_IPV4 ? '4' : '6', len);
			if (elements->prefix_lengths[f].subnets[len])
				say(t, "%c subnets/%d\n", f == NM_IPV4 ? '4' : '6', len);
		}
	return t->v;
}

struct row {
	const char *name;
	const struct nm_layout_options *opt;
	const char *ports, *address, *allow; /* address: a list; allow: NULL for none */
	const char *expected;
	bool open;            /* whatever the allow list */
	const char *networks; /* further ones; NULL for none */
};

static void run(const struct row *row)
{
	static struct text got;
	struct given_publication p;
	struct nm_nftables_elements elements = {0};
	struct nm_err err = {0};

	if (given_publication(&p, row->ports, row->address, row->networks, row->allow, &err) < 0)
		tap_ok(false, "%s: %s", row->name, err.msg);
	p.pub.restricted = row->allow && !row->open;
	if (nm_nftables_layout(&p.pub, row->opt, &elements, &err) < 0)
		tap_ok(false, "%s: %s", row->name, err.msg);
	tap_is(print(&elements, &got), row->expected, "%s", row->name);
	nm_nftables_layout_done(&elements);
	given_publication_done(&p);
}

#define V4    "172.17.0.2/16"
#define V6    "fd00::2/64"
#define DUAL  V4 "," V6
#define OURS  " natmap:web:8080\n"
#define FLOW4 "172.17.0.2 tcp 80 8080" OURS
#define FLOW6 "fd00::2 tcp 80 8080" OURS

#define PORTS4     "4 ports tcp 8080 -> 172.17.0.2 80" OURS
#define AT4(h)     "4 host_ports " h " tcp 8080 -> 172.17.0.2 80" OURS
#define HAIRPIN4   "4 masqueraded 172.17.0.0 " FLOW4
#define LOOPBACK4  "4 masqueraded 127.0.0.0 " FLOW4
#define ALL4       "4 masqueraded 0.0.0.0 " FLOW4
#define OPEN4      "4 open " FLOW4
#define GUARDED(h) "4 guarded " h " tcp 8080" OURS
#define PORTS6     "6 ports tcp 8080 -> fd00::2 80" OURS
#define AT6(h)     "6 host_ports " h " tcp 8080 -> fd00::2 80" OURS
#define HAIRPIN6   "6 masqueraded fd00:: " FLOW6
#define ALL6       "6 masqueraded :: " FLOW6
#define OPEN6      "6 open " FLOW6
#define LENS4      "4 masquerade/8\n4 masquerade/16\n"
#define LENS6      "6 masquerade/64\n"
#define BEFORE4    AT4("127.0.0.1") PORTS4 HAIRPIN4 LOOPBACK4
#define BEFORE6    PORTS6 HAIRPIN6
#define ANY4       BEFORE4 OPEN4
#define ANY6       BEFORE6 OPEN6

static const struct row rows[] = {
	{"wildcard, dual stack", &defaults, "8080:80", DUAL, NULL, ANY4 ANY6 LENS4 LENS6},
	{"wildcard, container with IPv4 only", &defaults, "8080:80", V4, NULL, ANY4 LENS4},
	{"wildcard, container with IPv6 only", &defaults, "8080:80", V6, NULL, ANY6 LENS6},
	{"0.0.0.0", &defaults, "0.0.0.0:8080:80", DUAL, NULL, ANY4 LENS4},
	{"[::]", &defaults, "[::]:8080:80", DUAL, NULL, ANY6 LENS6},
	{"[::], container with IPv4 only", &defaults, "[::]:8080:80", V4, NULL, ""},
	{"address without prefix", &no_localhost, "8080:80", "172.17.0.2", NULL,
		PORTS4 "4 masqueraded 172.17.0.2 " FLOW4 OPEN4 "4 masquerade/32\n"},
	{"IPv6 address without prefix", &defaults, "8080:80", "fd00::2", NULL,
		PORTS6 "6 masqueraded fd00::2 " FLOW6 OPEN6 "6 masquerade/128\n"},
	{"prefix within a byte", &no_localhost, "8080:80", "172.17.0.2/15", NULL,
		PORTS4 "4 masqueraded 172.16.0.0 " FLOW4 OPEN4 "4 masquerade/15\n"},
	{"localhost off", &no_localhost, "8080:80", DUAL, NULL,
		PORTS4 HAIRPIN4 OPEN4 ANY6 "4 masquerade/16\n" LENS6},
	{"hairpin off", &no_hairpin, "8080:80", DUAL, NULL,
		AT4("127.0.0.1") PORTS4 LOOPBACK4 OPEN4 PORTS6 OPEN6 "4 masquerade/8\n"},
	{"localhost and hairpin off", &neither, "8080:80", DUAL, NULL, PORTS4 OPEN4 PORTS6 OPEN6},
	{"masquerade_all", &masquerade_all, "8080:80", DUAL, NULL,
		AT4("127.0.0.1") PORTS4 ALL4 OPEN4 PORTS6 ALL6 OPEN6 "4 masquerade/0\n6 masquerade/0\n"},
	{"further networks", &defaults, "8080:80", DUAL, NULL,
		AT4("127.0.0.1") PORTS4 HAIRPIN4
		"4 masqueraded 10.99.0.0 " FLOW4 LOOPBACK4 OPEN4 PORTS6 HAIRPIN6
		"6 masqueraded fd09:: " FLOW6 OPEN6 LENS4 "4 masquerade/24\n6 masquerade/48\n" LENS6,
		.networks = "10.99.0.0/24,fd09::/48"},
	{"further networks, masquerade_all", &masquerade_all, "8080:80", V4, NULL,
		AT4("127.0.0.1") PORTS4 ALL4 OPEN4 "4 masquerade/0\n", .networks = "10.99.0.0/24"},
	{"further networks, hairpin off", &no_hairpin, "8080:80", V4, NULL,
		AT4("127.0.0.1") PORTS4 LOOPBACK4 OPEN4 "4 masquerade/8\n", .networks = "10.99.0.0/24"},
	{"masquerade_all without hairpin has nothing to widen", &masquerade_all_no_hairpin, "8080:80", DUAL,
		NULL, AT4("127.0.0.1") PORTS4 LOOPBACK4 OPEN4 PORTS6 OPEN6 "4 masquerade/8\n"},
#define SPECIFIC4(h) AT4(h) HAIRPIN4 "4 host_open " h " " FLOW4
#define LOOPBACK(h)  GUARDED(h) AT4(h) HAIRPIN4 LOOPBACK4 LENS4
	{"specific IPv4", &defaults, "192.0.2.1:8080:80", DUAL, NULL,
		SPECIFIC4("192.0.2.1") "4 masquerade/16\n"},
	{"specific IPv4, localhost off", &no_localhost, "192.0.2.1:8080:80", DUAL, NULL,
		SPECIFIC4("192.0.2.1") "4 masquerade/16\n"},
	{"specific IPv4, container with IPv6 only", &defaults, "192.0.2.1:8080:80", V6, NULL, ""},
	{"specific IPv6", &defaults, "[2001:db8::1]:8080:80", DUAL, NULL,
		AT6("2001:db8::1") HAIRPIN6 "6 host_open 2001:db8::1 " FLOW6 LENS6},
	{"127.0.0.1", &defaults, "127.0.0.1:8080:80", DUAL, NULL, LOOPBACK("127.0.0.1")},
	{"127.0.0.2, allow does not matter", &defaults, "127.0.0.2:8080:80", V4, "10.0.0.0/8",
		LOOPBACK("127.0.0.2")},
	{"127.0.0.2, masquerade_all", &masquerade_all, "127.0.0.2:8080:80", V4, NULL,
		GUARDED("127.0.0.2") AT4("127.0.0.2") ALL4 "4 masquerade/0\n"},
	{"two addresses, in the order of the list", &no_hairpin, "192.0.2.2:8080:80,192.0.2.1:8080:80", V4,
		NULL,
		AT4("192.0.2.2") "4 host_open 192.0.2.2 " FLOW4 AT4(
			"192.0.2.1") "4 host_open 192.0.2.1 " FLOW4},
#define PORT(p, h, c, of)                                                            \
	"4 host_ports 127.0.0.1 " p " " h " -> 172.17.0.2 " c " natmap:web:" of "\n" \
	"4 ports " p " " h " -> 172.17.0.2 " c " natmap:web:" of "\n"                \
	"4 masqueraded 172.17.0.0 172.17.0.2 " p " " c " " h " natmap:web:" of "\n"  \
	"4 masqueraded 127.0.0.0 172.17.0.2 " p " " c " " h " natmap:web:" of "\n"   \
	"4 open 172.17.0.2 " p " " c " " h " natmap:web:" of "\n"
#define FLOW_BLOCK(s, p, h, c, of) "4 " s "_ranges 172.17.0.2 " p " " c " " h " natmap:web:" of "\n"
#define FROM_BLOCK(n, p, h, c, of) \
	"4 masqueraded_ranges " n " 172.17.0.2 " p " " c " " h " natmap:web:" of "\n"
/* h: the middle of a block */
#define BLOCK(p, h, of)                                                                                \
	"4 host_ranges " h " " p " 127.0.0.1 -> 172.17.0.2 natmap:web:" of "\n"                        \
	"4 ranges " h " " p " -> 172.17.0.2 natmap:web:" of "\n" FROM_BLOCK("172.17.0.0", p, h, h, of) \
		FROM_BLOCK("127.0.0.0", p, h, h, of) FLOW_BLOCK("open", p, h, h, of)
	{"shifted range, udp", &defaults, "255-257:80-82/udp", V4, NULL,
		PORT("udp", "255", "80", "255-257") PORT("udp", "256", "81", "255-257")
			PORT("udp", "257", "82", "255-257") LENS4},
	{"range of blocks: 1, 4, 16, 4 and 1 ports", &defaults, "8011-8036/udp", V4, NULL,
		PORT("udp", "8011", "8011", "8011-8036") BLOCK("udp", "8014", "8011-8036")
			BLOCK("udp", "8024", "8011-8036") BLOCK("udp", "8034", "8011-8036")
				PORT("udp", "8036", "8036", "8011-8036") LENS4},
	{"shifted block, to ports of two", &neither, "8000-8063:9001-9064", V4, NULL,
		"4 shifted_ranges 8032 tcp -> 172.17.0.2 9001 natmap:web:8000-8063\n"
		"4 shifted_last 8032 tcp -> 9064 natmap:web:8000-8063\n" FLOW_BLOCK("open", "tcp", "8032",
			"8992", "8000-8063") FLOW_BLOCK("open", "tcp", "8032", "9056", "8000-8063")},
	{"shifted block, to ports of one", &neither, "192.0.2.1:8000-8063:9024-9087", V4, NULL,
		"4 host_shifted_ranges 8032 tcp 192.0.2.1 -> 172.17.0.2 9024 natmap:web:8000-8063\n"
		"4 host_shifted_last 8032 tcp 192.0.2.1 -> 9087 natmap:web:8000-8063\n"
		"4 host_open_ranges 192.0.2.1 172.17.0.2 tcp 9056 8032 natmap:web:8000-8063\n"},
	{"shifted block, IPv6", &neither, "[::]:8000-8063:9024-9087", V6, NULL,
		"6 shifted_ranges 8032 tcp -> fd00::2 9024 natmap:web:8000-8063\n"
		"6 shifted_last 8032 tcp -> 9087 natmap:web:8000-8063\n"
		"6 open_ranges fd00::2 tcp 9056 8032 natmap:web:8000-8063\n"},
	{"block with allow", &neither, "8000-8003", V4, "10.0.0.0/8",
		"4 ranges 8002 tcp -> 172.17.0.2 natmap:web:8000-8003\n" FLOW_BLOCK("restricted", "tcp",
			"8002", "8002", "8000-8003") "4 allowed_ranges 10.0.0.0 22 8002 "
						     "natmap:web:8000-8003\n4 allowed/8\n"},
	{"block with allow, specific address", &neither, "192.0.2.1:8000-8003", V4, "10.0.0.0/8",
		"4 host_ranges 8002 tcp 192.0.2.1 -> 172.17.0.2 natmap:web:8000-8003\n"
		"4 host_restricted_ranges 192.0.2.1 172.17.0.2 tcp 8002 8002 natmap:web:8000-8003\n"
		"4 host_allowed_ranges 10.0.0.0 192.0.2.1 22 8002 natmap:web:8000-8003\n4 allowed/8\n"},

	{"range up to the last port", &defaults, "65534-65535", V4, NULL,
		PORT("tcp", "65534", "65534", "65534-65535") PORT("tcp", "65535", "65535", "65534-65535")
			LENS4},
	{"range of a loopback address", &neither, "127.0.0.2:8000-8001:80-81", V4, NULL,
		"4 guarded 127.0.0.2 tcp 8000 natmap:web:8000-8001\n"
		"4 host_ports 127.0.0.2 tcp 8000 -> 172.17.0.2 80 natmap:web:8000-8001\n"
		"4 guarded 127.0.0.2 tcp 8001 natmap:web:8000-8001\n"
		"4 host_ports 127.0.0.2 tcp 8001 -> 172.17.0.2 81 natmap:web:8000-8001\n"},
	{"block of a loopback address", &neither, "127.0.0.2:8000-8003", V4, NULL,
		"4 guarded_ranges 127.0.0.2 tcp 8002 natmap:web:8000-8003\n"
		"4 host_ranges 8002 tcp 127.0.0.2 -> 172.17.0.2 natmap:web:8000-8003\n"},
	{"sctp", &defaults, "5000:5001/sctp", V4, NULL, PORT("sctp", "5000", "5001", "5000") LENS4},
#define FROM4(s)    "4 allowed " s " 8080" OURS
#define RESTRICTED4 BEFORE4 "4 restricted " FLOW4
#define RESTRICTED6 BEFORE6 "6 restricted " FLOW6
	{"allow, both families", &defaults, "8080:80", DUAL, "10.1.2.3/8,2001:db8::9/32,192.0.2.7",
		RESTRICTED4 FROM4("10.0.0.0 22") FROM4("192.0.2.7 tcp") RESTRICTED6
		"6 allowed 2001:db8:: 34 8080" OURS
		"4 masquerade/8\n4 allowed/8\n4 masquerade/16\n4 allowed/32\n"
		"6 allowed/32\n" LENS6},
	{"allow of one family closes the other", &defaults, "8080:80", DUAL, "2001:db8::/127",
		RESTRICTED4 RESTRICTED6 "6 allowed 2001:db8:: tcp 8080" OURS
					"6 allowed 2001:db8::1 tcp 8080" OURS LENS4 LENS6 "6 allowed/128\n"},
	{"allow nobody", &defaults, "8080:80", DUAL, "", RESTRICTED4 RESTRICTED6 LENS4 LENS6},
	{"a list that does not count", &defaults, "8080:80", DUAL, "10.0.0.0/8", ANY4 ANY6 LENS4 LENS6, true},
	{"allow everybody", &defaults, "0.0.0.0:8080:80", V4, "0.0.0.0/0",
		RESTRICTED4 FROM4("0.0.0.0 18") "4 allowed/0\n" LENS4},
	{"allow with a specific address", &neither, "192.0.2.1:8080:80", V4, "10.0.0.0/9",
		AT4("192.0.2.1") "4 host_restricted 192.0.2.1 " FLOW4
				 "4 host_allowed 10.0.0.0 192.0.2.1 23 8080" OURS
				 "4 host_allowed 10.64.0.0 192.0.2.1 23 8080" OURS "4 allowed/10\n"},
	{"whatever the options", NULL, "8080:80", DUAL, NULL,
		AT4("127.0.0.1") PORTS4 ALL4 HAIRPIN4 LOOPBACK4 OPEN4 PORTS6 ALL6 HAIRPIN6 OPEN6
		"4 masquerade/0\n" LENS4 "6 masquerade/0\n" LENS6},
	{"whatever the options, specific address", NULL, "192.0.2.1:8080:80", V4, NULL,
		AT4("192.0.2.1") ALL4 HAIRPIN4 "4 host_open 192.0.2.1 " FLOW4
					       "4 masquerade/0\n4 masquerade/16\n"},
};

static void test_layout(void)
{
	nm_each(row, rows)
		run(row);
}

/* Any range: each port is in one block, which fits, and is found by the masks of the rules. */
static void test_any_range(void)
{
	static uint16_t found[65536];
	static const unsigned ends[] = {
		1, 2, 3, 4, 5, 63, 64, 65, 1000, 4095, 4096, 30000, 49151, 65534, 65535};
	size_t most = 0, wrong = 0;

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		for (size_t j = i; j < sizeof(ends) / sizeof(*ends); j++) {
			size_t n = 0;

			memset(found, 0, sizeof(found));
			for (unsigned port = ends[i]; port <= ends[j]; n++) {
				uint8_t level = nm_nftables_block_fit((uint16_t)port, ends[j] - port + 1);
				unsigned end = port + nm_nftables_block_size(level);
				uint16_t key = nm_nftables_block_key((uint16_t)port, level);

				wrong += level != 0 && found[key]++ != 0;
				wrong += level != 0 &&
					nm_nftables_block_level(nm_nftables_block_length(level)) != level;
				for (; port < end; port++)
					wrong += port > ends[j] ||
						nm_nftables_block_key((uint16_t)port, level) != key;
			}
			most = n > most ? n : most;
		}
	tap_ok(wrong == 0, "each port is in one block");
	tap_ok(most > 20 && most <= 48, "no range has more than six blocks of a level: %zu", most);
}

static void test_guard(void)
{
	static const struct {
		const char *owner, *expected;
	} guards[] = {
		{"@localnet/br0", "4 localnet br0 natmap:@localnet/br0\n"},
		{"@localnet/abcdefghijklmno",
			"4 localnet abcdefghijklmno natmap:@localnet/abcdefghijklmno\n"},
		{"@localnet/abcdefghijklmnop",
			"4 localnet abcdefghijklmno natmap:@localnet/abcdefghijklmnop\n"},
	};
	static struct text got;
	struct nm_err err;

	nm_each(row, guards) {
		struct nm_nftables_elements elements = {0};

		tap_ok(nm_nftables_layout_guard(row->owner, &elements, &err) == 0, "a guard is made");
		tap_is(print(&elements, &got), row->expected, "guard of %s", row->owner);
		nm_nftables_layout_done(&elements);
	}
}

static void test_network(void)
{
	static const struct {
		const char *name, *addresses, *expected;
		bool isolated;
	} networks[] = {
		{"IPv4", "10.86.0.5/24",
			"4 networks natmap0 natmap:@network/natmap0\n"
			"4 outbound natmap0 natmap:@network/natmap0\n"
			"4 neighbours natmap0 natmap0 natmap:@network/natmap0\n"
			"4 origins 10.86.0.0 natmap0 natmap:@network/natmap0\n"
			"4 subnets 10.86.0.0 natmap:@network/natmap0\n"
			"4 subnets/24\n",
			false},
		{"IPv6, isolated", "fd00:86::5/64",
			"6 networks natmap0 natmap:@network/natmap0\n"
			"6 outbound natmap0 natmap:@network/natmap0\n"
			"6 neighbours natmap0 natmap0 natmap:@network/natmap0\n"
			"6 origins fd00:86:: natmap0 natmap:@network/natmap0\n"
			"6 subnets fd00:86:: natmap:@network/natmap0\n"
			"6 isolated natmap0 natmap0 natmap:@network/natmap0\n"
			"6 subnets/64\n",
			true},
	};
	static struct text got;
	struct nm_err err;

	nm_each(row, networks) {
		struct nm_network_part parts[NM_NETWORK_PARTS_MAX];
		struct nm_attachment a = {.bridge = "natmap0", .isolated = row->isolated};
		struct nm_nftables_elements elements = {0};
		struct nm_prefixes list = {0};
		bool failed = nm_prefixes_parse(row->addresses, 2, "", NM_ERR_FAILED, &list, &err) < 0;

		for (size_t i = 0; i < list.n; i++) {
			a.families |= 1u << list.v[i].addr.family;
			a.address[list.v[i].addr.family] = list.v[i];
		}
		for (size_t i = 0, n = nm_network_parts(&a, parts); i < n; i++)
			failed |= nm_nftables_layout_network(&parts[i], &elements, &err) < 0;
		tap_ok(!failed, "%s: a network is laid out", row->name);
		tap_is(print(&elements, &got), row->expected, "network of %s", row->name);
		nm_nftables_layout_done(&elements);
		nm_prefixes_done(&list);
	}
}

/* Sizes in bytes and enum datatypes of nftables' datatype.h, by family. */
static const struct {
	char field;
	uint32_t size[NM_FAMILY_MAX], type[NM_FAMILY_MAX];
} fields[] = {
	{'a', {4, 16}, {7, 8}},
	{'p', {4, 4}, {12, 12}},
	{'t', {4, 4}, {13, 13}},
	{'i', {16, 16}, {41, 41}},
};

/* Of all fields: the sum of sizes, and 6 bits for each type. */
static uint64_t size_and_type(const char *names, enum nm_family family)
{
	uint32_t size = 0, type = 0;

	for (; *names; names++)
		nm_each(f, fields) {
			if (f->field != *names)
				continue;
			size += f->size[family];
			type = type << 6 | f->type[family];
		}
	return (uint64_t)size << 32 | type;
}

static void test_sets(void)
{
	size_t largest_key = 0, largest_data = 0;

	for (enum nm_nftables_set set = 0; set < NM_SET_MAX; set++) {
		const char *key = sets[set].key, *data = sets[set].data;

		tap_is(nm_nftables_sets[set].name, sets[set].name, "name of set %d", set);
		tap_ok(nm_nftables_set_is_map(set) == (*data != '\0'), "%s: a map or not", sets[set].name);
		for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
			tap_ok(nm_nftables_set_exists(set, f) == (f == NM_IPV4 || !sets[set].ipv4_only),
				"%s: is there or not", sets[set].name);
			tap_ok(((uint64_t)nm_nftables_set_key_size(set, f) << 32 |
				       nm_nftables_set_fields_type(nm_nftables_sets[set].key, f)) ==
					size_and_type(key, f),
				"%s: key", sets[set].name);
			/* a port alone is not padded */
			tap_ok(((uint64_t)nm_nftables_set_data_size(set, f) << 32 |
				       nm_nftables_set_fields_type(nm_nftables_sets[set].data, f)) ==
					(strcmp(data, "t") ? size_and_type(data, f) : UINT64_C(2) << 32 | 13),
				"%s: data", sets[set].name);
			if (nm_nftables_set_key_size(set, f) > largest_key)
				largest_key = nm_nftables_set_key_size(set, f);
			if (nm_nftables_set_data_size(set, f) > largest_data)
				largest_data = nm_nftables_set_data_size(set, f);
		}
	}
	tap_ok(largest_key == NM_ELEMENT_KEY_MAX && largest_data == NM_ELEMENT_DATA_MAX,
		"the largest key and data have just room");
}

int main(void)
{
	test_layout();
	test_any_range();
	test_guard();
	test_network();
	test_sets();
	return tap_done();
}
