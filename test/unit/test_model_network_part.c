/* model/network_part.c: what a bridge's containers share, by table. */
#include "model/network_part.h"

#include "given.h"

static struct nm_attachment attachment(unsigned families, bool isolated)
{
	return (struct nm_attachment){.bridge = "natmap0",
		.families = families,
		.isolated = isolated,
		.address = {prefix("10.86.0.7/24"), prefix("fd00:86::7/64")}};
}

/* "4b 4s6": of IPv4 and IPv6 the bridge, the subnet, and whether it is isolated. */
static const char *describe(const struct nm_attachment *a, char ret[static 64])
{
	struct nm_network_part parts[NM_NETWORK_PARTS_MAX];
	size_t n = nm_network_parts(a, parts), used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(ret + used, 64 - used, "%s%c%c", i ? " " : "", "46"[parts[i].family],
			"bsi"[parts[i].kind]);
	return ret;
}

static void test_parts(void)
{
	static const struct {
		unsigned families;
		bool isolated;
		const char *expected;
	} rows[] = {
		{NM_IPV4_BIT, false, "4b 4s"},
		{NM_IPV6_BIT, false, "6b 6s"},
		{NM_BOTH_FAMILIES, false, "4b 4s 6b 6s"},
		{NM_BOTH_FAMILIES, true, "4b 4s 4i 6b 6s 6i"},
		{0, true, ""},
	};
	char text[64];

	nm_each(row, rows) {
		struct nm_attachment a = attachment(row->families, row->isolated);

		tap_is(describe(&a, text), row->expected, "parts '%s'", row->expected);
		a.bridge[0] = '\0';
		tap_is(describe(&a, text), "", "none without a bridge");
	}
}

static void test_members(void)
{
	struct nm_attachment a = attachment(NM_BOTH_FAMILIES, true);
	struct nm_network_part parts[NM_NETWORK_PARTS_MAX];
	size_t n = nm_network_parts(&a, parts);
	char text[NM_PREFIX_STRLEN];

	for (size_t i = 0; i < n; i++) {
		tap_is(parts[i].owner, "@network/natmap0", "its owner");
		tap_is(parts[i].accept_owner, "@nftables/natmap0", "and that of what lets nftables pass");
		tap_is(nm_network_part_bridge(&parts[i]), "natmap0", "its bridge");
	}
	tap_is(nm_prefix_print(&parts[1].subnet, text), "10.86.0.0/24", "the subnet has no host bits");
	tap_is(nm_prefix_print(&parts[4].subnet, text), "fd00:86::/64", "of IPv6, too");
	tap_ok(parts[0].subnet.len == 0 && parts[2].subnet.len == 0, "others have none");
}

static void test_equal(void)
{
	struct nm_attachment a = attachment(NM_BOTH_FAMILIES, true), b = a;
	struct nm_network_part of_a[NM_NETWORK_PARTS_MAX], of_b[NM_NETWORK_PARTS_MAX];
	size_t n = nm_network_parts(&a, of_a);

	b.address[NM_IPV4].addr.bytes[3] = 9;
	tap_ok(nm_network_parts(&b, of_b) == n, "another container's");
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			tap_ok(nm_network_part_equal(&of_a[i], &of_b[j]) == (i == j), "parts %zu and %zu", i,
				j);
	b.address[NM_IPV4].len = 25;
	(void)nm_network_parts(&b, of_b);
	tap_ok(nm_network_part_equal(&of_a[0], &of_b[0]) && !nm_network_part_equal(&of_a[1], &of_b[1]),
		"of another length: the subnet alone");
	b.address[NM_IPV4] = prefix("10.86.1.9/24");
	(void)nm_network_parts(&b, of_b);
	tap_ok(!nm_network_part_equal(&of_a[1], &of_b[1]) && nm_network_part_equal(&of_a[2], &of_b[2]),
		"another subnet");
	b.bridge[0] = 'N';
	(void)nm_network_parts(&b, of_b);
	for (size_t i = 0; i < n; i++)
		tap_ok(!nm_network_part_equal(&of_a[i], &of_b[i]), "another bridge");
}

int main(void)
{
	test_parts();
	test_members();
	test_equal();
	return tap_done();
}
