/*
 * input/config_static.c: what "static" of the configuration becomes, as nm_static_nat_print() shows it, and
 * what is wrong with it in which words. Then model/static_nat.c: which mapping an entry gets in the way of.
 */
#include <stdlib.h>

#include "input/config.h"
#include "tap.h"

enum { TEXT_MAX = 2 * NM_STATIC_STRLEN };

/* "KIND NAME PRINTED" a line; "!MESSAGE" when something in "static" is wrong. */
static const char *print(const struct nm_config *c, char out[static TEXT_MAX])
{
	char text[NM_STATIC_STRLEN];
	struct nm_err err;
	size_t used = 0;

	out[0] = '\0';
	if (nm_config_require_statics(c, &err) < 0) {
		(void)snprintf(out, TEXT_MAX, "%s%s%s", c->statics.n ? "(statics) " : "!",
			err.kind == NM_ERR_CONFIG ? "" : "(kind) ", err.msg);
		return out;
	}
	for (size_t i = 0; i < c->statics.n && used < TEXT_MAX; i++)
		used += (size_t)snprintf(out + used, TEXT_MAX - used, "%s %s\n", c->statics.v[i].owner,
			nm_static_nat_print(&c->statics.v[i], text));
	return out;
}

static const char *parse(const char *text, char out[static TEXT_MAX])
{
	struct nm_config c;
	struct nm_err err;

	nm_config_init(&c);
	if (nm_config_parse(&c, text, strlen(text), "f", &err) == 0)
		print(&c, out);
	else
		(void)snprintf(out, TEXT_MAX, "failed: %s", err.msg);
	nm_config_done(&c);
	return out;
}

#define STATIC(text)  "{\"static\":{" text "}}"
#define DNAT(text)    STATIC("\"dnat\":[" text "]")
#define SNAT(text)    STATIC("\"snat\":[" text "]")
#define HAIRPIN(text) STATIC("\"hairpin\":[" text "]")
#define NAME(n)       "\"name\":\"" n "\""
#define EXT(a)        ",\"external_address\":\"" a "\""
#define INT(a)        ",\"internal_address\":\"" a "\""
#define IF(n)         ",\"external_interface\":\"" n "\""
#define PORTS(p)      ",\"ports\":\"" p "\""
#define PROTO(p)      ",\"protocol\":\"" p "\""
#define LAN(p)        ",\"lan\":\"" p "\""
#define E4            EXT("203.0.113.43")
#define I4            INT("10.10.10.101")
#define E6            EXT("2001:db8::43")
#define I6            INT("fd00::101")

static const struct {
	const char *text, *expected;
} good[] = {
	{STATIC(""), ""},
	{STATIC("\"dnat\":[],\"snat\":[],\"hairpin\":[]"), ""},
	/* the example of the manual */
	{STATIC("\"dnat\":[{" NAME("mail") E4 IF("eth0") I4 PORTS("25,465,8000-8010") PROTO(
		 "tcp") "}],\"snat\":[{" NAME("mail") I4 E4 IF("eth0") "}],\"hairpin\":[{" NAME("mail")
			 E4 I4 PORTS("25,465") PROTO("tcp") LAN("10.10.10.0/24") "}]"),
		"@dnat/mail 203.0.113.43:25,465,8000-8010/tcp on eth0 -> 10.10.10.101\n"
		"@snat/mail 10.10.10.101 on eth0 as 203.0.113.43\n"
		"@hairpin/mail 10.10.10.0/24 via 203.0.113.43:25,465/tcp -> 10.10.10.101\n"},
	{DNAT("{" NAME("a") I4 PORTS("25") "}"), "@dnat/a 25/tcp -> 10.10.10.101\n"},
	{DNAT("{\"ports\":\" 25 , 1-2\",\"internal_address\":\"fd00::101\",\"name\":\"a\"}"),
		"@dnat/a 25,1-2/tcp -> fd00::101\n"},
	{DNAT("{" NAME("a") E6 I6 PORTS("1-65535") PROTO("UDP") "}"),
		"@dnat/a [2001:db8::43]:1-65535/udp -> fd00::101\n"},
	{DNAT("{" NAME("aZ09_+,.-") I4 PORTS("25") PROTO("Sctp") IF("abcdefghijklmno") "}"),
		"@dnat/aZ09_+,.- 25/sctp on abcdefghijklmno -> 10.10.10.101\n"},
	/* as many as are told apart by one thing */
	{DNAT("{" NAME("a") E4 I4 PORTS("25") "},{" NAME("b") E4 I4 PORTS("26") "},{" NAME("c")
			 E4 I4 PORTS("25") PROTO("udp") "},{" NAME("d") EXT("203.0.113.44")
				 I4 PORTS("25") "},{" NAME("e") I6 PORTS("25") "}"),
		"@dnat/a 203.0.113.43:25/tcp -> 10.10.10.101\n"
		"@dnat/b 203.0.113.43:26/tcp -> 10.10.10.101\n"
		"@dnat/c 203.0.113.43:25/udp -> 10.10.10.101\n"
		"@dnat/d 203.0.113.44:25/tcp -> 10.10.10.101\n"
		"@dnat/e 25/tcp -> fd00::101\n"},
	{DNAT("{" NAME("a") IF("eth0") I4 PORTS("25") "},{" NAME("b") IF("eth1") I4 PORTS("25") "}"),
		"@dnat/a 25/tcp on eth0 -> 10.10.10.101\n@dnat/b 25/tcp on eth1 -> 10.10.10.101\n"},
	{SNAT("{" NAME("a") INT("10.10.10.77/24") E4 "},{" NAME("b") INT("fd00::1/64") E6 IF("eth0") "}"),
		"@snat/a 10.10.10.0/24 as 203.0.113.43\n@snat/b fd00::/64 on eth0 as 2001:db8::43\n"},
	{HAIRPIN("{" NAME("a") E4 I4 PORTS("25") "},{" NAME("b") E4 INT("10.10.10.102") PORTS("25") "}"),
		"@hairpin/a 10.10.10.101 via 203.0.113.43:25/tcp -> 10.10.10.101\n"
		"@hairpin/b 10.10.10.102 via 203.0.113.43:25/tcp -> 10.10.10.102\n"},
	{HAIRPIN("{" NAME("a") E4 I4 PORTS("25") "},{" NAME("b") E4 I4 PORTS("25") LAN("10.10.0.0/16") "}"),
		"@hairpin/a 10.10.10.101 via 203.0.113.43:25/tcp -> 10.10.10.101\n"
		"@hairpin/b 10.10.0.0/16 via 203.0.113.43:25/tcp -> 10.10.10.101\n"},
	{HAIRPIN("{" NAME("a") E6 I6 PORTS("25") LAN("fd00::/64") PROTO("udp") "}"),
		"@hairpin/a fd00::/64 via [2001:db8::43]:25/udp -> fd00::101\n"},
};

#define LIST_EXPECTED      ": expected a list of objects"
#define NAME_EXPECTED      ": expected a name of at most 64 letters, digits and _+,.-"
#define ADDRESS_EXPECTED   ": expected an IP address such as \"203.0.113.43\""
#define NETWORK_EXPECTED   ": expected an address or network such as \"10.10.10.0/24\""
#define INTERFACE_EXPECTED ": expected the name of an interface such as \"eth0\""
#define PORTS_EXPECTED     ": expected a list of ports and ranges such as \"25,465,8000-8010\""
#define PROTOCOL_EXPECTED  ": expected \"tcp\", \"udp\" or \"sctp\""
#define N64                "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char *text, *expected;
} bad[] = {
	{"{\"static\":[]}", "static: expected an object with dnat, snat and hairpin"},
	{"{\"static\":{},\"static\":{}}", "static: given twice"},
	{STATIC("\"dnats\":[]"), "static.dnats: unknown key"},
	{STATIC("\"dnat\":[],\"dnat\":[]"), "static.dnat: given twice"},
	{STATIC("\"dnat\":{}"), "static.dnat" LIST_EXPECTED},
	{STATIC("\"snat\":null"), "static.snat" LIST_EXPECTED},
	{STATIC("\"hairpin\":\"\""), "static.hairpin" LIST_EXPECTED},
	{DNAT("1"), "static.dnat[0]: expected an object"},
	{SNAT("[]"), "static.snat[0]: expected an object"},
	{HAIRPIN("\"\""), "static.hairpin[0]: expected an object"},
	{DNAT("{\"portz\":\"25\"}"), "static.dnat[0].portz: unknown key"},
	{DNAT("{\"lan\":\"10.0.0.0/8\"}"), "static.dnat[0].lan: unknown key"},
	{SNAT("{\"ports\":\"25\"}"), "static.snat[0].ports: unknown key"},
	{HAIRPIN("{\"external_interface\":\"eth0\"}"), "static.hairpin[0].external_interface: unknown key"},
	{DNAT("{" NAME("a") ",\"name\":\"a\"}"), "static.dnat[0].name: given twice"},
	{DNAT("{" NAME("a") I4 PORTS("1") "},{" NAME("b") I4 PORTS("2") PORTS("3") "}"),
		"static.dnat[1].ports: given twice"},

	{DNAT("{}"), "static.dnat[0]: name is missing"},
	{DNAT("{" NAME("a") PORTS("25") "}"), "static.dnat[0]: internal_address is missing"},
	{DNAT("{" NAME("a") I4 "}"), "static.dnat[0]: ports is missing"},
	{SNAT("{" NAME("a") I4 "}"), "static.snat[0]: external_address is missing"},
	{SNAT("{" NAME("a") E4 "}"), "static.snat[0]: internal_address is missing"},
	{HAIRPIN("{" NAME("a") I4 PORTS("25") "}"), "static.hairpin[0]: external_address is missing"},
	{HAIRPIN("{" NAME("a") I4 E4 "}"), "static.hairpin[0]: ports is missing"},
	{STATIC("\"snat\":[{" NAME("a") I4 E4 "}],\"hairpin\":[{" NAME("a") I4 E4 PORTS("1") "},{}]"),
		"static.hairpin[1]: name is missing"},

	{DNAT("{" NAME("") "}"), "static.dnat[0].name" NAME_EXPECTED},
	{DNAT("{" NAME("a b") "}"), "static.dnat[0].name" NAME_EXPECTED},
	{DNAT("{" NAME("a/b") "}"), "static.dnat[0].name" NAME_EXPECTED},
	{DNAT("{" NAME(N64 "4") "}"), "static.dnat[0].name" NAME_EXPECTED},
	{DNAT("{" NAME(N64) "}"), "static.dnat[0]: internal_address is missing"},
	{DNAT("{\"name\":1}"), "static.dnat[0].name" NAME_EXPECTED},
	{SNAT("{" NAME("a") I4 E4 "},{" NAME("a") INT("10.0.0.2") E4 "}"),
		"static.snat[1].name: expected another name than that of static.snat[0]"},

	{DNAT("{" NAME("a") EXT("mail") "}"), "static.dnat[0].external_address" ADDRESS_EXPECTED},
	{DNAT("{" NAME("a") EXT("10.0.0.1/32") "}"), "static.dnat[0].external_address" ADDRESS_EXPECTED},
	{DNAT("{" NAME("a") EXT("10.0.0.1:80") "}"), "static.dnat[0].external_address" ADDRESS_EXPECTED},
	{DNAT("{\"external_address\":null}"), "static.dnat[0].external_address" ADDRESS_EXPECTED},
	{DNAT("{" NAME("a") INT("10.0.0.0/8") "}"), "static.dnat[0].internal_address" ADDRESS_EXPECTED},
	{HAIRPIN("{" NAME("a") INT("[fd00::1]") "}"), "static.hairpin[0].internal_address" ADDRESS_EXPECTED},
	{SNAT("{" NAME("a") INT("10.0.0.0/33") "}"), "static.snat[0].internal_address" NETWORK_EXPECTED},
	{HAIRPIN("{" NAME("a") LAN("lan") "}"), "static.hairpin[0].lan" NETWORK_EXPECTED},
	{DNAT("{" NAME("a") EXT("0.0.0.0") "}"),
		"static.dnat[0].external_address: expected an address that is not unspecified"},
	{DNAT("{" NAME("a") EXT("::1") "}"),
		"static.dnat[0].external_address: expected an address that is not loopback"},
	{SNAT("{" NAME("a") EXT("255.255.255.255") "}"),
		"static.snat[0].external_address: expected an address that is not broadcast"},
	{DNAT("{" NAME("a") INT("127.0.0.1") "}"),
		"static.dnat[0].internal_address: expected an address that is not loopback"},
	{HAIRPIN("{" NAME("a") INT("fe80::1") "}"),
		"static.hairpin[0].internal_address: expected an address that is not link-local"},
	{SNAT("{" NAME("a") INT("10.0.0.0/0") "}"),
		"static.snat[0].internal_address: expected an address that is not unspecified"},
	{SNAT("{" NAME("a") INT("224.0.0.0/8") "}"),
		"static.snat[0].internal_address: expected an address that is not multicast"},
	{DNAT("{" NAME("a") E6 I4 PORTS("25") "}"),
		"static.dnat[0]: the addresses are not all IPv4 or all IPv6"},
	{SNAT("{" NAME("a") I6 E4 "}"), "static.snat[0]: the addresses are not all IPv4 or all IPv6"},
	{HAIRPIN("{" NAME("a") E4 I4 PORTS("25") LAN("fd00::/64") "}"),
		"static.hairpin[0]: the addresses are not all IPv4 or all IPv6"},

	{DNAT("{\"external_interface\":\"\"}"), "static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{DNAT("{\"external_interface\":\"abcdefghijklmnop\"}"),
		"static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{DNAT("{\"external_interface\":\"eth+\"}"), "static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{DNAT("{\"external_interface\":\"a b\"}"), "static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{DNAT("{\"external_interface\":\"a/b\"}"), "static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{DNAT("{\"external_interface\":\"a:1\"}"), "static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{DNAT("{\"external_interface\":\"a\\\"b\"}"), "static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{DNAT("{\"external_interface\":\"a'b\"}"), "static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{DNAT("{\"external_interface\":\"a\\\\b\"}"), "static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{DNAT("{\"external_interface\":\"a\\nb\"}"), "static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{DNAT("{\"external_interface\":\".\"}"), "static.dnat[0].external_interface" INTERFACE_EXPECTED},
	{SNAT("{\"external_interface\":\"..\"}"), "static.snat[0].external_interface" INTERFACE_EXPECTED},

	{DNAT("{\"ports\":25}"), "static.dnat[0].ports" PORTS_EXPECTED},
	{DNAT("{\"ports\":[25]}"), "static.dnat[0].ports" PORTS_EXPECTED},
	{DNAT("{\"ports\":\"\"}"), "static.dnat[0].ports" PORTS_EXPECTED},
	{DNAT("{\"ports\":\"25,\"}"), "static.dnat[0].ports" PORTS_EXPECTED},
	{DNAT("{\"ports\":\"0\"}"), "static.dnat[0].ports" PORTS_EXPECTED},
	{DNAT("{\"ports\":\"65536\"}"), "static.dnat[0].ports" PORTS_EXPECTED},
	{DNAT("{\"ports\":\"2-1\"}"), "static.dnat[0].ports" PORTS_EXPECTED},
	{DNAT("{\"ports\":\"1:2\"}"), "static.dnat[0].ports" PORTS_EXPECTED},
	{DNAT("{\"ports\":\"1 2\"}"), "static.dnat[0].ports" PORTS_EXPECTED},
	{HAIRPIN("{\"ports\":\"smtp\"}"), "static.hairpin[0].ports" PORTS_EXPECTED},
	{DNAT("{\"ports\":\"25,20-30\"}"), "static.dnat[0].ports: a port is in the list twice"},
	{DNAT("{\"ports\":\"1-2,2-3\"}"), "static.dnat[0].ports: a port is in the list twice"},
	{DNAT("{\"protocol\":\"icmp\"}"), "static.dnat[0].protocol" PROTOCOL_EXPECTED},
	{DNAT("{\"protocol\":\"\"}"), "static.dnat[0].protocol" PROTOCOL_EXPECTED},
	{HAIRPIN("{\"protocol\":6}"), "static.hairpin[0].protocol" PROTOCOL_EXPECTED},

	{DNAT("{" NAME("a") E4 I4 PORTS("25") "},{" NAME("b") E4 INT("10.0.0.2") PORTS("20-25") "}"),
		"static.dnat[1].ports: expected other ports than those of static.dnat[0]"},
	{DNAT("{" NAME("a") E4 I4 PORTS("25") "},{" NAME("b") INT("10.0.0.2") PORTS("25") "}"),
		"static.dnat[1].ports: expected other ports than those of static.dnat[0]"},
	{DNAT("{" NAME("a") I4 PORTS("25") IF("eth0") "},{" NAME("b") I4 PORTS("25") "}"),
		"static.dnat[1].ports: expected other ports than those of static.dnat[0]"},
	{HAIRPIN("{" NAME("a") E4 I4 PORTS("25") "},{" NAME("b") E4 I4 PORTS("24,25") "}"),
		"static.hairpin[1].ports: expected other ports than those of static.hairpin[0]"},
	/* the first mistake is told, and nothing of "static" is kept */
	{STATIC("\"snat\":[{" NAME("a") I4 E4 "},1],\"dnat\":1"), "static.snat[1]: expected an object"},
};

static void test_texts(void)
{
	static char out[TEXT_MAX], expected[TEXT_MAX];

	nm_each(row, good)
		tap_is(parse(row->text, out), row->expected, "%s", row->text);
	nm_each(row, bad) {
		(void)snprintf(expected, sizeof(expected), "!f: %s", row->expected);
		tap_is(parse(row->text, out), expected, "%s", row->text);
	}
	tap_is(parse("{\"static\":{\"dnat\":[{", out), "failed: f: not valid JSON: premature EOF in line 1",
		"what is no JSON is no matter of static rules alone");
}

/* before, n times element with its number in it, after; owned by the caller */
static char *repeat(const char *before, const char *element, unsigned n, const char *after)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs(before, f);
	for (unsigned i = 1; i <= n; i++)
		fprintf(f, "%s%s%u%s", i > 1 ? "," : "", element, i, *element ? "\"" I4 E4 "}" : "");
	fputs(after, f);
	(void)fclose(f);
	return text;
}

static void test_limits(void)
{
	static const char ports[] = "{\"static\":{\"dnat\":[{" NAME("a") I4 ",\"ports\":\"";
	static const char snats[] = "{\"static\":{\"snat\":[";
	static char out[TEXT_MAX];
	char *most = repeat(ports, "", NM_STATIC_PORTS_MAX, "\"}]}}");
	char *more = repeat(ports, "", NM_STATIC_PORTS_MAX + 1, "\"}]}}");

	tap_ok(strstr(parse(most, out), ",255,256/tcp -> 10.10.10.101"), "as many ports as are allowed");
	tap_is(parse(more, out), "!f: static.dnat[0].ports: too many ports and ranges", "and one more");
	free(most);
	free(more);
	more = repeat(snats, "{\"name\":\"", NM_STATICS_MAX + 1, "]}}");
	tap_is(parse(more, out), "!f: static.snat[1024]: too many static rules", "too many rules");
	free(more);
}

static void test_longest(void)
{
	const struct nm_addr all = {NM_IPV6, {[0 ... 15] = 0x11}};
	struct nm_ports ports[NM_STATIC_PORTS_MAX];
	struct nm_static_nat s = {
		.kind = NM_STATIC_HAIRPIN,
		.family = NM_IPV6,
		.has_external = true,
		.external = all,
		.interface = "abcdefghijklmno",
		.internal = nm_prefix_whole(&all),
		.protocol = IPPROTO_SCTP,
		.ports = ports,
		.n_ports = NM_STATIC_PORTS_MAX,
		.has_lan = true,
		.lan = {all, 127},
	};
	char text[NM_STATIC_STRLEN];

	for (size_t i = 0; i < NM_STATIC_PORTS_MAX; i++)
		ports[i] = (struct nm_ports){10000, 65535};
	nm_static_nat_print(&s, text);
	tap_ok(strlen(text) + 1 < NM_STATIC_STRLEN && strstr(text, " -> 1111:1111:1111:1111"),
		"the longest entry is printed whole");
}

static void test_overlaps(void)
{
	static const struct {
		const char *statics, *mapping;
		bool expected;
	} rows[] = {
		{DNAT("{" NAME("a") E4 I4 PORTS("25,80-90") "}"), "203.0.113.43:85:80", true},
		{DNAT("{" NAME("a") E4 I4 PORTS("25,80-90") "}"), "203.0.113.43:25:80", true},
		{DNAT("{" NAME("a") E4 I4 PORTS("25,80-90") "}"), "203.0.113.43:90-99:1-10", true},
		{DNAT("{" NAME("a") E4 I4 PORTS("25,80-90") "}"), "203.0.113.43:26-79", false},
		{DNAT("{" NAME("a") E4 I4 PORTS("25,80-90") "}"), "203.0.113.43:91", false},
		{DNAT("{" NAME("a") E4 I4 PORTS("25") "}"), "203.0.113.44:25", false},
		{DNAT("{" NAME("a") E4 I4 PORTS("25") "}"), "203.0.113.43:25/udp", false},
		{DNAT("{" NAME("a") E4 I4 PORTS("25") "}"), "25", true},
		{DNAT("{" NAME("a") E4 I4 PORTS("25") "}"), "0.0.0.0:25", true},
		{DNAT("{" NAME("a") E4 I4 PORTS("25") "}"), "[::]:25", false},
		{DNAT("{" NAME("a") E4 I4 PORTS("25") "}"), "0:25", false},
		{DNAT("{" NAME("a") I4 PORTS("25") IF("eth0") "}"), "127.0.0.1:25", true},
		{DNAT("{" NAME("a") I6 PORTS("25") "}"), "[2001:db8::1]:25", true},
		{DNAT("{" NAME("a") I6 PORTS("25") "}"), "0.0.0.0:25", false},
		{SNAT("{" NAME("a") I4 E4 "}"), "25", false},
		{HAIRPIN("{" NAME("a") I4 E4 PORTS("25") "}"), "25", true},
		{HAIRPIN("{" NAME("a") I4 E4 PORTS("25") "}"), "203.0.113.44:25", false},
		{HAIRPIN("{" NAME("a") I4 E4 PORTS("25") LAN("10.10.10.0/24") "}"), "25", false},
	};

	nm_each(row, rows) {
		struct nm_mappings mappings = {0};
		struct nm_config c;
		struct nm_err err;

		nm_config_init(&c);
		if (nm_config_parse(&c, row->statics, strlen(row->statics), "f", &err) == 0 &&
			nm_mappings_parse(row->mapping, &mappings, &err) == 0 && c.statics.n == 1)
			tap_ok(nm_static_nat_overlaps(c.statics.v, mappings.v) == row->expected, "%s %s %s",
				row->mapping, row->expected ? "overlaps" : "does not overlap", row->statics);
		else
			tap_ok(false, "%s, %s", row->mapping, row->statics);
		nm_mappings_done(&mappings);
		nm_config_done(&c);
	}
}

int main(void)
{
	test_texts();
	test_limits();
	test_longest();
	test_overlaps();
	return tap_done();
}
