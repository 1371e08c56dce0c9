/* model/network.c: what can be a subnet, and its gateway. */
#include "model/network.h"
#include "given.h"

static void test_subnets(void)
{
	static const char without[] = "a network, without host bits",
			  of_length[] = "a network of /8 to /30 for IPv4, of /8 to /126 for IPv6",
			  usable[] = "a network that containers can have";
	static const struct {
		const char *subnet, *invalid;
	} rows[] = {
		{"10.86.0.0/24", ""},
		{"10.0.0.0/8", ""},
		{"10.86.0.4/30", ""},
		{"fd00:86::/64", ""},
		{"fd00:86::4/126", ""},
		{"10.86.0.1/24", without},
		{"fd00:86::1/64", without},
		{"10.86.0.4/31", of_length},
		{"10.86.0.4/32", of_length},
		{"0.0.0.0/0", of_length},
		{"fd00:86::4/127", of_length},
		{"fc00::/7", of_length},
		{"127.0.0.0/8", usable},
		{"169.254.0.0/16", usable},
		{"224.0.0.0/8", usable},
		{"fe80::/64", usable},
		{"::ffff:0:0/96", usable},
		{"::/64", usable},
	};

	nm_each(row, rows) {
		struct nm_prefix p = prefix(row->subnet);
		const char *invalid = nm_network_subnet_invalid(&p);

		tap_is(invalid ? invalid : "", row->invalid, "%s", row->subnet);
	}
}

static void test_gateway(void)
{
	static const struct {
		const char *in, *gateway;
	} rows[] = {
		{"10.86.0.0/24", "10.86.0.1/24"},
		{"10.86.0.77/24", "10.86.0.1/24"},
		{"10.86.0.6/30", "10.86.0.5/30"},
		{"fd00:86::/64", "fd00:86::1/64"},
		{"fd00:86::dead:beef/64", "fd00:86::1/64"},
	};
	char text[NM_PREFIX_STRLEN];

	nm_each(row, rows) {
		struct nm_prefix in = prefix(row->in), gateway = nm_network_gateway(&in);

		tap_is(nm_prefix_print(&gateway, text), row->gateway, "of %s", row->in);
	}
}

static void test_same(void)
{
	const struct nm_attachment a = {.bridge = "natmap0",
		.port = "nm1",
		.families = NM_IPV4_BIT,
		.address = {prefix("10.86.0.5/24")}};
	struct nm_attachment b = a;

	tap_ok(nm_network_attachment_same(&a, &b), "equal ones are the same");
	b.address[NM_IPV6] = prefix("fd00::1/64");
	tap_ok(nm_network_attachment_same(&a, &b), "a family that it does not have plays no role");
	b.families = NM_BOTH_FAMILIES;
	tap_ok(!nm_network_attachment_same(&a, &b), "another family");
	b = a;
	b.address[NM_IPV4].len = 25;
	tap_ok(!nm_network_attachment_same(&a, &b), "another length");
	b = a;
	b.port[2] = '2';
	tap_ok(!nm_network_attachment_same(&a, &b), "another port");
	b = a;
	b.isolated = true;
	tap_ok(!nm_network_attachment_same(&a, &b), "one that is isolated");
}

/* Both of families, address of IPv4, address of IPv6, isolated. */
static void test_fits(void)
{
	static const struct {
		unsigned families;
		const char *v4, *v6;
		bool isolated, expected;
	} rows[] = {
		{NM_BOTH_FAMILIES, "10.86.0.5/24", "fd00::5/64", false, true},
		{NM_BOTH_FAMILIES, "10.86.0.9/24", "fd00::9/64", false, true},
		{NM_BOTH_FAMILIES, "10.86.0.5/24", "fd00::5/64", true, false},
		{NM_BOTH_FAMILIES, "10.86.1.5/24", "fd00::5/64", false, false},
		{NM_BOTH_FAMILIES, "10.86.0.5/24", "fd00:1::5/64", false, false},
		{NM_BOTH_FAMILIES, "10.86.0.5/25", "fd00::5/64", false, false},
		{NM_IPV4_BIT, "10.86.0.5/24", "fd00:1::5/64", false, true},
		{NM_IPV6_BIT, "10.86.1.5/24", "fd00::5/64", false, true},
		{0, "10.86.1.5/24", "fd00:1::5/64", false, true},
	};
	const struct nm_attachment a = {
		.families = NM_BOTH_FAMILIES, .address = {prefix("10.86.0.5/24"), prefix("fd00::5/64")}};

	nm_each(row, rows) {
		struct nm_attachment b = {.families = row->families,
			.address = {prefix(row->v4), prefix(row->v6)},
			.isolated = row->isolated};

		tap_ok(nm_network_attachment_fits(&a, &b) == row->expected &&
				nm_network_attachment_fits(&b, &a) == row->expected,
			"of families %u, %s, %s%s", row->families, row->v4, row->v6,
			row->isolated ? ", isolated" : "");
	}
}

int main(void)
{
	test_subnets();
	test_gateway();
	test_fits();
	test_same();
	return tap_done();
}
