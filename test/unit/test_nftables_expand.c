/* nftables/expand.c: blocks as ports are what a range of single ports is laid out as. */
#include <stdlib.h>

#include "nftables/expand.h"
#include "tap.h"

static const struct nm_prefix allow = {.addr = {.family = NM_IPV4, .bytes = {10}}, .len = 8};

static const struct nm_publication base = {
	.id = "web",
	.families = NM_BOTH_FAMILIES,
	.address = {{{NM_IPV4, {172, 17, 0, 2}}, 16}, {{NM_IPV6, {0xfd, [15] = 2}}, 64}},
	.allow = &allow,
	.n_allow = 1,
	.n_mappings = 1,
};

static int compare(const void *a, const void *b)
{
	const struct nm_nftables_element *x = a, *y = b;

	if (x->family != y->family || x->set != y->set)
		return x->family != y->family ? (int)x->family - (int)y->family : (int)x->set - (int)y->set;
	return memcmp(x->key, y->key, sizeof(x->key));
}

static bool is_same(const struct nm_nftables_element *x, const struct nm_nftables_element *y)
{
	char a[NM_TAG_SIZE], b[NM_TAG_SIZE];

	return !compare(x, y) && !memcmp(x->data, y->data, sizeof(x->data)) &&
		!strcmp(nm_nftables_layout_tag(x, a), nm_nftables_layout_tag(y, b));
}

/* The elements of each port of the range on its own. */
static int lay_out_ports(
	const struct nm_publication *pub, struct nm_nftables_elements *ret, struct nm_err *err)
{
	for (unsigned i = 0; i < pub->mappings->count; i++) {
		struct nm_mapping port = *pub->mappings;
		struct nm_publication one = *pub;

		port.host_port = (uint16_t)(port.host_port + i);
		port.container_port = (uint16_t)(port.container_port + i);
		port.count = 1;
		one.mappings = &port;
		if (nm_nftables_layout(&one, NULL, ret, err) < 0)
			return -1;
	}
	return 0;
}

static void check(const char *name, struct nm_mapping range, bool restricted)
{
	NM_CLEANUP(nm_nftables_layout_done) struct nm_nftables_elements blocks = {0}, got = {0}, ports = {0};
	struct nm_publication pub = base;
	struct nm_err err;
	size_t same = 0;

	pub.mappings = &range;
	pub.restricted = restricted;
	if (!tap_ok(nm_nftables_layout(&pub, NULL, &blocks, &err) == 0 &&
			    nm_nftables_expand(&blocks, UINT32_MAX, &got, &err) == 0 &&
			    lay_out_ports(&pub, &ports, &err) == 0,
		    "%s: laid out", name) ||
		!tap_ok(got.n > 0 && ports.n > 0, "%s: has elements", name) || !got.v || !ports.v)
		return;
	qsort(got.v, got.n, sizeof(*got.v), compare);
	qsort(ports.v, ports.n, sizeof(*ports.v), compare);
	for (size_t i = 0; i < got.n && i < ports.n; i++)
		same += is_same(&got.v[i], &ports.v[i]);
	tap_ok(got.n == ports.n && same == got.n, "%s: %zu of %zu elements, expected %zu", name, same, got.n,
		ports.n);
}

static void test_most(void)
{
	NM_CLEANUP(nm_nftables_layout_done) struct nm_nftables_elements blocks = {0}, got = {0};
	const struct nm_mapping range = {
		NM_IPV4_BIT, true, .protocol = 6, .host_port = 1024, .container_port = 1024, .count = 1025};
	struct nm_publication pub = base;
	struct nm_err err;

	pub.mappings = &range;
	tap_ok(nm_nftables_layout(&pub, NULL, &blocks, &err) == 0 &&
			nm_nftables_expand(&blocks, 1, &got, &err) == 0,
		"laid out");
	/* 1024-2047 is a block, 2048 a port */
	tap_ok(got.n > 0 && 2 * got.n == blocks.n && got.v[0].owner_ports.last == 1024,
		"the first port of each block");
}

int main(void)
{
	const struct nm_mapping same = {NM_BOTH_FAMILIES, true, .protocol = 17, .host_port = 8000,
		.container_port = 8000, .count = 448};
	struct nm_mapping shifted = same, host = same;

	shifted.container_port = 9001;
	host.families = NM_IPV4_BIT;
	host.any_host = false;
	host.host = (struct nm_addr){NM_IPV4, {127, 0, 0, 2}};
	check("same ports", same, false);
	check("same ports, allow", same, true);
	check("shifted", shifted, false);
	check("shifted, allow", shifted, true);
	check("loopback", host, false);
	host.host.bytes[0] = 192;
	host.container_port = 80;
	check("one address, shifted, allow", host, true);
	test_most();
	return tap_done();
}
