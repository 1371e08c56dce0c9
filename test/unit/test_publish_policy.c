/* publish/policy.c: what a configuration grants. */
#include "publish/policy.h"
#include "tap.h"

#define DEFAULTS    "{}"
#define POLICY(key) "{\"policy\":{" key "}}"
#define PORTS       "policy.host_ports or policy.reserved_ports"

static const struct nm_prefixes no_networks;

static bool configure(const char *text, struct nm_config *c)
{
	struct nm_err err;

	nm_config_init(c);
	if (nm_config_parse(c, text, strlen(text), "test", &err) == 0)
		return true;
	tap_ok(false, "the test's own configuration: %s", err.msg);
	return false;
}

static void test_mappings(void)
{
	static const struct {
		const char *config, *ports;
		const char *mapping, *why; /* refused, by what; mapping NULL: granted */
	} rows[] = {
		{DEFAULTS, "80", NULL, NULL},
		{DEFAULTS, "1-1024", NULL, NULL},
		{DEFAULTS, "127.0.0.2:80,192.0.2.1:80,[2001:db8::1]:80", NULL, NULL},
		{DEFAULTS, "0:80", NULL, NULL},
		{POLICY("\"host_ports\":\"1024-65535\""), "1024,65535", NULL, NULL},
		{POLICY("\"host_ports\":\"1024-65535\""), "1023", "1023:1023/tcp", PORTS},
		{POLICY("\"host_ports\":\"1024-65535\""), "1023-1024", "1023-1024:1023-1024/tcp", PORTS},
		{POLICY("\"host_ports\":\"1024-65535\""), "8080:80", NULL, NULL},
		{POLICY("\"host_ports\":\"1024-65535\""), "0:80", NULL, NULL},
		{POLICY("\"host_ports\":\"1024-65535\""), "1000-1024:80", NULL, NULL},
		{POLICY("\"host_ports\":\"1024-65535\""), "1000-1023:80", "1000-1023:80/tcp", PORTS},
		{POLICY("\"max_ports\":1"), "8000-8010:80", NULL, NULL},
		{POLICY("\"host_ports\":\"1024-65535\""), "2000,80/udp", "80:80/udp", PORTS},
		{POLICY("\"host_ports\":\"\""), "80", "80:80/tcp", PORTS},
		{POLICY("\"reserved_ports\":\"22,6443\""), "6442,6444", NULL, NULL},
		{POLICY("\"reserved_ports\":\"22,6443\""), "22", "22:22/tcp", PORTS},
		{POLICY("\"reserved_ports\":\"22,6443\""), "192.0.2.1:22/udp", "192.0.2.1:22:22/udp", PORTS},
		{POLICY("\"reserved_ports\":\"22,6443\""), "20-30", "20-30:20-30/tcp", PORTS},
		{POLICY("\"reserved_ports\":\"22,6443\""), "8022:22", NULL, NULL},
		{POLICY("\"host_addresses\":[\"192.0.2.0/24\"]"), "192.0.2.1:80", NULL, NULL},
		{POLICY("\"host_addresses\":[\"192.0.2.0/24\"]"), "192.0.3.1:80", "192.0.3.1:80:80/tcp",
			"policy.host_addresses"},
		{POLICY("\"host_addresses\":[\"192.0.2.0/24\"]"), "127.0.0.1:80", "127.0.0.1:80:80/tcp",
			"policy.host_addresses"},
		{POLICY("\"host_addresses\":[\"192.0.2.0/24\"]"), "[2001:db8::1]:80",
			"[2001:db8::1]:80:80/tcp", "policy.host_addresses"},
		{POLICY("\"host_addresses\":[\"192.0.2.0/24\"]"), "80", "80:80/tcp", "policy.host_addresses"},
		{POLICY("\"host_addresses\":[\"192.0.2.0/24\"]"), "0.0.0.0:80", "0.0.0.0:80:80/tcp",
			"policy.host_addresses"},
		{POLICY("\"host_addresses\":[\"0.0.0.0/0\"]"), "0.0.0.0:80,192.0.2.1:81", NULL, NULL},
		{POLICY("\"host_addresses\":[\"0.0.0.0/0\"]"), "80", "80:80/tcp", "policy.host_addresses"},
		{POLICY("\"host_addresses\":[\"0.0.0.0/0\"]"), "[::]:80", "[::]:80:80/tcp",
			"policy.host_addresses"},
		{POLICY("\"host_addresses\":[\"0.0.0.0/0\",\"::/0\"]"), "80,[::]:81", NULL, NULL},
		{POLICY("\"host_addresses\":[\"0.0.0.0/1\",\"128.0.0.0/1\"]"), "0.0.0.0:80",
			"0.0.0.0:80:80/tcp", "policy.host_addresses"},
		{"{\"localhost\":false}", "80,192.0.2.1:81", NULL, NULL},
		{"{\"localhost\":false}", "127.0.0.1:80", "127.0.0.1:80:80/tcp", "localhost, which is false"},
		{"{\"localhost\":false}", "127.9.9.9:80", "127.9.9.9:80:80/tcp", "localhost, which is false"},
		{POLICY("\"max_ports\":3"), "80-82", NULL, NULL},
		{POLICY("\"max_ports\":3"), "80,81-82", NULL, NULL},
	};

	nm_each(row, rows) {
		struct nm_config c;
		struct nm_mappings m = {0};
		struct nm_err err = {.msg = ""};
		char expected[256] = "";

		if (row->mapping)
			(void)snprintf(expected, sizeof(expected), "port mapping '%s': refused by %s",
				row->mapping, row->why);
		if (configure(row->config, &c) && nm_mappings_parse(row->ports, &m, &err) == 0) {
			int rc = nm_policy_check_mappings(&c, &m, &no_networks, &err);

			tap_is(rc < 0 ? err.msg : "", expected, "%s under %s", row->ports, row->config);
			tap_ok(rc == 0 || err.kind == NM_ERR_REFUSED, "and of the right kind");
		} else {
			tap_ok(false, "%s: %s", row->ports, err.msg);
		}
		nm_mappings_done(&m);
		nm_config_done(&c);
	}
}

static void test_amounts(void)
{
#define TOO_MANY "4 published ports: refused by policy.max_ports, which is 3"
#define TOO_WIDE "65 published ports for 256 networks of io.natmap.allow: more than 16384 pairs are refused"
	static const struct {
		const char *config, *ports;
		size_t networks;
		const char *refusal;
	} rows[] = {
		{POLICY("\"max_ports\":3"), "80-83", 0, TOO_MANY},
		{POLICY("\"max_ports\":3"), "80,81,82,83", 0, TOO_MANY},
		{POLICY("\"max_ports\":3"), "80/udp,80-82", 0, TOO_MANY},
		{POLICY("\"max_ports\":3"), "0:1,0:1,0:1,0:1", 0, TOO_MANY},
		{DEFAULTS, "1-64", 256, ""},
		{DEFAULTS, "1-64,80/udp", 256, TOO_WIDE},
		{DEFAULTS, "1-1000", 16, ""},
	};

	nm_each(row, rows) {
		const struct nm_prefixes networks = {.n = row->networks};
		struct nm_mappings m = {0};
		struct nm_config c;
		struct nm_err err = {.msg = ""};

		if (!configure(row->config, &c) || nm_mappings_parse(row->ports, &m, &err) < 0)
			tap_ok(false, "the test's own ports");
		else
			tap_ok((nm_policy_check_mappings(&c, &m, &networks, &err) < 0) == !!row->refusal[0],
				"%s for %zu networks, with %s", row->ports, row->networks, row->config);
		tap_is(err.msg, row->refusal, "and why");
		nm_mappings_done(&m);
		nm_config_done(&c);
	}
}

static void test_address(void)
{
	static const struct {
		const char *allowed, *wanted;
		bool expected;
	} rows[] = {
		{"", "10.0.0.2", false},
		{"10.0.0.0/8", "10.255.255.255", true},
		{"10.0.0.0/8", "11.0.0.0", false},
		{"fd00::/8,10.0.0.0/8", "10.0.0.2", true},
		{"0.0.0.0/0", "fd00::2", false},
		{"::/0", "10.0.0.2", false},
	};

	nm_each(row, rows) {
		struct nm_policy policy = {.max_ports = 1};
		struct nm_addr wanted;
		struct nm_err err;

		if ((*row->allowed &&
			    nm_prefixes_parse(
				    row->allowed, 9, "allowed", NM_ERR_FAILED, &policy.address, &err) < 0) ||
			nm_addr_parse(row->wanted, strlen(row->wanted), &wanted) < 0)
			tap_ok(false, "the test's own addresses");
		else
			tap_ok(nm_policy_allows_address(&policy, &wanted) == row->expected,
				"address %s, allowed are: %s", row->wanted, row->allowed);
		nm_prefixes_done(&policy.address);
	}
}

static void test_network(void)
{
	static const struct {
		const char *config, *network, *refusal;
	} rows[] = {
		{POLICY("\"network\":true"), "bridge", ""},
		{POLICY("\"network\":true"), "host", "io.natmap.network 'host': expected 'bridge'"},
		{DEFAULTS, "bridge", "io.natmap.network 'bridge': refused by policy.network, which is false"},
	};

	nm_each(row, rows) {
		struct nm_config c;
		struct nm_err err = {.msg = ""};
		int rc = configure(row->config, &c) ? nm_policy_check_network(&c, row->network, &err) : -1;

		tap_is(err.msg, row->refusal, "%s under %s", row->network, row->config);
		tap_ok(rc == 0 || err.kind == NM_ERR_REFUSED, "and of the right kind");
		nm_config_done(&c);
	}
}

int main(void)
{
	test_network();
	test_mappings();
	test_amounts();
	test_address();
	return tap_done();
}
