/*
 * input/config.c: the defaults, what each key sets, what is refused with which words, and which files are
 * read.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "input/config_file.h"
#include "tap.h"

enum { SUMMARY_MAX = 2048 };

static const char *prefixes(const struct nm_prefixes *list, char *buf, size_t size)
{
	char text[NM_PREFIX_STRLEN];

	buf[0] = '\0';
	for (size_t i = 0; i < list->n; i++) {
		size_t used = strlen(buf);

		(void)snprintf(
			buf + used, size - used, "%s%s", i ? "," : "", nm_prefix_print(&list->v[i], text));
	}
	return buf;
}

/* "localhost hairpin masquerade_all / forward / listener_check / dynamic / timeout / ..." */
static void summarize(const struct nm_config *c, char out[static SUMMARY_MAX])
{
	char hosts[256], addresses[256], ports[8] = "";
	static const uint16_t probes[] = {0, 1, 80, 1024, 65535};

	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++)
		ports[i] = nm_port_set_has(&c->policy.host_ports, probes[i]) ? '+' : '-';
	(void)snprintf(out, SUMMARY_MAX, "%d%d%d %d%d %d %u-%u %u %s [%s] [%s] %u", c->layout.localhost,
		c->layout.hairpin, c->layout.masquerade_all, c->forward[NM_IPV4], c->forward[NM_IPV6],
		c->listener_check, c->dynamic_first, c->dynamic_last, c->lock_timeout_ms, ports,
		prefixes(&c->policy.host_addresses, hosts, sizeof(hosts)),
		prefixes(&c->policy.address, addresses, sizeof(addresses)), c->policy.max_ports);
}

#define DEFAULTS "110 02 2 61000-65535 5000 -++++ [] [] 1024"

static const char *parse_for(const char *text, size_t len,
	void (*print)(const struct nm_config *c, char out[static SUMMARY_MAX]), char out[static SUMMARY_MAX])
{
	struct nm_config c;
	struct nm_err err;

	nm_config_init(&c);
	if (nm_config_parse(&c, text, len, "f", &err) == 0)
		print(&c, out);
	else
		(void)snprintf(
			out, SUMMARY_MAX, "!%s%s", err.kind == NM_ERR_CONFIG ? "" : "(kind) ", err.msg);
	nm_config_done(&c);
	return out;
}

static const char *parse(const char *text, size_t len, char out[static SUMMARY_MAX])
{
	return parse_for(text, len, summarize, out);
}

#define PORTS_EXPECTED  ": expected a list of ports such as \"1024-65535,80\""
#define PREFIX_EXPECTED ": expected an address or network such as \"10.10.0.0/16\""

static const struct {
	const char *text, *expected;
} texts[] = {
	{"{}", DEFAULTS},
	{"/* nothing */ {} // here", DEFAULTS},
	{"{\"backend\":\"iptables\",\"localhost\":true,\"hairpin\":true,\"masquerade_all\":false,"
	 "\"ip_forward\":{\"ipv4\":\"interfaces\",\"ipv6\":\"check\"},\"listener_check\":\"fail\","
	 "\"dynamic_ports\":\"61000-65535\",\"lock_timeout_ms\":5000,\"policy\":{\"host_ports\":\"1-65535\","
	 "\"reserved_ports\":\"\",\"host_addresses\":[],\"address\":[],\"max_ports\":1024}}",
		DEFAULTS},
	{"{\"localhost\":false,\"hairpin\":false,\"masquerade_all\":true}",
		"001 02 2 61000-65535 5000 -++++ [] [] 1024"},
	{"{\"ip_forward\":{\"ipv6\":\"set\",\"ipv4\":\"check\"}}",
		"110 21 2 61000-65535 5000 -++++ [] [] 1024"},
	{"{\"ip_forward\":{\"ipv4\":\"set\"}}", "110 12 2 61000-65535 5000 -++++ [] [] 1024"},
	{"{\"ip_forward\":{\"ipv6\":\"interfaces\",\"ipv4\":\"interfaces\"}}",
		"110 00 2 61000-65535 5000 -++++ [] [] 1024"},
	{"{\"ip_forward\":{}}", DEFAULTS},
	{"{\"static\":{}}", DEFAULTS},
	{"{\"static\":{\"dnat\":1},\"hairpin\":false}", "100 02 2 61000-65535 5000 -++++ [] [] 1024"},
	{"{\"listener_check\":\"off\"}", "110 02 0 61000-65535 5000 -++++ [] [] 1024"},
	{"{\"listener_check\":\"exact\"}", "110 02 3 61000-65535 5000 -++++ [] [] 1024"},
	{"{\"listener_check\":\"warn\"}", "110 02 1 61000-65535 5000 -++++ [] [] 1024"},
	{"{\"version\":1,\"dynamic_ports\":\"1-1\",\"lock_timeout_ms\":600000}",
		"110 02 2 1-1 600000 -++++ [] [] 1024"},
	{"{\"policy\":{\"host_ports\":\"1024-65535,80\"}}", "110 02 2 61000-65535 5000 --+++ [] [] 1024"},
	{"{\"policy\":{\"reserved_ports\":\"1, 1000-2000\",\"host_ports\":\"1-65534\"}}",
		"110 02 2 61000-65535 5000 --+-- [] [] 1024"},
	{"{\"policy\":{\"host_ports\":\"\"}}", "110 02 2 61000-65535 5000 ----- [] [] 1024"},
	{"{\"policy\":{\"host_addresses\":[\"192.0.2.1\",\"2001:db8::/32\"],\"address\":[\"10.0.0.0/8\"],"
	 "\"max_ports\":1}}",
		"110 02 2 61000-65535 5000 -++++ [192.0.2.1/32,2001:db8::/32] [10.0.0.0/8] 1"},

	{"", "!f: not valid JSON: premature EOF in line 1"},
	{"// nothing", "!f: not valid JSON: premature EOF in line 1"},
	{"{\n\"hairpin\": true,\n", "!f: not valid JSON: premature EOF in line 3"},
	{"{} {}", "!f: not valid JSON: trailing garbage in line 1"},
	{"[]", "!f: document: expected an object"},
	{"null", "!f: document: expected an object"},
	{"{\"static.dnat\":[]}", "!f: static.dnat: unknown key"},
	{"{\"Hairpin\":true}", "!f: Hairpin: unknown key"},
	{"{\"\":true}", "!f: ?: unknown key"},
	{"{\"policy.max_ports\":1}", "!f: policy.max_ports: unknown key"},
	{"{\"policy\":{\"hairpin\":true}}", "!f: policy.hairpin: unknown key"},
	{"{\"policy\":{\"address[]\":\"10.0.0.1\"}}", "!f: policy.address[]: unknown key"},
	{"{\"policy\":{\"address\":[[]]}}", "!f: policy.address[0]" PREFIX_EXPECTED},
	{"{\"a\\u0000b\":1}", "!f: ?: unknown key"},
	{"{\"hairpin\":true,\"hair\\u0070in\":true}", "!f: hairpin: given twice"},
	{"{\"policy\":{},\"policy\":{}}", "!f: policy: given twice"},
	{"{\"policy\":{\"address\":[],\"address\":[]}}", "!f: policy.address: given twice"},
	{"{\"hairpin\":1}", "!f: hairpin: expected true or false"},
	{"{\"hairpin\":\"true\"}", "!f: hairpin: expected true or false"},
	{"{\"hairpin\":null}", "!f: hairpin: expected true or false"},
	{"{\"backend\":\"nftables\"}", DEFAULTS},
	{"{\"backend\":\"auto\"}", DEFAULTS},
	{"{\"backend\":\"ipfw\"}", "!f: backend: expected \"iptables\", \"nftables\" or \"auto\""},
	{"{\"backend\":true}", "!f: backend: expected \"iptables\", \"nftables\" or \"auto\""},
	{"{\"ip_forward\":\"set\"}", "!f: ip_forward: expected an object with ipv4 and ipv6"},
	{"{\"ip_forward\":{\"ipv4\":true}}",
		"!f: ip_forward.ipv4: expected \"interfaces\", \"set\" or \"check\""},
	{"{\"ip_forward\":{\"ipv4\":\"set\\u0000\"}}",
		"!f: ip_forward.ipv4: expected \"interfaces\", \"set\" or \"check\""},
	{"{\"listener_check\":\"Fail\"}",
		"!f: listener_check: expected \"off\", \"warn\", \"fail\" or \"exact\""},
	{"{\"dynamic_ports\":\"80\"}",
		"!f: dynamic_ports: expected a range of ports such as \"61000-65535\""},
	{"{\"dynamic_ports\":\"2-1\"}",
		"!f: dynamic_ports: expected a range of ports such as \"61000-65535\""},
	{"{\"dynamic_ports\":\"0-9\"}",
		"!f: dynamic_ports: expected a range of ports such as \"61000-65535\""},
	{"{\"dynamic_ports\":\"1-65536\"}",
		"!f: dynamic_ports: expected a range of ports such as \"61000-65535\""},
	{"{\"dynamic_ports\":\"1-2,4-5\"}",
		"!f: dynamic_ports: expected a range of ports such as \"61000-65535\""},
	{"{\"dynamic_ports\":[1,2]}", "!f: dynamic_ports: expected a range of ports such as \"61000-65535\""},
	{"{\"sources\":[\"natmap\",\"nerdctl\",\"cri-o\",\"kubelet\"]}", DEFAULTS},
	{"{\"sources\":[]}", DEFAULTS},
	{"{\"sources\":\"natmap\"}", "!f: sources: expected a list of sources of ports"},
	{"{\"sources\":[\"natmap\",\"podman\"]}",
		"!f: sources[1]: expected \"natmap\", \"nerdctl\", \"cri-o\" or \"kubelet\""},
	{"{\"sources\":[],\"sources\":[]}", "!f: sources: given twice"},
	{"{\"version\":0}", "!f: version: expected a whole number from 1 to 9223372036854775807"},
	{"{\"version\":\"1\"}", "!f: version: expected a whole number from 1 to 9223372036854775807"},
	{"{\"version\":2,\"new\":1}", "!f: version: 2 is newer than this natmap, which knows 1"},
	{"{\"lock_timeout_ms\":0}", "!f: lock_timeout_ms: expected a whole number from 1 to 600000"},
	{"{\"lock_timeout_ms\":600001}", "!f: lock_timeout_ms: expected a whole number from 1 to 600000"},
	{"{\"lock_timeout_ms\":1.5}", "!f: lock_timeout_ms: expected a whole number from 1 to 600000"},
	{"{\"lock_timeout_ms\":\"5\"}", "!f: lock_timeout_ms: expected a whole number from 1 to 600000"},
	{"{\"policy\":[]}", "!f: policy: expected an object"},
	{"{\"policy\":{\"max_ports\":65536}}",
		"!f: policy.max_ports: expected a whole number from 1 to 65535"},
	{"{\"policy\":{\"host_ports\":\"0-80\"}}", "!f: policy.host_ports" PORTS_EXPECTED},
	{"{\"policy\":{\"host_ports\":80}}", "!f: policy.host_ports" PORTS_EXPECTED},
	{"{\"policy\":{\"host_ports\":[80]}}", "!f: policy.host_ports" PORTS_EXPECTED},
	{"{\"policy\":{\"reserved_ports\":\"http\"}}", "!f: policy.reserved_ports" PORTS_EXPECTED},
	{"{\"policy\":{\"address\":\"10.0.0.1\"}}",
		"!f: policy.address: expected a list of addresses and networks"},
	{"{\"policy\":{\"address\":[\"10.0.0.1\",\"10.0.0.0/33\"]}}",
		"!f: policy.address[1]" PREFIX_EXPECTED},
	{"{\"policy\":{\"host_addresses\":[1]}}", "!f: policy.host_addresses[0]" PREFIX_EXPECTED},
};

#define NETWORK(members) "{\"network\":{" members "}}"
#define SUBNET_EXPECTED  ": expected a network such as \"10.86.0.0/24\""
#define MTU_EXPECTED     "!f: network.mtu: expected 0 or a whole number from 1280 to 65535"

/* "BRIDGE IPV4,IPV6 MTU ISOLATE POLICY" */
static void summarize_network(const struct nm_config *c, char out[static SUMMARY_MAX])
{
	const struct nm_network *n = &c->network;
	char text[NM_FAMILY_MAX][NM_PREFIX_STRLEN] = {"", ""};

	nm_each_family(f, n->families)
		nm_prefix_print(&n->subnet[f], text[f]);
	(void)snprintf(out, SUMMARY_MAX, "%s %s,%s %u %d %d", n->bridge, text[NM_IPV4], text[NM_IPV6], n->mtu,
		n->isolate, c->policy.network);
}

static void test_network(void)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"{}", "natmap0 10.86.0.0/24,fd00:86::/64 0 0 0"},
		{NETWORK(""), "natmap0 10.86.0.0/24,fd00:86::/64 0 0 0"},
		{"{\"policy\":{\"network\":true}}", "natmap0 10.86.0.0/24,fd00:86::/64 0 0 1"},
		{NETWORK("\"bridge\":\"br0\",\"subnets\":[\"10.9.0.0/16\"],\"mtu\":1400,\"isolate\":true"),
			"br0 10.9.0.0/16, 1400 1 0"},
		{NETWORK("\"subnets\":[\"fd01::/64\",\"10.9.0.0/30\"],\"mtu\":65535"),
			"natmap0 10.9.0.0/30,fd01::/64 65535 0 0"},
		{NETWORK("\"subnets\":[]"), "!f: network.subnets: expected one network at least"},
		{NETWORK("\"subnets\":\"10.9.0.0/16\""),
			"!f: network.subnets: expected a list of networks, at most one of IPv4 and one of "
			"IPv6"},
		{NETWORK("\"subnets\":[\"10.9.0.0/16\",\"10.8.0.0/16\"]"),
			"!f: network.subnets[1]: expected one network of a family"},
		{NETWORK("\"subnets\":[\"10.9.0.1/16\"]"),
			"!f: network.subnets[0]: expected a network, without host bits"},
		{NETWORK("\"subnets\":[\"x\"]"), "!f: network.subnets[0]" SUBNET_EXPECTED},
		{NETWORK("\"subnets\":[7]"), "!f: network.subnets[0]" SUBNET_EXPECTED},
		{NETWORK("\"bridge\":\"1234567890123456\""),
			"!f: network.bridge: expected the name of an interface such as \"natmap0\""},
		{NETWORK("\"bridge\":\"a/b\""),
			"!f: network.bridge: expected the name of an interface such as \"natmap0\""},
		{NETWORK("\"mtu\":1279"), MTU_EXPECTED},
		{NETWORK("\"mtu\":65536"), MTU_EXPECTED},
		{NETWORK("\"mtu\":\"1500\""), MTU_EXPECTED},
		{NETWORK("\"isolate\":1"), "!f: network.isolate: expected true or false"},
		{NETWORK("\"dns\":[]"), "!f: network.dns: unknown key"},
		{"{\"policy\":{\"network\":\"bridge\"}}", "!f: policy.network: expected true or false"},
	};
	char out[SUMMARY_MAX];

	nm_each(row, rows)
		tap_is(parse_for(row->text, strlen(row->text), summarize_network, out), row->expected, "%s",
			row->text);
}

static void test_texts(void)
{
	char out[SUMMARY_MAX];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		tap_is(parse(texts[i].text, strlen(texts[i].text), out), texts[i].expected,
			"text %zu gives %s", i, texts[i].expected);
	tap_is(parse("{}\0", 3, out), "!f: not valid JSON: trailing garbage in line 1", "NUL at the end");
}

static void test_brackets(void)
{
	enum { MANY = 4000000 };
	static const char before[] = "{\"policy\":";
	nm_autofree char *text = malloc(MANY);
	char out[SUMMARY_MAX];

	memset(text, '[', MANY);
	tap_is(parse(text, MANY, out), "!f: document: expected an object", "4,000,000 brackets");
	memcpy(text, before, strlen(before));
	tap_is(parse(text, MANY, out), "!f: policy: expected an object", "4,000,000 brackets inside");
}

static const char *load(const char *path, char out[static SUMMARY_MAX])
{
	struct nm_config c;
	struct nm_err err;

	nm_config_init(&c);
	if (nm_config_file_load(&c, path, &err) == 0)
		summarize(&c, out);
	else
		(void)snprintf(
			out, SUMMARY_MAX, "!%s%s", err.kind == NM_ERR_CONFIG ? "" : "(kind) ", err.msg);
	nm_config_done(&c);
	return out;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, mode) < 0)
		tap_ok(false, "cannot write %s", path);
}

/* All of these run inside a fresh directory. */
static void test_modes(void)
{
	char out[SUMMARY_MAX];

	write_file("good", "{\"hairpin\":false}", 0644);
	tap_is(load("good", out), "100 02 2 61000-65535 5000 -++++ [] [] 1024", "a good file");
	tap_is(load("missing", out), "!configuration file 'missing': No such file or directory",
		"a missing file");
	write_file("bad", "{\n\"hairpin\":1}", 0600);
	tap_is(load("bad", out), "!bad: hairpin: expected true or false", "a bad file");
	write_file("group", "{}", 0664);
	tap_is(load("group", out), "!configuration file 'group': writable by others than its owner",
		"writable by the group");
	write_file("world", "{}", 0602);
	tap_is(load("world", out), "!configuration file 'world': writable by others than its owner",
		"writable by all");
	if (geteuid() != 0 || chown("good", 12345, 0) < 0)
		tap_ok(true, "another owner # SKIP needs root");
	else
		tap_is(load("good", out),
			"!configuration file 'good': belongs neither to root nor to the user natmap runs as",
			"another owner");
	(void)unlink("good");
	(void)unlink("bad");
	(void)unlink("group");
	(void)unlink("world");
}

static void test_kinds(void)
{
	char out[SUMMARY_MAX];

	write_file("target", "{}", 0600);
	tap_ok(symlink("target", "link") == 0 && symlink("nowhere", "dangling") == 0 &&
			mkfifo("fifo", 0600) == 0,
		"links and a FIFO are made");
	tap_is(load("link", out), DEFAULTS, "a symbolic link");
	tap_is(load("dangling", out), "!configuration file 'dangling': No such file or directory",
		"a symbolic link to nowhere");
	tap_is(load("fifo", out), "!configuration file 'fifo': not a regular file", "a FIFO does not hang");
	tap_is(load(".", out), "!configuration file '.': not a regular file", "a directory");
	tap_is(load("/dev/zero", out), "!configuration file '/dev/zero': not a regular file", "a device");
	if (truncate("target", NM_CONFIG_MAX + 1) == 0)
		tap_is(load("target", out), "!reading target: more than 4194304 bytes",
			"a file of more than 4 MiB");
	(void)unlink("target");
	(void)unlink("link");
	(void)unlink("dangling");
	(void)unlink("fifo");
}

static void test_files(void)
{
	char dir[] = "/tmp/natmap-test-config.XXXXXX", out[SUMMARY_MAX];

	if (!mkdtemp(dir) || chdir(dir) < 0) {
		tap_ok(false, "cannot make %s", dir);
		return;
	}
	test_modes();
	test_kinds();
	tap_ok(rmdir(dir) == 0, "nothing else was made");
	if (access(NM_CONFIG_PATH, F_OK) < 0)
		tap_is(load(NULL, out), DEFAULTS, "without the default file");
	else
		tap_ok(true, "without the default file # SKIP there is one");
}

int main(void)
{
	test_texts();
	test_network();
	test_brackets();
	test_files();
	return tap_done();
}
