/* state/record.c: lines of the state file. A good line is written again as it was read; anything else is
 * refused.
 */
#include <stdlib.h>

#include "input/json.h"
#include "state/record_json.h"
#include "state/records.h"
#include "tap.h"

/* The record as a line in memory of the caller. */
static char *write_line(const struct nm_record *r)
{
	nm_autojsonwriter struct nm_json_writer *w = nm_json_writer_new();
	const char *text;
	struct nm_err err;
	size_t len;

	nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
	nm_json_write_integer(w, "live", 1);
	nm_record_json_write(r, w);
	nm_json_write_end(w, NM_JSON_OBJECT);
	text = nm_json_writer_finish(w, &len, &err);
	return text ? strdup(text) : NULL;
}

#define LINE(members) "{\"live\":1,\"id\":\"c\"," members "}"
#define IPTABLES      "\"backend\":\"iptables\","
#define ADDRESSES     "\"addresses\":[\"10.0.0.2/24\"],"
#define NETWORK(addresses, isolated)                                                                  \
	"\"network\":{\"bridge\":\"natmap0\",\"port\":\"nm0123456789ab\",\"addresses\":[\"" addresses \
	"\"],\"isolated\":" isolated "},"
#define PORTS "\"ports\":[\"80:80/tcp\"]"

static void test_round_trip(void)
{
	static const char *const lines[] = {
		LINE(IPTABLES ADDRESSES PORTS),
		LINE("\"pid\":7,\"start\":0," IPTABLES ADDRESSES PORTS),
		LINE("\"pid\":2147483647,\"start\":9223372036854775807," IPTABLES ADDRESSES PORTS),
		LINE("\"netns\":\"4:4026531840\"," IPTABLES ADDRESSES PORTS),
		LINE("\"netns\":\"18446744073709551615:18446744073709551615\"," IPTABLES ADDRESSES PORTS),
		LINE("\"bundle\":\"/b/c\"," IPTABLES ADDRESSES PORTS),
		LINE("\"bundle\":\"\"," IPTABLES ADDRESSES PORTS),
		LINE("\"bundle\":\"/a \\\"b\\\\\xc3\xa9\"," IPTABLES ADDRESSES PORTS),
		LINE(IPTABLES "\"addresses\":[\"fd00::2/64\"]," PORTS),
		LINE(IPTABLES "\"addresses\":[\"10.0.0.2/0\",\"fd00::2/128\"]," PORTS),
		LINE(IPTABLES "\"addresses\":[],\"lost\":[\"10.0.0.2/24\"]," PORTS),
		LINE(IPTABLES "\"addresses\":[\"fd00::2/64\"],\"lost\":[\"10.0.0.2/24\"],"
			      "\"interface\":\"eth1\",\"fixed\":true," PORTS),
		LINE(IPTABLES ADDRESSES "\"networks\":[\"10.99.0.0/24\",\"fd09::/64\"]," PORTS),
		LINE(IPTABLES ADDRESSES "\"localnet\":{\"interface\":\"br0\",\"set\":true}," PORTS),
		LINE(IPTABLES ADDRESSES
			"\"localnet\":{\"interface\":\"123456789012345\",\"set\":false}," PORTS),
		LINE(IPTABLES ADDRESSES "\"hairpin\":{\"interface\":\"a\\\"b\\\\c\",\"set\":true}," PORTS),
		LINE(IPTABLES ADDRESSES "\"hairpin\":{\"interface\":\"veth1\",\"set\":false}," PORTS),
		LINE(IPTABLES ADDRESSES
			"\"localnet\":{\"interface\":\"br0\",\"index\":1,\"set\":true},"
			"\"hairpin\":{\"interface\":\"veth1\",\"index\":2147483647,\"set\":true}," PORTS),
		LINE(IPTABLES ADDRESSES NETWORK("10.0.0.2/24\",\"fd00::2/64", "true") PORTS),
		LINE(IPTABLES "\"addresses\":[]," NETWORK("fd00::2/64", "false") "\"ports\":[]"),
		LINE(IPTABLES ADDRESSES "\"allow\":[]," PORTS),
		LINE(IPTABLES ADDRESSES "\"allow\":[\"10.1.2.3/8\",\"2001:db8::/32\",\"0.0.0.0/0\"]," PORTS),
		LINE(IPTABLES ADDRESSES "\"ports\":[\"8080:80/tcp\",\"192.0.2.1:53:53/udp\","
					"\"[2001:db8::1]:1:1/sctp\",\"0.0.0.0:2:2/tcp\",\"[::]:2:2/tcp\"]"),
		LINE(IPTABLES ADDRESSES "\"ports\":[\"8000-8010:80-90/tcp\"]"),
		LINE("\"pid\":17834,\"start\":12345,\"netns\":\"4:4026532001\",\"bundle\":\"/b\"," IPTABLES
		     "\"addresses\":[\"10.0.0.2/24\",\"fd00::2/64\"],"
		     "\"localnet\":{\"interface\":\"br0\",\"set\":true},"
		     "\"hairpin\":{\"interface\":\"veth1\",\"set\":true},"
		     "\"allow\":[\"10.0.0.0/8\"],\"ports\":[\"80:80/tcp\"]"),
	};

	nm_each(line, lines) {
		struct nm_record r = {0};
		struct nm_err err = {.msg = ""};
		nm_autofree char *again = NULL;

		if (nm_record_json_read(*line, strlen(*line), &r, &err) == 0)
			again = write_line(&r);
		tap_is(again ? again : err.msg, *line, "round trip of line %td", line - lines);
		nm_record_done(&r);
		tap_ok(!r.id && !r.bundle && !r.allow.v && !r.mappings.v, "and it is empty afterwards");
	}
}

static void test_members(void)
{
	static const char line[] = LINE(
		"\"pid\":17834,\"start\":12345,\"netns\":\"4:4026532001\","
		"\"bundle\":\"/b\"," IPTABLES ADDRESSES "\"localnet\":{\"interface\":\"br0\",\"set\":true},"
		"\"hairpin\":{\"interface\":\"veth1\",\"set\":false},"
		"\"allow\":[\"fd00::/8\"]," PORTS);
	struct nm_record r = {0}, other = {.netns = {4, 4026532001}}, unknown = {0};
	struct nm_err err;
	char text[NM_MAPPING_STRLEN];

	if (!tap_ok(nm_record_json_read(line, strlen(line), &r, &err) == 0, "a full line"))
		return;
	tap_is(r.id, "c", "id");
	tap_ok(r.pid == 17834 && r.start == 12345, "process");
	tap_ok(r.netns.dev == 4 && r.netns.ino == 4026532001, "network namespace");
	tap_is(r.bundle, "/b", "bundle");
	tap_ok(r.families == NM_IPV4_BIT, "families");
	tap_is(nm_prefix_print(&r.address[NM_IPV4], text), "10.0.0.2/24", "address");
	tap_is(r.localnet, "br0", "localnet");
	tap_is(r.bridge_port, "veth1", "bridge port");
	tap_ok(r.localnet_set && !r.hairpin_set, "who switched them on");
	tap_ok(r.restricted && r.allow.n == 1, "allow");
	tap_is(nm_mapping_print(r.mappings.v, text), "80:80/tcp", "mapping");
	tap_ok(nm_record_same_netns(&r, &other), "the same network namespace");
	other.netns.dev = 5;
	tap_ok(!nm_record_same_netns(&r, &other), "another network namespace");
	tap_ok(!nm_record_same_netns(&unknown, &unknown), "unknown network namespaces are not the same");
	nm_record_done(&r);
}

static void test_hold(void)
{
	static const char line[] =
		LINE(IPTABLES "\"addresses\":[\"10.0.0.2/24\",\"fd00::2/64\"],"
			      "\"localnet\":{\"interface\":\"br0\",\"index\":3,\"set\":true},"
			      "\"hairpin\":{\"interface\":\"veth1\",\"index\":4,\"set\":true}," PORTS);
	static const struct {
		unsigned lost;
		const char *text;
	} cases[] = {
		{0, line},
		{NM_IPV6_BIT,
			LINE(IPTABLES
				"\"addresses\":[\"10.0.0.2/24\"],\"lost\":[\"fd00::2/64\"],"
				"\"localnet\":{\"interface\":\"br0\",\"index\":3,\"set\":true},"
				"\"hairpin\":{\"interface\":\"veth1\",\"index\":4,\"set\":true}," PORTS)},
		{NM_IPV4_BIT,
			LINE(IPTABLES
				"\"addresses\":[\"fd00::2/64\"],\"lost\":[\"10.0.0.2/24\"],"
				"\"hairpin\":{\"interface\":\"veth1\",\"index\":4,\"set\":true}," PORTS)},
		{NM_BOTH_FAMILIES,
			LINE(IPTABLES "\"addresses\":[],\"lost\":[\"10.0.0.2/24\",\"fd00::2/64\"]," PORTS)},
	};

	nm_each(c, cases) {
		nm_autorecord struct nm_record r = {0};
		nm_autofree char *text = NULL;
		struct nm_err err;

		if (!tap_ok(nm_record_json_read(line, strlen(line), &r, &err) == 0, "a line to hold"))
			continue;
		nm_record_hold(&r, c->lost);
		text = write_line(&r);
		tap_is(text, c->text, "what is left without families %u", c->lost);
	}
}

#define WITH_PORTS(list)     LINE(IPTABLES ADDRESSES "\"ports\":[" list "]")
#define WITH_ADDRESSES(list) LINE(IPTABLES "\"addresses\":[" list "]," PORTS)
#define NOT_OURS             ": not as natmap writes it"
#define INCOMPLETE           "record without id, ports or address"

static void test_damaged(void)
{
	static const struct {
		const char *line, *expected; /* NULL: whatever it says */
	} rows[] = {
		{"", NULL},
		{"{", NULL},
		{"\"x\"", INCOMPLETE},
		{"{}", INCOMPLETE},
		{"{\"live\":1,\"id\":\"c\"}", INCOMPLETE},
		{LINE(IPTABLES ADDRESSES "\"ports\":[]"), INCOMPLETE},
		{LINE(IPTABLES "\"addresses\":[]," PORTS), INCOMPLETE},
		{LINE("\"network\":{\"bridge\":\"natmap0\"}," ADDRESSES PORTS), INCOMPLETE},
		{LINE("\"network\":{\"port\":\"nm1\"}," ADDRESSES "\"ports\":[]"), INCOMPLETE},
		{LINE("\"network\":{\"bridge\":\"1234567890123456\"}," ADDRESSES PORTS),
			"network.bridge" NOT_OURS},
		{LINE("\"network\":{\"addresses\":[\"fd00::2/64\",\"fd00::3/64\"]}," ADDRESSES PORTS),
			"network.addresses[1]" NOT_OURS},
		{LINE("\"network\":[[\"10.0.0.2/24\"]]"), INCOMPLETE},
		{"{\"live\":1," ADDRESSES PORTS "}", INCOMPLETE},
		{LINE(IPTABLES ADDRESSES "\"ports\":[\"80:80/tcp\""), NULL},
		{LINE(IPTABLES ADDRESSES PORTS) "}", NULL},
		{LINE(IPTABLES ADDRESSES PORTS) LINE(IPTABLES ADDRESSES PORTS), NULL},
		{LINE("\"id\":\"d\"," ADDRESSES PORTS), "id" NOT_OURS},
		{LINE("\"bundle\":\"/a\",\"bundle\":\"/b\"," ADDRESSES PORTS), "bundle" NOT_OURS},
		{"{\"live\":1,\"id\":7," ADDRESSES PORTS "}", "id: expected a string"},
		{"{\"live\":1,\"id\":\"a\\u0000b\"," ADDRESSES PORTS "}", NULL},
		{LINE("\"bundle\":null," ADDRESSES PORTS), "bundle: expected a string"},
		{LINE("\"pid\":-1," ADDRESSES PORTS), NULL},
		{LINE("\"pid\":2147483648," ADDRESSES PORTS), NULL},
		{LINE("\"pid\":\"7\"," ADDRESSES PORTS), NULL},
		{LINE("\"pid\":7,\"start\":9223372036854775808," ADDRESSES PORTS), NULL},
		{LINE("\"netns\":7," ADDRESSES PORTS), "netns" NOT_OURS},
		{LINE("\"netns\":\"7\"," ADDRESSES PORTS), "netns" NOT_OURS},
		{LINE("\"netns\":\"7:8:9\"," ADDRESSES PORTS), "netns" NOT_OURS},
		{LINE("\"netns\":\"\"," ADDRESSES PORTS), "netns" NOT_OURS},
		{LINE("\"netns\":\"0000000000000000000000000000000000000000000000:1\"," ADDRESSES PORTS),
			"netns" NOT_OURS},
		{WITH_ADDRESSES("7"), "addresses[0]" NOT_OURS},
		{WITH_ADDRESSES("\"\""), "addresses[0]" NOT_OURS},
		{WITH_ADDRESSES("\"10.0.0.2\""), "addresses[0]" NOT_OURS},
		{WITH_ADDRESSES("\"10.0.0.2/33\""), "addresses[0]" NOT_OURS},
		{WITH_ADDRESSES("\"FD00::2/64\""), "addresses[0]" NOT_OURS},
		{WITH_ADDRESSES("\"10.0.0.2/24\\u0000\""), "addresses[0]" NOT_OURS},
		{WITH_ADDRESSES("\"10.0.0.2/24\",\"10.0.0.3/24\""), "addresses[1]" NOT_OURS},
		{LINE(ADDRESSES "\"allow\":[\"x\"]," PORTS), "allow[0]" NOT_OURS},
		{LINE(ADDRESSES "\"allow\":[\"10.0.0.0/8\",7]," PORTS), "allow[1]" NOT_OURS},
		{LINE(ADDRESSES "\"localnet\":{\"interface\":\"1234567890123456\"}," PORTS),
			"localnet.interface" NOT_OURS},
		{LINE(ADDRESSES "\"hairpin\":{\"interface\":7}," PORTS), "hairpin.interface" NOT_OURS},
		{WITH_PORTS("80"), "ports[0]" NOT_OURS},
		{WITH_PORTS("\"\""), "ports[0]" NOT_OURS},
		{WITH_PORTS("\"x\""), "ports[0]" NOT_OURS},
		{WITH_PORTS("\"80:80/tcp,81:81/tcp\""), "ports[0]" NOT_OURS},
		{WITH_PORTS("\"80:80/tcp,\""), "ports[0]" NOT_OURS},
		{WITH_PORTS("\"80:80/tcp\",\"81\""), "ports[1]" NOT_OURS},
		{WITH_PORTS("\"80:80\""), "ports[0]" NOT_OURS},
		{WITH_PORTS("\"80:80/TCP\""), "ports[0]" NOT_OURS},
		{WITH_PORTS("\" 80:80/tcp\""), "ports[0]" NOT_OURS},
		{WITH_PORTS("\"80-80:80-80/tcp\""), "ports[0]" NOT_OURS},
		{WITH_PORTS("\"0:80/tcp\""), "ports[0]" NOT_OURS},
		{WITH_PORTS("\"80:80/tcp\\u0000\""), "ports[0]" NOT_OURS},
		{WITH_PORTS("\"[::1]:80:80/tcp\""), "ports[0]" NOT_OURS},
	};

	nm_each(row, rows) {
		size_t len = strlen(row->line);
		nm_autofree char *line = malloc(len ? len : 1);
		struct nm_record r = {0};
		struct nm_err err = {.msg = ""};
		int rc;

		memcpy(line, row->line, len);
		rc = nm_record_json_read(line, len, &r, &err);
		tap_ok(rc == -1 && err.msg[0] && !r.id, "refused: %s", row->line);
		if (row->expected)
			tap_is(err.msg, row->expected, "and why");
		if (rc == 0)
			nm_record_done(&r);
	}
}

/* Every line that was cut short is refused: what a torn write leaves. */
static void test_torn(void)
{
	static const char line[] = LINE(IPTABLES ADDRESSES PORTS);
	size_t refused = 0;

	for (size_t len = 0; len < sizeof(line) - 1; len++) {
		nm_autofree char *part = malloc(len ? len : 1);
		struct nm_record r = {0};
		struct nm_err err;

		memcpy(part, line, len);
		refused += nm_record_json_read(part, len, &r, &err) == -1;
		nm_record_done(&r);
	}
	tap_ok(refused == sizeof(line) - 1, "every beginning of a line is refused");
}

static void test_list(void)
{
	struct nm_records list = {0};
	struct nm_err err;
	bool in_order = true;

	for (int i = 1; i <= 100; i++) {
		struct nm_record r = {.id = strdup("c"), .pid = i};

		if (nm_records_add(&list, &r, &err) < 0 || r.id)
			tap_ok(false, "a record is moved to the list");
	}
	for (size_t i = 0; i < list.n; i++)
		in_order &= list.v[i].pid == (pid_t)i + 1;
	tap_ok(list.n == 100 && in_order, "records stay in order");
	nm_records_done(&list);
	tap_ok(!list.v && !list.n && !list.capacity, "and are gone afterwards");
}

int main(void)
{
	test_round_trip();
	test_members();
	test_hold();
	test_damaged();
	test_torn();
	test_list();
	return tap_done();
}
