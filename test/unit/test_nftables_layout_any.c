/* nftables/layout.c without options: all elements that a container may have, whatever they have been. */
#include "nftables/layout.h"
#include "tap.h"

static const struct nm_publication *some_publication(void)
{
	static const struct nm_prefix allow[] = {{{NM_IPV4, {10}}, 8}};
	static const struct nm_prefix networks[] = {{{NM_IPV4, {10, 99}}, 24}, {{NM_IPV6, {0xfd, 9}}, 64}};
	static const struct nm_mapping mappings[] = {
		{.families = NM_IPV4_BIT | NM_IPV6_BIT, .any_host = true, .host_port = 1, .count = 2},
		{.families = NM_IPV4_BIT, .host = {NM_IPV4, {127, [3] = 2}}, .host_port = 1, .count = 1},
		{.families = NM_IPV6_BIT, .host = {NM_IPV6, {0xfd}}, .host_port = 1, .count = 1},
	};
	static const struct nm_publication pub = {
		.id = "web",
		.families = NM_IPV4_BIT | NM_IPV6_BIT,
		.address = {{{NM_IPV4, {172, 17, 0, 2}}, 16}, {{NM_IPV6, {0xfd, [15] = 2}}, 64}},
		.networks = networks,
		.n_networks = 2,
		.mappings = mappings,
		.n_mappings = 3,
		.restricted = true,
		.allow = allow,
		.n_allow = 1,
	};

	return &pub;
}

static bool has(const struct nm_nftables_elements *all, const struct nm_nftables_element *e)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct nm_nftables_element *a = &all->v[i];

		if (a->family == e->family && a->set == e->set && !memcmp(a->key, e->key, sizeof(a->key)) &&
			!memcmp(a->data, e->data, sizeof(a->data)))
			return true;
	}
	return false;
}

/* Elements that are in one list and not in the other. */
static size_t lacks(const struct nm_nftables_elements *all, const struct nm_nftables_elements *some)
{
	size_t n = 0;

	for (size_t i = 0; i < some->n; i++)
		n += !has(all, &some->v[i]);
	return n;
}

/* With no options there is all that any of them would have made, and nothing else. */
static void test_any_options(void)
{
	const struct nm_publication *pub = some_publication();
	struct nm_nftables_elements any = {0}, all = {0};
	struct nm_err err;
	bool done = nm_nftables_layout(pub, NULL, &any, &err) == 0;

	for (int bits = 0; bits < 8; bits++) {
		const struct nm_layout_options opt = {
			.localhost = bits & 1, .hairpin = bits & 2, .masquerade_all = bits & 4};

		done &= nm_nftables_layout(pub, &opt, &all, &err) == 0;
	}
	tap_ok(done && !lacks(&any, &all), "whatever the options: all");
	tap_ok(!lacks(&all, &any), "and no more");
	nm_nftables_layout_done(&any);
	nm_nftables_layout_done(&all);
}

int main(void)
{
	test_any_options();
	return tap_done();
}
