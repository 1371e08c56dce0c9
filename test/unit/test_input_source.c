/* input/source.c: annotations of other tools as io.natmap.ports, which keys a text has; and through
 * input/oci_state.c, which of several counts. */
#include <stdio.h>
#include <string.h>

#include "input/oci_state.h"
#include "model/mapping.h"
#include "tap.h"

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct nm_sources all = {
	{NM_SOURCE_KUBELET, NM_SOURCE_CRIO, NM_SOURCE_NATMAP, NM_SOURCE_NERDCTL}, NM_SOURCE_MAX};
static const struct nm_sources others = {{NM_SOURCE_NERDCTL, NM_SOURCE_KUBELET}, 2};
static const struct nm_sources crio = {{NM_SOURCE_NATMAP, NM_SOURCE_CRIO}, 2};

static void test_read(void)
{
	static const struct {
		enum nm_source source;
		const char *text, *expected; /* NULL: none */
	} rows[] = {
		/* as the tools write them */
		{NM_SOURCE_NERDCTL,
			"[{\"HostPort\":8080,\"ContainerPort\":80,\"Protocol\":\"tcp\",\"HostIP\":\"0.0.0."
			"0\"},"
			"{\"HostPort\":69,\"ContainerPort\":69,\"Protocol\":\"udp\",\"HostIP\":\"192.0.2.1\"}"
			"]",
			"0.0.0.0:8080:80/tcp,192.0.2.1:69:69/udp"},
		{NM_SOURCE_CRIO,
			"[{\"HostPort\":8080,\"ContainerPort\":80,\"Protocol\":\"TCP\",\"HostIP\":\"\"},"
			"{\"HostPort\":53,\"ContainerPort\":5353,\"Protocol\":\"UDP\",\"HostIP\":\"::\"}]",
			"8080:80/tcp,[::]:53:5353/udp"},
		{NM_SOURCE_KUBELET,
			"[{\"name\":\"web\",\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"TCP\"},"
			"{\"containerPort\":81},{\"hostPort\":99,\"containerPort\":9,\"protocol\":\"SCTP\","
			"\"hostIP\":\"fd00::1\"}]",
			"8080:80/tcp,[fd00::1]:99:9/sctp"},
		/* none */
		{NM_SOURCE_KUBELET, "[{\"containerPort\":80,\"protocol\":\"TCP\"}]", NULL},
		{NM_SOURCE_KUBELET, "[{\"hostPort\":0,\"containerPort\":80}]", NULL},
		{NM_SOURCE_CRIO, "[]", NULL},
		{NM_SOURCE_CRIO, " null ", NULL},
		{NM_SOURCE_CRIO, "[{}]", NULL},
		/* absent and unknown members */
		{NM_SOURCE_KUBELET, "[{\"hostPort\":1,\"containerPort\":2}]", "1:2/tcp"},
		{NM_SOURCE_KUBELET,
			"[{\"HOSTPORT\":1,\"containerport\":2,\"protocol\":null,\"hostIP\":null}]",
			"1:2/tcp"},
		{NM_SOURCE_KUBELET,
			"[{\"x\":[{\"hostPort\":9}],\"y\":{\"hostPort\":8},\"hostPort\":1,\"containerPort\":"
			"2,"
			"\"protocol\":\"\"}]",
			"1:2/tcp"},
		/* what the grammar of io.natmap.ports refuses later */
		{NM_SOURCE_KUBELET, "[{\"hostPort\":1}]", "1:0/tcp"},
		{NM_SOURCE_NERDCTL, "[{\"HostPort\":1,\"ContainerPort\":1,\"HostIP\":\"224.0.0.1\"}]",
			"224.0.0.1:1:1/tcp"},
		/* ranges, which nerdctl takes apart */
		{NM_SOURCE_NERDCTL,
			"[{\"HostPort\":8000,\"ContainerPort\":80},{\"HostPort\":8001,\"ContainerPort\":81},"
			"{\"HostPort\":8002,\"ContainerPort\":82},{\"HostPort\":8004,\"ContainerPort\":83},"
			"{\"HostPort\":8005,\"ContainerPort\":84,\"Protocol\":\"udp\"},"
			"{\"HostPort\":8006,\"ContainerPort\":85,\"Protocol\":\"udp\",\"HostIP\":\"::\"}]",
			"8000-8002:80-82/tcp,8004:83/tcp,8005:84/udp,[::]:8006:85/udp"},
		{NM_SOURCE_NERDCTL,
			"[{\"HostPort\":65534,\"ContainerPort\":65534},{\"HostPort\":65535,"
			"\"ContainerPort\":65535},{\"HostPort\":1,\"ContainerPort\":1}]",
			"65534-65535:65534-65535/tcp,1:1/tcp"},
		{NM_SOURCE_NERDCTL,
			"[{\"HostPort\":1,\"ContainerPort\":65535},{\"HostPort\":2,\"ContainerPort\":0}]",
			"1:65535/tcp,2:0/tcp"},
		{NM_SOURCE_KUBELET,
			"[{\"hostPort\":1,\"containerPort\":1},{\"hostPort\":2,\"containerPort\":2}]",
			"1:1/tcp,2:2/tcp"},
		/* refused */
		{NM_SOURCE_KUBELET, "", "!not valid JSON: premature EOF in line 1"},
		{NM_SOURCE_KUBELET, "[{\"hostPort\":1,", "!not valid JSON: premature EOF in line 1"},
		{NM_SOURCE_KUBELET, "{\"hostPort\":1}", "!expected a list of objects"},
		{NM_SOURCE_KUBELET, "80", "!expected a list of objects"},
		{NM_SOURCE_KUBELET, "[80]", "![0]: expected an object"},
		{NM_SOURCE_KUBELET, "[[{\"hostPort\":1}]]", "![0]: expected an object"},
		{NM_SOURCE_KUBELET, "[{},{\"hostPort\":65536}]",
			"![1].hostPort: expected a whole number from 0 to 65535"},
		{NM_SOURCE_KUBELET, "[{\"hostPort\":-1}]",
			"![0].hostPort: expected a whole number from 0 to 65535"},
		{NM_SOURCE_KUBELET, "[{\"hostPort\":8e3}]",
			"![0].hostPort: expected a whole number from 0 to 65535"},
		{NM_SOURCE_KUBELET, "[{\"hostPort\":\"80\"}]",
			"![0].hostPort: expected a whole number from 0 to 65535"},
		{NM_SOURCE_KUBELET, "[{\"hostPort\":1,\"protocol\":\"ICMP\"}]",
			"![0].protocol: expected tcp, udp or sctp"},
		{NM_SOURCE_KUBELET, "[{\"hostPort\":1,\"protocol\":6}]",
			"![0].protocol: expected tcp, udp or sctp"},
		{NM_SOURCE_CRIO, "[{\"HostIP\":\"localhost\"}]", "![0].HostIP: expected an address"},
		{NM_SOURCE_CRIO, "[{\"HostIP\":\"1.2.3.4,80\"}]", "![0].HostIP: expected an address"},
		{NM_SOURCE_CRIO, "[{\"HostIP\":[\"1.2.3.4\"]}]", "![0].HostIP: expected an address"},
	};

	nm_each(row, rows) {
		nm_autofree char *got = NULL;
		struct nm_err err;
		char text[1100];

		(void)snprintf(text, sizeof(text), "(none)");
		if (nm_source_read(row->source, row->text, &got, &err) < 0)
			(void)snprintf(text, sizeof(text), "!%s%s",
				err.kind == NM_ERR_REFUSED ? "" : "(kind) ", err.msg);
		else if (got)
			(void)snprintf(text, sizeof(text), "%s", got);
		tap_is(text, row->expected ? row->expected : "(none)", "%s", row->text);
	}
}

/* n mappings, of which no two are a range. */
static char *many(size_t n)
{
	static const char element[] = "{\"hostPort\":12345,\"containerPort\":12345},";
	char *text = malloc(n * sizeof(element) + 3);
	size_t used = 1;

	if (!text)
		return NULL;
	text[0] = '[';
	for (size_t i = 0; i < n; i++)
		used += (size_t)sprintf(text + used, "{\"hostPort\":%zu,\"containerPort\":12345}%s", i + 1,
			i + 1 < n ? "," : "");
	memcpy(text + used, "]", sizeof("]"));
	return text;
}

static void test_bounds(void)
{
	static char brackets[200];
	nm_autofree char *most = many(NM_MAPPINGS_MAX), *more = many(NM_MAPPINGS_MAX + 1), *got = NULL;
	struct nm_err err = {.msg = ""};

	tap_ok(nm_source_read(NM_SOURCE_KUBELET, most, &got, &err) == 0 && got &&
			strlen(got) > NM_MAPPINGS_MAX,
		"%d mappings", NM_MAPPINGS_MAX);
	tap_ok(nm_source_read(NM_SOURCE_KUBELET, more, &got, &err) == -1 && err.kind == NM_ERR_REFUSED,
		"one more");
	tap_is(err.msg, "more than 1024 mappings", "and why");
	(void)snprintf(brackets, sizeof(brackets), "[{\"x\":");
	memset(brackets + strlen(brackets), '[', 100);
	tap_ok(nm_source_read(NM_SOURCE_KUBELET, brackets, &got, &err) == -1 && err.kind == NM_ERR_REFUSED,
		"a hundred brackets");
}

static void test_scan(void)
{
	static const struct {
		const char *text;
		size_t len;
		unsigned expected;
	} rows[] = {
		{TEXT("{\"nerdctl/ports\":1}"), 1u << NM_SOURCE_NERDCTL},
		{TEXT("{\"nerdctl\\/ports\" :1}"), 1u << NM_SOURCE_NERDCTL},
		{TEXT("{\"\\u006eerdctl\\u002Fports\":1}"), 1u << NM_SOURCE_NERDCTL},
		{TEXT("{\"nerdctl/ports"), 1u << NM_SOURCE_NERDCTL},
		{TEXT("{\"nerdctl/port"), 0},
		{TEXT("{\"nerdctl\\"), 0},
		{TEXT("{\"a\":\"nerdctl/ports\"}"), 0},
		{TEXT("{\"io.kubernetes.cri-o.PortMappings\":1,\"io.kubernetes.cri-o.IP.0\":2}"),
			1u << NM_SOURCE_CRIO | NM_SOURCE_ADDRESS_BIT},
		{TEXT("{\"io.kubernetes.cri-o.Created\":1,\"io.kubernetes.cri-o.TTY\":2}"), 0},
		{TEXT("{\"io.kubernetes.container.ports\":1,\"io.natmap.ports\":2}"),
			1u << NM_SOURCE_KUBELET | 1u << NM_SOURCE_NATMAP},
	};

	nm_each(row, rows)
		tap_ok(nm_sources_scan(row->text, row->len) == row->expected, "scan %s", row->text);
}

#define NATMAP  "\"io.natmap.ports\":\"80\""
#define NERDCTL "\"nerdctl/ports\":\"[{\\\"HostPort\\\":81,\\\"ContainerPort\\\":1}]\""
#define KUBELET "\"io.kubernetes.container.ports\":\"[{\\\"hostPort\\\":82,\\n\\\"containerPort\\\":2}]\""
#define CRIO    "\"io.kubernetes.cri-o.PortMappings\":\"[{\\\"HostPort\\\":83,\\\"ContainerPort\\\":3}]\""
#define NO_CRIO "\"io.kubernetes.cri-o.PortMappings\":\"[]\""
#define IP0     "\"io.kubernetes.cri-o.IP.0\":\"10.0.0.1\""
#define IP1     "\"io.kubernetes.cri-o.IP.1\":\"fd00::1\""

/* "PORTS FROM ADDRESS", "-" where there is none. */
static void test_choice(void)
{
	static const struct {
		const struct nm_sources *sources;
		const char *annotations, *expected;
	} rows[] = {
		{NULL, NERDCTL "," KUBELET "," CRIO, "- - -"},
		{NULL, NATMAP "," NERDCTL "," IP0, "80 - -"},
		{NULL, "\"nerdctl/ports\":5," NATMAP, "80 - -"},
		{&all, NATMAP "," NERDCTL "," KUBELET, "80 - -"},
		{&all, NERDCTL "," NATMAP, "80 - -"},
		{&all, NERDCTL "," CRIO "," KUBELET, "82:2/tcp io.kubernetes.container.ports -"},
		{&others, NERDCTL "," CRIO "," KUBELET, "81:1/tcp nerdctl/ports -"},
		{&others, NATMAP "," KUBELET, "82:2/tcp io.kubernetes.container.ports -"},
		{&others, NATMAP, "- - -"},
		{&others, CRIO, "- - -"},
		{&all, "\"io.natmap.ports\":\" \"," NERDCTL, "81:1/tcp nerdctl/ports -"},
		{&all, NO_CRIO "," NERDCTL, "81:1/tcp nerdctl/ports -"},
		{&crio, NO_CRIO "," IP0, "- - -"},
		{&crio, CRIO "," IP0 "," IP1, "83:3/tcp io.kubernetes.cri-o.PortMappings 10.0.0.1,fd00::1"},
		{&crio, IP1 "," IP0 "," NATMAP, "80 - 10.0.0.1,fd00::1"},
		{&crio, NATMAP "," IP0, "80 - 10.0.0.1"},
		{&crio, NATMAP ",\"io.natmap.address\":\"10.0.0.9\"," IP0, "80 - 10.0.0.9"},
		{&crio, NATMAP ",\"io.natmap.interface\":\"eth1\"," IP0, "80 - -"},
		{&crio, NATMAP ",\"io.kubernetes.cri-o.IP.0\":\"\"", "80 - -"},
		{&others, NATMAP "," IP0 "," NERDCTL, "81:1/tcp nerdctl/ports -"},
		{&all, "\"nerdctl/ports\":5",
			"!container state: annotations.nerdctl/ports: expected a string"},
		{&all, NERDCTL "," NERDCTL, "!container state: annotations.nerdctl/ports: given twice"},
		{&all, "\"nerdctl/ports\":\"[\"",
			"!container state: annotation 'nerdctl/ports': not valid JSON: premature EOF in line "
			"1"},
		{&others, CRIO ",\"io.kubernetes.cri-o.PortMappings\":7", "- - -"},
	};
	static char state[2048], got[1200];

	nm_each(row, rows) {
		NM_CLEANUP(nm_oci_state_done) struct nm_oci_state st = {0};
		struct nm_err err;
		int len = snprintf(state, sizeof(state), "{\"id\":\"c\",\"pid\":9,\"annotations\":{%s}}",
			row->annotations);

		if (nm_oci_state_parse(state, (size_t)len, NM_OCI_STATE_PUBLISH, row->sources, &st, &err) < 0)
			(void)snprintf(got, sizeof(got), "!%s%s", err.kind == NM_ERR_REFUSED ? "" : "(kind) ",
				err.msg);
		else
			(void)snprintf(got, sizeof(got), "%s %s %s", st.ports ? st.ports : "-",
				st.ports_from ? st.ports_from : "-", st.address ? st.address : "-");
		tap_is(got, row->expected, "%s", row->annotations);
	}
}

static void test_add(void)
{
	struct nm_sources s = {.n = 0};

	tap_ok(nm_sources_add(&s, "kubelet") && nm_sources_add(&s, "natmap") &&
			nm_sources_add(&s, "kubelet") && s.n == 2 && s.v[0] == NM_SOURCE_KUBELET &&
			s.v[1] == NM_SOURCE_NATMAP,
		"each once, in order");
	tap_ok(!nm_sources_add(&s, "Kubelet") && !nm_sources_add(&s, "") && s.n == 2, "no other names");
}

int main(void)
{
	test_read();
	test_bounds();
	test_scan();
	test_choice();
	test_add();
	return tap_done();
}
