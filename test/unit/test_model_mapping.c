/* model/mapping.c: the port grammar, each element as its canonical print or as the reason why it is refused.
 */
#include <stdlib.h>

#include "model/mapping.h"
#include "tap.h"

/* The mappings of text as printed, blanks between, or '!' and the error. */
static const char *parse(const char *text, char *out, size_t size)
{
	struct nm_mappings list = {0};
	struct nm_err err;

	if (nm_mappings_parse(text, &list, &err) < 0)
		(void)snprintf(out, size, "!%s%s", err.kind == NM_ERR_REFUSED ? "" : "(kind) ", err.msg);
	else
		nm_mappings_print(&list, out, size);
	nm_mappings_done(&list);
	return out;
}

static struct nm_mapping one(const char *text)
{
	struct nm_mappings list = {0};
	struct nm_mapping m = {0};
	struct nm_err err;

	if (nm_mappings_parse(text, &list, &err) < 0 || list.n != 1)
		tap_ok(false, "the test's own mapping '%s'", text);
	else
		m = list.v[0];
	nm_mappings_done(&list);
	return m;
}

static void test_accepted(void)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{"80", "80:80/tcp"},
		{"8080:80", "8080:80/tcp"},
		{"1:65535", "1:65535/tcp"},
		{"53/udp", "53:53/udp"},
		{"53:5353/UDP", "53:5353/udp"},
		{"80/TcP", "80:80/tcp"},
		{"5000:5000/Sctp", "5000:5000/sctp"},
		{"0:80", "0:80/tcp"},
		{"192.0.2.1:0:80/udp", "192.0.2.1:0:80/udp"},
		{"8000-8010", "8000-8010:8000-8010/tcp"},
		{"8000-8010:90-100/udp", "8000-8010:90-100/udp"},
		{"80-80:90", "80:90/tcp"},
		{"80:90-90", "80:90/tcp"},
		{"8000-8010:80", "8000-8010:80/tcp"},
		{"[2001:db8::1]:1-65535:80-80/UDP", "[2001:db8::1]:1-65535:80/udp"},
		{"8000-8010:80,8000-8010:80", "8000-8010:80/tcp 8000-8010:80/tcp"},
		{"1-65535", "1-65535:1-65535/tcp"},
		{"65534-65535:1-2", "65534-65535:1-2/tcp"},
		{"192.0.2.1:8080:80", "192.0.2.1:8080:80/tcp"},
		{"192.0.2.1:80", "192.0.2.1:80:80/tcp"},
		{"192.0.2.1:80-81/udp", "192.0.2.1:80-81:80-81/udp"},
		{"0.0.0.0:80", "0.0.0.0:80:80/tcp"},
		{"[::]:80", "[::]:80:80/tcp"},
		{"[0:0::0]:8080:80/udp", "[::]:8080:80/udp"},
		{"[2001:DB8::1]:53:5353/udp", "[2001:db8::1]:53:5353/udp"},
		{"127.0.0.1:80:80", "127.0.0.1:80:80/tcp"},
		{"127.255.255.254:1:1", "127.255.255.254:1:1/tcp"},
		{"[ffff::192.0.2.1]:1-65535:1-65535/sctp",
			"!port mapping "
			"'[ffff::192.0.2.1]:1-65535:1-65535/sctp': a "
			"multicast address cannot be published on"},
		{"[feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:10000-65535:10000-65535/sctp",
			"[feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:10000-65535:10000-65535/sctp"},
		{" 80 ", "80:80/tcp"},
		{"80,81", "80:80/tcp 81:81/tcp"},
		{" 80 , 53/udp ,443:8443", "80:80/tcp 53:53/udp 443:8443/tcp"},
		{"80/tcp,80/udp,80/sctp", "80:80/tcp 80:80/udp 80:80/sctp"},
		{"0:80,0:80", "0:80/tcp 0:80/tcp"},
		{"81:80,82:80", "81:80/tcp 82:80/tcp"},
		{"192.0.2.1:80,192.0.2.2:80,[::]:80",
			"192.0.2.1:80:80/tcp 192.0.2.2:80:80/tcp [::]:80:80/tcp"},
	};
	static char got[2048], again[2048];

	nm_each(row, rows) {
		tap_is(parse(row->text, got, sizeof(got)), row->printed, "'%s'", row->text);
		if (got[0] != '!' && !strchr(got, ' '))
			tap_is(parse(got, again, sizeof(again)), got, "'%s' reads back", got);
	}
}

#define FORM               "expected [HOST_IP:]HOST_PORT:CONTAINER_PORT[/PROTOCOL]"
#define NUMBER             "a port is not a number from 0 to 65535"
#define BLANK              "a blank beside a port"
#define MISSING            "a port is missing"
#define HOST_MISSING       "the host port is missing; 0 stands for a free one"
#define ZEROS              "a port is written without leading zeros"
#define NAME               "a name is not a host address: write the address itself"
#define BRACKETS           "an IPv6 address is written in brackets"
#define PROTOCOL           "the protocol is not tcp, udp or sctp"
#define UNEQUAL            "the two ranges are not equally long"
#define IN_RANGE           "host port 0 cannot be in a range"
#define NO_IPV4            "the host address is not IPv4"
#define NO_IPV6            "the host address is not IPv6"
#define KIND(an_adjective) "a" an_adjective " address cannot be published on"

static void test_refused(void)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "empty"},
		{"/", PROTOCOL},
		{"/tcp", FORM},
		{"80/", PROTOCOL},
		{"80/t", PROTOCOL},
		{"80/tcpx", PROTOCOL},
		{"80/icmp", PROTOCOL},
		{"80/6", PROTOCOL},
		{"80/tcp ", NULL},
		{"80/ tcp", PROTOCOL},
		{"80 /tcp", BLANK},
		{"80/tcp/udp", NUMBER},
		{"80/tcp:90", PROTOCOL},
		{"http", NUMBER},
		{":", HOST_MISSING},
		{"::", FORM},
		{":80", HOST_MISSING},
		{"80:", MISSING},
		{"80:80:", FORM},
		{"80::80", FORM},
		{"80 :80", BLANK},
		{"80: 80", BLANK},
		{"80;81", NUMBER},
		{"80 81", BLANK},
		{"8080:80:90", FORM},
		{"+80", NUMBER},
		{"080", ZEROS},
		{"80:0x50", NUMBER},
		{"80.0", NUMBER},
		{".80", NUMBER},
		{"65536", NUMBER},
		{"80:65536", NUMBER},
		{"65616", NUMBER},
		{"18446744073709551696", NUMBER},
		{"-1", MISSING},
		{"80-", MISSING},
		{"-", MISSING},
		{"80-81-82", NUMBER},
		{"80--81", NUMBER},
		{"80 - 81", BLANK},
		{"80- 81", BLANK},
		{"80-8 1", BLANK},
		{"80-081", ZEROS},
		{"81-80", "the range runs backwards"},
		{"80-81:91-90", "the range runs backwards"},
		{"0", "there is no container port 0"},
		{"0:0", "there is no container port 0"},
		{"80:0", "there is no container port 0"},
		{"80-81:0-1", "there is no container port 0"},
		{"0-1", "there is no container port 0"},
		{"0-1:80-81", IN_RANGE},
		{"0-0:80", IN_RANGE},
		{"0:80-80", IN_RANGE},
		{"0:80-81", IN_RANGE},
		{"80-82:80-81", UNEQUAL},
		{"80-82:80-81/udp", UNEQUAL},
		{"80:80-81", UNEQUAL},
		{"192.0.2.1", NUMBER},
		{"192.0.2.1:", FORM},
		{"192.0.2.1/tcp", NUMBER},
		{"192.0.2.1:/tcp", FORM},
		{"192.0.2.1::80", HOST_MISSING},
		{"192.0.2:80", NO_IPV4},
		{"192.0.2.256:80:80", NO_IPV4},
		{"192.0.2.01:80:80", NO_IPV4},
		{"192.0.2.1 :80:80", NO_IPV4},
		{"192.0.2.0/24:80:80", PROTOCOL},
		{"host.example:80:80", NO_IPV4},
		{"localhost:80", NUMBER},
		{"::1:80", BRACKETS},
		{"::1:80:80", BRACKETS},
		{"2001:db8::1:80:80", BRACKETS},
		{"localhost:8080:80", NAME},
		{"eth0:80:80", NAME},
		{"8080 : 80", BLANK},
		{"08080:80", ZEROS},
		{"[", FORM},
		{"[]", FORM},
		{"[]:80", NO_IPV6},
		{"[::", FORM},
		{"[::]", FORM},
		{"[::]80", FORM},
		{"[::]:", FORM},
		{"[::]/tcp", FORM},
		{"[::]]:80", FORM},
		{"[[::]:80", NO_IPV6},
		{"[192.0.2.1]:80", NO_IPV6},
		{"[fe80::1%eth0]:80", NO_IPV6},
		{"[::1", FORM},
		{"[2001:db8::1/64]:80", PROTOCOL},
		{"[x]:80", NO_IPV6},
		{"[::1]:80", "::1 cannot be translated to a container"},
		{"[fe80::1]:80", KIND(" link-local")},
		{"[ff02::1]:80", KIND(" multicast")},
		{"[::ffff:192.0.2.1]:80", KIND("n IPv4-mapped")},
		{"169.254.1.1:80", KIND(" link-local")},
		{"224.0.0.1:80", KIND(" multicast")},
		{"255.255.255.255:80", KIND(" broadcast")},
		{"240.0.0.1:80", KIND(" broadcast")},
		{"80\n", NUMBER},
		{"\t80", NUMBER},
		{"\xef\xbc\x98\xef\xbc\x90", NUMBER},
	};
	static char got[2048], expected[2048];

	nm_each(row, rows) {
		if (row->why)
			(void)snprintf(
				expected, sizeof(expected), "!port mapping '%s': %s", row->text, row->why);
		else
			(void)snprintf(expected, sizeof(expected), "80:80/tcp");
		tap_is(parse(row->text, got, sizeof(got)), expected, "'%s'", row->text);
	}
}

static void test_lists(void)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{",", "!port mapping '': empty"},
		{"80,", "!port mapping '': empty"},
		{",80", "!port mapping '': empty"},
		{"80, ,81", "!port mapping '': empty"},
		{"80,x,y", "!port mapping 'x': " NUMBER},
		{"80,80", "80:80/tcp"},
		{"80:80/tcp,81,80", "80:80/tcp 81:81/tcp"},
		{"80:81, 80:82 ", "!port mapping '80:82': overlaps '80:81/tcp' of the same container"},
		{"81,80,80:82", "!port mapping '80:82': overlaps '80:80/tcp' of the same container"},
		{"80,192.0.2.1:80",
			"!port mapping '192.0.2.1:80': overlaps '80:80/tcp' of the same container"},
		{"[::]:80,0.0.0.0:80,80",
			"!port mapping '80': overlaps '[::]:80:80/tcp' of the same container"},
		{"8000-8010,8010",
			"!port mapping '8010': overlaps '8000-8010:8000-8010/tcp' of the same "
			"container"},
		{"00000000001111111111222222222233333333334444444444555555555566666666667777777777",
			"!port mapping "
			"'00000000001111111111222222222233333333334444444444555555555566666666667777777777'"
			": " ZEROS},
		{"00000000001111111111222222222233333333334444444444555555555566666666667777777777x",
			"!port mapping "
			"'00000000001111111111222222222233333333334444444444555555555566666666667777777777..."
			"': " NUMBER},
	};
	static char got[2048];

	nm_each(row, rows)
		tap_is(parse(row->text, got, sizeof(got)), row->expected, "list '%s'", row->text);
}

static void test_many(void)
{
	static char text[(NM_MAPPINGS_MAX + 1) * 6 + 1];
	struct nm_mappings list = {0};
	struct nm_err err;
	size_t used = 0;

	for (unsigned i = 0; i < NM_MAPPINGS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u", i ? "," : "", i + 1);
	tap_ok(nm_mappings_parse(text, &list, &err) == 0 && list.n == NM_MAPPINGS_MAX &&
			list.v[NM_MAPPINGS_MAX - 1].host_port == NM_MAPPINGS_MAX,
		"%d mappings", NM_MAPPINGS_MAX);
	nm_mappings_done(&list);
	(void)snprintf(text + used, sizeof(text) - used, ",60000");
	tap_ok(nm_mappings_parse(text, &list, &err) == -1 && err.kind == NM_ERR_REFUSED, "one more");
	tap_is(err.msg, "port mapping '60000': too many mappings", "and why");
}

/* One that is there again does no harm, but millions take their time. */
static void test_repeated(void)
{
	static char text[10 * NM_MAPPINGS_MAX + 1];
	struct nm_mappings list = {0};
	struct nm_err err;

	for (size_t i = 0; i + 1 < sizeof(text); i++)
		text[i] = i % 2 ? ',' : '9';
	text[8 * NM_MAPPINGS_MAX - 1] = '\0';
	tap_ok(nm_mappings_parse(text, &list, &err) == 0 && list.n == 1, "one again and again");
	nm_mappings_done(&list);
	text[8 * NM_MAPPINGS_MAX - 1] = ',';
	text[8 * NM_MAPPINGS_MAX + 1] = '\0';
	tap_ok(nm_mappings_parse(text, &list, &err) == -1 && err.kind == NM_ERR_REFUSED, "once more");
	tap_is(err.msg, "port mapping '9': too many mappings", "and why");
}

/* What each pair says: '=' equal (and overlapping), 'x' overlapping, '.' neither, '0' equal but never taken.
 */
static void test_pairs(void)
{
	static const struct {
		const char *a, *b;
		char expected;
	} rows[] = {
		{"80", "80", '='},
		{"80", "80/TCP", '='},
		{"80", "80:80", '='},
		{"80", "80:81", 'x'},
		{"80", "81", '.'},
		{"80", "81:80", '.'},
		{"80", "80/udp", '.'},
		{"80/udp", "80/sctp", '.'},
		{"80", "0.0.0.0:80", 'x'},
		{"80", "[::]:80", 'x'},
		{"0.0.0.0:80", "[::]:80", '.'},
		{"0.0.0.0:80", "0.0.0.0:80", '='},
		{"[::]:80", "[::]:80", '='},
		{"80", "192.0.2.1:80", 'x'},
		{"80", "[2001:db8::1]:80", 'x'},
		{"80", "127.0.0.1:80", 'x'},
		{"0.0.0.0:80", "192.0.2.1:80", 'x'},
		{"0.0.0.0:80", "[2001:db8::1]:80", '.'},
		{"[::]:80", "192.0.2.1:80", '.'},
		{"[::]:80", "[2001:db8::1]:80", 'x'},
		{"192.0.2.1:80", "192.0.2.1:80", '='},
		{"192.0.2.1:80", "192.0.2.2:80", '.'},
		{"192.0.2.1:80", "[2001:db8::1]:80", '.'},
		{"192.0.2.1:80", "192.0.2.1:80/udp", '.'},
		{"[2001:db8::1]:80", "[2001:db8:0::1]:80", '='},
		{"[2001:db8::1]:80", "[2001:db8::2]:80", '.'},
		{"80-89", "80-89", '='},
		{"80-89", "80-89:180-189", 'x'},
		{"80-89", "80-88", 'x'},
		{"80-89", "79-80", 'x'},
		{"80-89", "89-90", 'x'},
		{"80-89", "85", 'x'},
		{"80-89", "70-79", '.'},
		{"80-89", "90-99", '.'},
		{"80-89", "90", '.'},
		{"80-89", "79", '.'},
		{"1-65535", "65535", 'x'},
		{"1-65535", "1", 'x'},
		{"65535", "65535", '='},
		{"65535", "1", '.'},
		{"192.0.2.1:80-89", "192.0.2.1:89-99", 'x'},
		{"192.0.2.1:80-89", "192.0.2.2:89-99", '.'},
		{"0:80", "0:80", '0'},
		{"8000-8010:80", "8000-8010:80", '0'},
		{"8000-8010:80", "8000-8011:80", '.'},
		{"8000-8010:80", "0:80", '.'},
		{"0:80", "0:81", '.'},
		{"0:80", "80", '.'},
	};

	nm_each(row, rows) {
		struct nm_mapping a = one(row->a), b = one(row->b);
		bool equal = strchr("=0", row->expected), overlap = strchr("=x", row->expected);

		tap_ok(nm_mapping_equal(&a, &b) == equal && nm_mapping_equal(&b, &a) == equal,
			"%s and %s are %s", row->a, row->b, equal ? "equal" : "not equal");
		tap_ok(nm_mapping_overlaps(&a, &b) == overlap && nm_mapping_overlaps(&b, &a) == overlap,
			"%s and %s %s", row->a, row->b, overlap ? "overlap" : "do not overlap");
	}
}

static void test_none(void)
{
	struct nm_mappings m = {0};
	struct nm_err err;
	char text[8] = "xxx";

	tap_is(nm_mappings_print(&m, text, sizeof(text)), "", "no mappings");
	tap_ok(nm_mappings_parse("80", &m, &err) == 0 && m.n == 1, "one");
	nm_mappings_done(&m);
	tap_ok(!m.v && !m.n && !m.capacity, "and nothing is left");
	nm_mappings_done(NULL);
}

static void test_members(void)
{
	struct nm_mapping m = one("80"), v4 = one("0.0.0.0:80"), v6 = one("[::]:80"),
			  on = one("192.0.2.1:80");

	tap_ok(m.any_host && m.families == (NM_IPV4_BIT | NM_IPV6_BIT), "no host address: both families");
	tap_ok(v4.any_host && v4.families == NM_IPV4_BIT, "0.0.0.0: IPv4");
	tap_ok(v6.any_host && v6.families == NM_IPV6_BIT, "[::]: IPv6");
	tap_ok(!on.any_host && on.families == NM_IPV4_BIT && on.host.bytes[3] == 1, "an address: its own");
	tap_is(nm_mapping_protocol_name(IPPROTO_TCP), "tcp", "tcp");
	tap_is(nm_mapping_protocol_name(IPPROTO_UDP), "udp", "udp");
	tap_is(nm_mapping_protocol_name(IPPROTO_SCTP), "sctp", "sctp");
	tap_is(nm_mapping_protocol_name(IPPROTO_ICMP), "?", "others have no name");
}

int main(void)
{
	test_accepted();
	test_refused();
	test_lists();
	test_many();
	test_repeated();
	test_pairs();
	test_members();
	test_none();
	return tap_done();
}
