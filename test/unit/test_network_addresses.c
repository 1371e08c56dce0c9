/* network/addresses.c: which addresses an id may have, in which order. What is taken is in 600-network.bats.
 */
#include "network/addresses.h"
#include "given.h"

/* Each address of the subnet that a container can have comes exactly once. */
static void test_all(void)
{
	static const struct {
		const char *subnet;
		size_t n;
	} rows[] = {{"10.86.0.0/30", 1}, {"10.86.0.8/29", 5}, {"10.86.0.0/24", 253}, {"10.86.0.0/23", 509},
		{"fd00:86::/126", 1}, {"fd00:86::/120", 253}};

	nm_each(row, rows) {
		struct nm_prefix subnet = prefix(row->subnet), gateway = nm_network_gateway(&subnet), p;
		bool seen[512] = {false}, right = true;
		size_t n = 0;

		for (; nm_addresses_candidate(&subnet, "web", n, &p) && n < 512; n++) {
			size_t last = nm_addr_size(p.addr.family) - 1,
			       host = (p.addr.bytes[last - 1] & 1u) * 256 + p.addr.bytes[last];

			right &= nm_prefix_has(&subnet, &p.addr) && p.len == subnet.len && !seen[host] &&
				!nm_addr_equal(&p.addr, &subnet.addr) &&
				!nm_addr_equal(&p.addr, &gateway.addr);
			seen[host] = true;
		}
		tap_ok(n == row->n && right, "%s has %zu addresses", row->subnet, n);
	}
}

static void test_of_an_id(void)
{
	struct nm_prefix subnet = prefix("10.86.0.0/24"), ipv6 = prefix("fd00:86::/64"), a, b;
	char text[NM_PREFIX_STRLEN];

	tap_ok(nm_addresses_candidate(&subnet, "web", 0, &a) &&
			nm_addresses_candidate(&subnet, "db", 0, &b) && !nm_addr_equal(&a.addr, &b.addr),
		"two ids begin at two addresses");
	tap_is(nm_prefix_print(&a, text), "10.86.0.191/24", "that of an id is stable");
	tap_ok(nm_addresses_candidate(&ipv6, "web", 0, &a), "an address of IPv6");
	tap_is(nm_prefix_print(&a, text), "fd00:86::6454:c241/64", "is stable, too");
	tap_ok(nm_addresses_candidate(&ipv6, "web", 1000000, &b), "IPv6 has as many as are asked for");
}

static void test_asked(void)
{
	static const char refused[] = ": not an address that a container can have in 10.86.0.0/24";
	static const struct {
		const char *address, *why;
	} rows[] = {{"10.86.0.2", NULL}, {"10.86.0.254", NULL}, {"10.86.0.0", refused},
		{"10.86.0.1", refused}, {"10.86.0.255", refused}, {"10.87.0.2", refused}};

	nm_each(row, rows) {
		const struct nm_network network = {
			.families = NM_IPV4_BIT, .subnet = {prefix("10.86.0.0/24")}};
		struct nm_attachment a = {.families = NM_IPV4_BIT, .address = {prefix(row->address)}};
		struct nm_err err = {.msg = ""};
		char expected[128] = "";

		if (row->why)
			(void)snprintf(expected, sizeof(expected), "io.natmap.address '%s'%s", row->address,
				row->why);
		tap_ok(nm_addresses_allocate(NULL, "web", &network, NULL, &a, &err) == (row->why ? -1 : 0),
			"%s asked for", row->address);
		tap_is(err.msg, expected, "and why");
		tap_ok(a.address[NM_IPV4].len == 24, "it has the subnet's length");
	}
}

static void test_known(void)
{
	const struct nm_network network = {.families = NM_IPV4_BIT, .subnet = {prefix("10.86.0.0/24")}};
	const struct nm_record here = {.network = {.families = NM_IPV4_BIT,
					       .address = {prefix("10.86.0.77/24")}}},
			       elsewhere = {.network = {.families = NM_IPV4_BIT,
						    .address = {prefix("10.9.0.77/24")}}};
	struct nm_attachment a = {.families = NM_IPV4_BIT};
	char text[NM_PREFIX_STRLEN];
	struct nm_err err;

	tap_ok(nm_addresses_allocate(NULL, "web", &network, &here, &a, &err) == 0, "a known container");
	tap_is(nm_prefix_print(&a.address[NM_IPV4], text), "10.86.0.77/24", "keeps its address");
	a = (struct nm_attachment){.families = NM_IPV4_BIT};
	tap_ok(nm_addresses_allocate(NULL, "web", &network, &elsewhere, &a, &err) == 0,
		"a known container of another subnet");
	tap_is(nm_prefix_print(&a.address[NM_IPV4], text), "10.86.0.191/24", "gets a new one");
}

int main(void)
{
	test_all();
	test_of_an_id();
	test_asked();
	test_known();
	return tap_done();
}
