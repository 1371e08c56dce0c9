/*
 * input/oci_state.c: what a state parses to is shown as "ID STATUS PID BUNDLE PORTS ADDRESS INTERFACE ALLOW"
 * with - for what is absent, or as "!" and the error.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "input/oci_state.h"
#include "tap.h"

enum { SUMMARY_MAX = 4096 };

#define PUB           NM_OCI_STATE_PUBLISH
#define DEL           NM_OCI_STATE_WITHDRAW
#define TEXT(literal) literal, sizeof(literal) - 1
#define NOT_OURS      "- - 0 - - - - -"

/* A good state around the annotations. */
#define STATE(annotations) TEXT("{\"id\":\"c\",\"pid\":9,\"annotations\":{" annotations "}}")
/* A state with a port around other members. */
#define PORTS(members) TEXT("{\"annotations\":{\"io.natmap.ports\":\"80\"}" members "}")
#define ID_FAULT       "!container state: id: has characters other than letters, digits and _+,.-"

static const char *parse(
	const char *text, size_t len, enum nm_oci_state_use use, char out[static SUMMARY_MAX])
{
	struct nm_oci_state st;
	struct nm_err err;

	if (nm_oci_state_parse(text, len, use, NULL, &st, &err) < 0) {
		(void)snprintf(
			out, SUMMARY_MAX, "!%s%s", err.kind == NM_ERR_REFUSED ? "" : "(kind) ", err.msg);
		return out;
	}
#define OR_DASH(member) st.member ? st.member : "-"
	(void)snprintf(out, SUMMARY_MAX, "%s %s %jd %s %s %s %s %s", OR_DASH(id), OR_DASH(status),
		(intmax_t)st.pid, OR_DASH(bundle), OR_DASH(ports), OR_DASH(address), OR_DASH(interface),
		OR_DASH(allow));
	if (st.network)
		(void)snprintf(out + strlen(out), SUMMARY_MAX - strlen(out), " network=%s", st.network);
	if (st.unpublishable)
		(void)snprintf(out, SUMMARY_MAX, "unpublishable");
	nm_oci_state_done(&st);
	return out;
}

struct row {
	const char *name;
	enum nm_oci_state_use use;
	const char *text;
	size_t len;
	const char *expected;
};

static void run(const struct row *rows, size_t n)
{
	static char out[SUMMARY_MAX];

	for (size_t i = 0; i < n; i++)
		tap_is(parse(rows[i].text, rows[i].len, rows[i].use, out), rows[i].expected, "%s",
			rows[i].name);
}
#define RUN(rows) run(rows, sizeof(rows) / sizeof(*(rows)))

static void test_runtimes(void)
{
	static const struct row rows[] = {
		{"runc, createRuntime", PUB,
			TEXT("{\"ociVersion\":\"1.0.2-dev\",\"id\":\"t1\",\"status\":\"creating\",\"pid\":"
			     "17834,"
			     "\"bundle\":\"/b/t1\",\"annotations\":{\"io.natmap.ports\":\"8080:80,53:53/"
			     "udp\"}}"),
			"t1 creating 17834 /b/t1 8080:80,53:53/udp - - -"},
		{"runc, poststop", DEL,
			TEXT("{\"ociVersion\":\"1.0.2-dev\",\"id\":\"t1\",\"status\":\"stopped\",\"bundle\":"
			     "\"/b/t1\","
			     "\"annotations\":{\"io.natmap.ports\":\"8080:80\"}}"),
			"t1 - 0 /b/t1 - - - -"},
		{"crun, createRuntime", PUB,
			TEXT("{\n\"ociVersion\": \"1.0\", \"id\": \"t1\", \"pid\": 88, \"root\": \"rootfs\", "
			     "\"bundle\": \"/\", \"status\": \"created\", \"annotations\": {\n"
			     "\"io.natmap.interface\": \"eth1\", \"io.natmap.ports\": \"80\"}\n}\n"),
			"t1 created 88 / 80 - eth1 -"},
		{"crun, poststop", DEL,
			TEXT("{\"id\":\"t1\",\"pid\":0,\"root\":\"rootfs\",\"bundle\":\"b\",\"status\":"
			     "\"stopped\"}"),
			"t1 - 0 b - - - -"},
		{"podman, createRuntime", PUB,
			TEXT("{\"id\":\"0a1b\",\"status\":\"created\",\"pid\":88,\"bundle\":\"/var/lib/"
			     "containers/0a1b\","
			     "\"annotations\":{\"io.container.manager\":\"libpod\",\"io.kubernetes.cri-o."
			     "TTY\":\"false\","
			     "\"io.natmap.allow\":\"10.0.0.0/8\",\"io.natmap.ports\":\"80\","
			     "\"io.podman.annotations.autoremove\":\"FALSE\"}}"),
			"0a1b created 88 /var/lib/containers/0a1b 80 - - 10.0.0.0/8"},
		{"containerd, CRI", PUB,
			TEXT("{\"ociVersion\":\"1.0.2-dev\",\"id\":\"f00d\",\"status\":\"creating\",\"pid\":"
			     "4194303,"
			     "\"bundle\":\"/run/containerd/io.containerd.runtime.v2.task/k8s.io/"
			     "f00d\",\"annotations\":{"
			     "\"io.kubernetes.cri.container-type\":\"container\",\"io.natmap.address\":\"10."
			     "1.2.3/24\","
			     "\"io.kubernetes.container.ports\":\"[{\\\"hostPort\\\":8080}]\",\"io.natmap."
			     "ports\":\"80\"}}"),
			"f00d creating 4194303 /run/containerd/io.containerd.runtime.v2.task/k8s.io/f00d 80 "
			"10.1.2.3/24 - -"},
		{"kata", PUB,
			TEXT("{\"ociVersion\":\"\",\"id\":\"k\",\"status\":\"\",\"pid\":5,\"bundle\":\"/b\","
			     "\"annotations\":{\"io.natmap.ports\":\"80\",\"nerdctl/network-namespace\":\"/"
			     "n\"}}"),
			"k  5 /b 80 - - -"},
		{"youki", PUB,
			TEXT("{\"id\":\"y\",\"status\":\"created\",\"pid\":5,\"bundle\":\"/"
			     "b\",\"created\":\"2024\","
			     "\"creator\":0,\"useSystemd\":true,\"cleanUpIntelRdtSubdirectory\":null}"),
			"y created 5 /b - - - -"},
		{"Go's escapes", PUB, STATE("\"io.natmap.ports\":\"\\u003c80\\u0026\\u003e\""),
			"c - 9 - <80&> - - -"},
	};

	RUN(rows);
}

static void test_ours(void)
{
	static const struct row rows[] = {
		{"key spelled with escapes", PUB, STATE("\"io\\u002enatmap\\u002eports\":\"80\""),
			"c - 9 - 80 - - -"},
		{"key spelled with capital escapes", PUB, STATE("\"io\\u002Enatmap.\\u0070orts\":\"80\""),
			"c - 9 - 80 - - -"},
		{"empty ports are none", PUB, STATE("\"io.natmap.ports\":\"\""), "c - 9 - - - - -"},
		{"blank ports are none", PUB, STATE("\"io.natmap.ports\":\" \\n\\t\""), "c - 9 - - - - -"},
		{"ports as YAML has them", PUB, STATE("\"io.natmap.ports\":\"80,\\r\\n\\t81,\\n\""),
			"c - 9 - 80,   81 - - -"},
		{"a comma alone is not nothing", PUB, STATE("\"io.natmap.ports\":\",\""), "c - 9 - , - - -"},
		{"two commas stay", PUB, STATE("\"io.natmap.ports\":\"80,,\""), "c - 9 - 80, - - -"},
		{"annotations first", PUB, PORTS(",\"pid\":9,\"id\":\"c\""), "c - 9 - 80 - - -"},
		{"id missing", PUB, PORTS(",\"pid\":9"), "!container state: id: missing"},
		{"id of wrong type", PUB, PORTS(",\"pid\":9,\"id\":7"),
			"!container state: id: expected a string"},
		{"id null", PUB, PORTS(",\"pid\":9,\"id\":null"), "!container state: id: expected a string"},
		{"id empty", PUB, PORTS(",\"pid\":9,\"id\":\"\""), "!container state: id: is empty"},
		{"id twice", PUB, PORTS(",\"pid\":9,\"id\":\"a\",\"id\":\"a\""),
			"!container state: id: given twice"},
		{"id with every allowed kind", PUB, PORTS(",\"pid\":9,\"id\":\"aZ09_+,.-\""),
			"aZ09_+,.- - 9 - 80 - - -"},
		{"id with /", PUB, PORTS(",\"pid\":9,\"id\":\"../x\""), ID_FAULT},
		{"id with :", PUB, PORTS(",\"pid\":9,\"id\":\"a:80\""), ID_FAULT},
		{"id with @", PUB, PORTS(",\"pid\":9,\"id\":\"@dnat\""), ID_FAULT},
		{"id with a blank", PUB, PORTS(",\"pid\":9,\"id\":\"a b\""), ID_FAULT},
		{"id with a quote", PUB, PORTS(",\"pid\":9,\"id\":\"a\\\"b\""), ID_FAULT},
		{"id beyond ASCII", PUB, PORTS(",\"pid\":9,\"id\":\"\\u00e9\""), ID_FAULT},
		{"id with a newline", PUB, PORTS(",\"pid\":9,\"id\":\"a\\nb\""),
			"!container state: id: control characters are not allowed"},
		{"id with NUL", PUB, PORTS(",\"pid\":9,\"id\":\"a\\u0000b\""),
			"!container state: id: control characters are not allowed"},
		{"pid missing", PUB, PORTS(",\"id\":\"c\""), "!container state: pid: missing"},
		{"pid 0", PUB, PORTS(",\"id\":\"c\",\"pid\":0"),
			"!container state: pid: is 0, but a container that is to be published has a process"},
		{"pid negative", PUB, PORTS(",\"id\":\"c\",\"pid\":-1"),
			"!container state: pid: expected a whole number from 0 to 4194304"},
		{"pid too large", PUB, PORTS(",\"id\":\"c\",\"pid\":4194305"),
			"!container state: pid: expected a whole number from 0 to 4194304"},
		{"pid larger than 64 bits", PUB, PORTS(",\"id\":\"c\",\"pid\":18446744073709551617"),
			"!container state: pid: expected a whole number from 0 to 4194304"},
		{"pid a fraction", PUB, PORTS(",\"id\":\"c\",\"pid\":9.0"),
			"!container state: pid: expected a whole number from 0 to 4194304"},
		{"pid a string", PUB, PORTS(",\"id\":\"c\",\"pid\":\"9\""),
			"!container state: pid: expected a whole number from 0 to 4194304"},
		{"pid twice", PUB, PORTS(",\"id\":\"c\",\"pid\":0,\"pid\":9"),
			"!container state: pid: given twice"},
		{"bundle of wrong type", PUB, PORTS(",\"id\":\"c\",\"pid\":9,\"bundle\":[]"),
			"!container state: bundle: expected a string"},
		{"bundle twice", PUB, PORTS(",\"id\":\"c\",\"pid\":9,\"bundle\":\"a\",\"bundle\":\"b\""),
			"!container state: bundle: given twice"},
		{"status of wrong type", PUB, PORTS(",\"id\":\"c\",\"pid\":9,\"status\":1"),
			"!container state: status: expected a string"},
		{"problem before the annotations", PUB,
			TEXT("{\"status\":1,\"id\":\"c\",\"pid\":9,\"annotations\":{\"io.natmap.ports\":"
			     "\"80\"}}"),
			"!container state: status: expected a string"},
		{"two problems: the first", PUB, PORTS(",\"pid\":[],\"id\":7,\"status\":1"),
			"!container state: pid: expected a whole number from 0 to 4194304"},
	};

	RUN(rows);
}

static void test_annotations(void)
{
	static const struct row rows[] = {
		{"ports a number", PUB, STATE("\"io.natmap.ports\":80"),
			"!container state: annotations.io.natmap.ports: expected a string"},
		{"ports null", PUB, STATE("\"io.natmap.ports\":null"),
			"!container state: annotations.io.natmap.ports: expected a string"},
		{"ports an object", PUB, STATE("\"io.natmap.ports\":{\"io.natmap.ports\":\"80\"}"),
			"!container state: annotations.io.natmap.ports: expected a string"},
		{"ports twice", PUB, STATE("\"io.natmap.ports\":\"80\",\"io\\u002enatmap.ports\":\"80\""),
			"!container state: annotations.io.natmap.ports: given twice"},
		{"allow twice", PUB,
			STATE("\"io.natmap.allow\":\"\",\"io.natmap.allow\":\"\",\"io.natmap.ports\":\"80\""),
			"!container state: annotations.io.natmap.allow: given twice"},
		{"ports twice in two objects", PUB,
			PORTS(",\"id\":\"c\",\"pid\":9,\"annotations\":{\"io.natmap.ports\":\"81\"}"),
			"!container state: annotations.io.natmap.ports: given twice"},
		{"ports with NUL", PUB, STATE("\"io.natmap.ports\":\"80\\u0000\""),
			"!container state: annotations.io.natmap.ports: control characters are not allowed"},
		{"ports not UTF-8", PUB, STATE("\"io.natmap.ports\":\"80\xff\""),
			"!container state: annotations.io.natmap.ports: not UTF-8"},
		{"allow with a form feed", PUB,
			STATE("\"io.natmap.ports\":\"80\",\"io.natmap.allow\":\"\\f\""),
			"!container state: annotations.io.natmap.allow: control characters are not allowed"},
		{"unknown key of ours", PUB, STATE("\"io.natmap.alow\":\"\",\"io.natmap.ports\":\"80\""),
			"!container state: annotation 'io.natmap.alow' is unknown to this version"},
		{"unknown key is shown on one line", PUB,
			STATE("\"io.natmap.a\\n\\u001b[m\":1,\"io.natmap.ports\":\"80\""),
			"!container state: annotation 'io.natmap.a??[m' is unknown to this version"},
		{"bare prefix", PUB, STATE("\"io.natmap.\":\"\",\"io.natmap.ports\":\"80\""),
			"!container state: annotation 'io.natmap.' is unknown to this version"},
		{"key of another case is unknown", PUB,
			STATE("\"io.natmap.Ports\":\"\",\"io.natmap.ports\":\"80\""),
			"!container state: annotation 'io.natmap.Ports' is unknown to this version"},
		{"neighbours of our prefix are not ours", PUB,
			STATE("\"io.natmapx.y\":1,\"io.natmap\":2,\"xio.natmap.z\":3,\"io.natmap.ports\":"
			      "\"80\""),
			"c - 9 - 80 - - -"},
		{"our key elsewhere is not ours", PUB,
			TEXT("{\"io.natmap.ports\":\"80\",\"x\":{\"io.natmap.ports\":\"80\"},\"annotations\":"
			     "{\"a\":{"
			     "\"io.natmap.ports\":\"80\"}}}"),
			NOT_OURS},
		{"oddities of foreign keys", PUB,
			STATE("\"a\":\"\xff\",\"b\":1e999999,\"a\":{},\"\\u0000\":\"\\u0000\",\"io.natmap."
			      "ports\":\"80\""),
			"c - 9 - 80 - - -"},
	};

	RUN(rows);
}

static void test_network(void)
{
	static const struct row rows[] = {
		{"a network alone", PUB, STATE("\"io.natmap.network\":\"bridge\""),
			"c - 9 - - - - - network=bridge"},
		{"a network with ports", PUB,
			STATE("\"io.natmap.network\":\"x\",\"io.natmap.ports\":\"80\",\"io.natmap.address\":"
			      "\"10.86.0.9\""),
			"c - 9 - 80 10.86.0.9 - - network=x"},
		{"a network with blank ports", PUB,
			STATE("\"io.natmap.ports\":\" \",\"io.natmap.network\":\"bridge\""),
			"c - 9 - - - - - network=bridge"},
		{"blank networks are none", PUB, STATE("\"io.natmap.network\":\" \\n\""), "c - 9 - - - - -"},
		{"a blank network with ports", PUB,
			STATE("\"io.natmap.network\":\"\",\"io.natmap.ports\":\"80\""), "c - 9 - 80 - - -"},
		{"network a number", PUB, STATE("\"io.natmap.network\":1"),
			"!container state: annotations.io.natmap.network: expected a string"},
		{"network twice", PUB,
			STATE("\"io.natmap.network\":\"bridge\",\"io.natmap.network\":\"bridge\""),
			"!container state: annotations.io.natmap.network: given twice"},
		{"a network without a process", PUB,
			TEXT("{\"id\":\"c\",\"annotations\":{\"io.natmap.network\":\"bridge\"}}"),
			"!container state: pid: missing"},
		{"an unknown key beside a network", PUB,
			STATE("\"io.natmap.network\":\"bridge\",\"io.natmap.mtu\":\"9\""),
			"!container state: annotation 'io.natmap.mtu' is unknown to this version"},
		{"no part of a withdraw", DEL, STATE("\"io.natmap.network\":1"), "c - 0 - - - - -"},
	};

	RUN(rows);
}

static void test_forgiven(void)
{
	static const struct row rows[] = {
		{"empty input", PUB, TEXT(""), NOT_OURS},
		{"no JSON", PUB, TEXT("hello \\ world"), NOT_OURS},
		{"raw NUL", PUB, TEXT("{\"id\":\"a\0b\"}"), NOT_OURS},
		{"truncated", PUB, TEXT("{\"id\":\"c\",\"annot"), "c - 0 - - - - -"},
		{"not an object", PUB, TEXT("[\"io.natmap.ports\"]"), NOT_OURS},
		{"everything of wrong type", PUB,
			TEXT("{\"id\":[],\"pid\":\"x\",\"status\":{},\"bundle\":1,\"annotations\":7}"),
			NOT_OURS},
		{"bad id and pid", PUB, TEXT("{\"id\":\"a/b\",\"pid\":-5}"), NOT_OURS},
		{"everything twice", PUB, TEXT("{\"id\":\"a\",\"id\":\"b\",\"pid\":1,\"pid\":2}"),
			"a - 1 - - - - -"},
		{"other annotations of ours alone", PUB, STATE("\"io.natmap.alow\":1,\"io.natmap.allow\":1"),
			"c - 9 - - - - -"},
		{"no JSON, but it speaks of us", PUB, TEXT("{\"annotations\":{\"io.natmap.ports\":"),
			"!container state: not valid JSON: premature EOF in line 1"},
		{"garbage after our escaped annotation", PUB, STATE("\"io\\u002enatmap.ports\":\"80\"}}}"),
			"!container state: not valid JSON: trailing garbage in "
			"line 1"},
	};

	RUN(rows);
}

static void test_withdraw(void)
{
	static const struct row rows[] = {
		{"only id and bundle are read", DEL,
			TEXT("{\"id\":\"c\",\"bundle\":\"/"
			     "b\",\"pid\":{},\"pid\":\"x\",\"status\":[],\"annotations\":{"
			     "\"io.natmap.ports\":1,\"io.natmap.ports\":2,\"io.natmap.alow\":3}}"),
			"c - 0 /b - - - -"},
		{"id alone", DEL, TEXT("{\"id\":\"c\"}"), "c - 0 - - - - -"},
		{"id missing at withdraw", DEL, TEXT("{}"), "!container state: id: missing"},
		{"id bad at withdraw", DEL, TEXT("{\"id\":\"a/b\"}"), "unpublishable"},
		{"id no string at withdraw", DEL, TEXT("{\"id\":7}"), "unpublishable"},
		{"id twice at withdraw", DEL, TEXT("{\"id\":\"a\",\"id\":\"b\"}"), "unpublishable"},
		{"bundle twice at withdraw", DEL, TEXT("{\"id\":\"a\",\"bundle\":\"b\",\"bundle\":\"b\"}"),
			"unpublishable"},
		{"bundle no string at withdraw", DEL, TEXT("{\"bundle\":[],\"id\":\"a\"}"), "unpublishable"},
		{"no JSON at withdraw", DEL, TEXT("x"),
			"!container state: not valid JSON: invalid char in json text in line 1"},
		{"nothing at withdraw", DEL, TEXT(""),
			"!container state: not valid JSON: premature EOF in line 1"},
	};

	RUN(rows);
}

static void test_long_ids(void)
{
	static char text[2048], out[SUMMARY_MAX];
	int len = snprintf(text, sizeof(text), "{\"id\":\"%0*d\"}", NM_ID_MAX, 0);

	tap_ok(*parse(text, (size_t)len, DEL, out) == '0', "id of 1024 bytes");
	len = snprintf(text, sizeof(text), "{\"id\":\"%0*d\"}", NM_ID_MAX + 1, 0);
	tap_is(parse(text, (size_t)len, DEL, out), "unpublishable", "id of 1025 bytes");
}

/* before, then n opening brackets, then after. */
static const char *parse_nested(const char *before, size_t n, const char *after, char out[static SUMMARY_MAX])
{
	size_t len = strlen(before) + n + strlen(after);
	nm_autofree char *text = malloc(len + 1);

	memcpy(text, before, strlen(before));
	memset(text + strlen(before), '[', n);
	memcpy(text + strlen(before) + n, after, strlen(after) + 1);
	return parse(text, len, PUB, out);
}

static void test_nesting(void)
{
	static const char too_deep[] = "!container state: not valid JSON: nested more than 64 levels deep";
	static char out[SUMMARY_MAX];

	tap_is(parse_nested("", 4000000, "", out), NOT_OURS, "4,000,000 brackets");
	tap_is(parse_nested("{\"x\":", 100, "", out), NOT_OURS, "deep nesting without our annotation");
	tap_is(parse_nested("{\"x\":", 100, "\"io.natmap.ports\"", out), too_deep,
		"deep nesting before our annotation");
	tap_is(parse_nested("{\"annotations\":{\"io\\u002enatmap.ports\":\"1\"},\"x\":", 4000000, "", out),
		too_deep, "4,000,000 brackets after our annotation");
	tap_is(parse_nested("{\"id\":\"c\",\"pid\":9,\"annotations\":{\"io.natmap.ports\":\"1\"},\"x\":", 3,
		       "]]]}", out),
		"c - 9 - 1 - - -", "some nesting beside our annotation");
}

static void test_concerns_us(void)
{
	static const struct {
		const char *text;
		size_t len;
		bool expected;
	} rows[] = {
		{TEXT("{\"io.natmap.ports\":"), true},
		{TEXT("{\"io.natmap.ports\" \t\r\n:"), true},
		{TEXT("{\"io\\u002enatmap.\\u0070orts\":\"80\"}"), true},
		{TEXT("{\"\\u0069\\u006F\\u002E\\u006e\\u0061\\u0074\\u006d\\u0061\\u0070\\u002e\":1"), true},
		{TEXT("{\"a\":\"\\\\\",\"io.natmap.x\\\"y\":1}"), true},
		{TEXT("a\0\"io.natmap.ports\":"), true},
		{TEXT("{\"io.natmap.po"), true}, /* cut short: it may be a key */
		{TEXT("{\"io.natmap.po\\"), true},
		{TEXT("{\"io.natmap.ports\" "), true},
		{TEXT("{\"id\":\"io.natma\"}"), false},
		{TEXT("{\"io.natma\":1}"), false},
		{TEXT("{\"io.natma"), false},
		{TEXT("{\"io\\u002"), false},
		{TEXT("{\"io\\u002f.natmap.\":1}"), false},
		{TEXT("{\"org.io.natmap.ports\":\"80\"}"), false},
		{TEXT("{\"a\":\"io.natmap.ports\",\"b\":\"b\\\"c\"}"), false},
		{TEXT("{\"a\":\"{\\\"io.natmap.ports\\\":80}\"}"), false},
		{TEXT("io.natmap.ports\\"), false},
		{TEXT("\""), false},
		{TEXT(""), false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		tap_ok((nm_sources_scan(rows[i].text, rows[i].len) == 1) == rows[i].expected, "row %zu %s us",
			i, rows[i].expected ? "concerns" : "does not concern");
}

static void test_stopped(void)
{
	static const struct {
		const char *text;
		bool expected;
		pid_t pid;
	} rows[] = {
		{"{\"id\":\"a/b\",\"status\":\"stopped\",\"pid\":\"x\"}", true, 0},
		{"{\"status\":\"stopped\",\"pid\":0}", true, 0},
		{"{\"pid\":152,\"status\":\"stopped\"}", true, 152},
		{"{\"status\":\"stopped\",\"pid\":-1}", true, 0},
		{"{\"status\":\"stopped\",\"annotations\":{\"pid\":152}}", true, 0},
		{"{\"status\":\"running\",\"pid\":152}", false, 7},
		{"{\"annotations\":{\"status\":\"stopped\"}}", false, 7},
		{"{\"status\":\"stopped\"", false, 7}, /* cut short */
		{"{\"status\":[\"stopped\"]}", false, 7},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		pid_t pid = 7;

		tap_ok(nm_oci_state_is_stopped(rows[i].text, strlen(rows[i].text), &pid) ==
					rows[i].expected &&
				pid == rows[i].pid,
			"stopped or not: %s", rows[i].text);
	}
}

int main(void)
{
	test_runtimes();
	test_ours();
	test_annotations();
	test_network();
	test_forgiven();
	test_withdraw();
	test_long_ids();
	test_nesting();
	test_concerns_us();
	test_stopped();
	return tap_done();
}
