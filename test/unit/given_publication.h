/* What the tests of both layouts give to them: publications from text, and options. */
#ifndef NM_TEST_GIVEN_PUBLICATION_H
#define NM_TEST_GIVEN_PUBLICATION_H

#include "base/prefix.h"
#include "model/mapping.h"
#include "model/publication.h"

static const struct nm_layout_options defaults = {.localhost = true, .hairpin = true};
static const struct nm_layout_options no_localhost = {.hairpin = true};
static const struct nm_layout_options no_hairpin = {.localhost = true};
static const struct nm_layout_options neither = {0};
static const struct nm_layout_options masquerade_all = {
	.localhost = true, .hairpin = true, .masquerade_all = true};
static const struct nm_layout_options masquerade_all_no_hairpin = {.localhost = true, .masquerade_all = true};

/* pub borrows from the lists. */
struct given_publication {
	struct nm_publication pub;
	struct nm_mappings mappings;
	struct nm_prefixes addresses, networks, allow;
};

static inline int given_list(const char *text, size_t max, struct nm_prefixes *ret, struct nm_err *err)
{
	return text && *text ? nm_prefixes_parse(text, max, "a list of the test's", NM_ERR_FAILED, ret, err)
			     : 0;
}

/* Of the container "web"; further networks, and an allow list: NULL or "" for none. Released by
 * given_publication_done(), also after -1. */
static inline int given_publication(struct given_publication *ret, const char *ports, const char *addresses,
	const char *networks, const char *allow, struct nm_err *err)
{
	*ret = (struct given_publication){.pub = {.id = "web"}};
	if (nm_mappings_parse(ports, &ret->mappings, err) < 0 ||
		given_list(addresses, 2, &ret->addresses, err) < 0 ||
		given_list(networks, 9, &ret->networks, err) < 0 ||
		given_list(allow, 9, &ret->allow, err) < 0)
		return -1;
	for (size_t i = 0; i < ret->addresses.n; i++) {
		const struct nm_prefix *address = &ret->addresses.v[i];

		ret->pub.families |= 1u << address->addr.family;
		ret->pub.address[address->addr.family] = *address;
	}
	ret->pub.networks = ret->networks.v;
	ret->pub.n_networks = ret->networks.n;
	ret->pub.mappings = ret->mappings.v;
	ret->pub.n_mappings = ret->mappings.n;
	ret->pub.allow = ret->allow.v;
	ret->pub.n_allow = ret->allow.n;
	return 0;
}

static inline void given_publication_done(struct given_publication *p)
{
	nm_mappings_done(&p->mappings);
	nm_prefixes_done(&p->addresses);
	nm_prefixes_done(&p->networks);
	nm_prefixes_done(&p->allow);
}

#endif
