#include "network/addresses.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

/* Host bits that are counted: no subnet of IPv6 will have more containers than that. */
enum { COUNTED_BITS = 32 };

/* Adds n to the host bits of the network. */
static struct nm_prefix nth(const struct nm_prefix *subnet, uint64_t n)
{
	struct nm_prefix p = nm_prefix_network(subnet);
	size_t size = nm_addr_size(p.addr.family);

	for (size_t i = 1; n > 0; i++, n >>= 8)
		p.addr.bytes[size - i] |= (uint8_t)n;
	return p;
}

/* Addresses that containers may have: the network's, the gateway's and the last one are none. */
static uint64_t count(const struct nm_prefix *subnet)
{
	unsigned bits = nm_addr_bits(subnet->addr.family) - subnet->len;

	return (UINT64_C(1) << (bits < COUNTED_BITS ? bits : COUNTED_BITS)) - 3;
}

bool nm_addresses_candidate(const struct nm_prefix *subnet, const char *id, uint64_t n, struct nm_prefix *ret)
{
	uint64_t hash = nm_hash(NM_HASH_BEGIN, id, strlen(id)), all = count(subnet);

	if (n >= all)
		return false;
	*ret = nth(subnet, 2 + (hash % all + n) % all);
	return true;
}

static bool has(const struct nm_record *r, enum nm_family f, const struct nm_addr *address)
{
	return (r->network.families & 1u << f && nm_addr_equal(&r->network.address[f].addr, address)) ||
		((r->families | r->held) & 1u << f && nm_addr_equal(&r->address[f].addr, address));
}

/* Sets *ret to whether a record of another container has the address. */
static int is_taken(
	struct nm_state *st, const char *id, const struct nm_prefix *address, bool *ret, struct nm_err *err)
{
	enum nm_family f = address->addr.family;
	struct nm_prefix wanted[NM_FAMILY_MAX];
	const struct nm_state_query query = {.address = wanted, .families = 1u << f};
	nm_autorecords struct nm_records found = {0};

	wanted[f] = *address;
	*ret = false;
	if (st && nm_state_search(st, &query, &found, err) < 0)
		return -1;
	for (size_t i = 0; i < found.n && !*ret; i++)
		*ret = strcmp(found.v[i].id, id) != 0 && has(&found.v[i], f, &address->addr);
	return 0;
}

static int refuse(const struct nm_prefix *address, const char *why, struct nm_err *err)
{
	char text[NM_ADDR_STRLEN];

	return nm_fail(
		err, NM_ERR_REFUSED, "io.natmap.address '%s': %s", nm_addr_print(&address->addr, text), why);
}

/* Whether the address is one of the subnet that a container can have. */
static bool is_of(const struct nm_prefix *subnet, const struct nm_addr *address)
{
	struct nm_prefix network = nm_prefix_network(subnet), gateway = nm_network_gateway(subnet),
			 last = nm_prefix_last(subnet);

	return nm_prefix_has(subnet, address) && !nm_addr_equal(address, &network.addr) &&
		!nm_addr_equal(address, &gateway.addr) && !nm_addr_equal(address, &last.addr);
}

static int check_asked(struct nm_state *st, const char *id, const struct nm_prefix *subnet,
	const struct nm_prefix *address, struct nm_err *err)
{
	char text[NM_PREFIX_STRLEN], why[64 + NM_PREFIX_STRLEN];
	bool taken;

	(void)snprintf(why, sizeof(why), "not an address that a container can have in %s",
		nm_prefix_print(subnet, text));
	if (!is_of(subnet, &address->addr))
		return refuse(address, why, err);
	if (is_taken(st, id, address, &taken, err) < 0)
		return -1;
	return taken ? refuse(address, "another container has it", err) : 0;
}

static int find_free(struct nm_state *st, const char *id, const struct nm_prefix *subnet,
	struct nm_prefix *ret, struct nm_err *err)
{
	char text[NM_PREFIX_STRLEN];
	bool taken = true;

	for (uint64_t n = 0; taken; n++) {
		if (!nm_addresses_candidate(subnet, id, n, ret))
			return nm_fail(err, NM_ERR_REFUSED,
				"giving the container an address: all of network.subnets '%s' are taken",
				nm_prefix_print(subnet, text));
		if (is_taken(st, id, ret, &taken, err) < 0)
			return -1;
	}
	return 0;
}

static bool keeps(const struct nm_record *known, enum nm_family f, const struct nm_prefix *subnet)
{
	return known && known->network.families & 1u << f && known->network.address[f].len == subnet->len &&
		is_of(subnet, &known->network.address[f].addr);
}

static int allocate(struct nm_state *st, const char *id, const struct nm_prefix *subnet,
	const struct nm_record *known, struct nm_prefix *address, struct nm_err *err)
{
	enum nm_family f = subnet->addr.family;

	if (address->len) {
		address->len = subnet->len;
		return check_asked(st, id, subnet, address, err);
	}
	if (!keeps(known, f, subnet))
		return find_free(st, id, subnet, address, err);
	*address = known->network.address[f];
	return 0;
}

int nm_addresses_allocate(struct nm_state *st, const char *id, const struct nm_network *network,
	const struct nm_record *known, struct nm_attachment *a, struct nm_err *err)
{
	nm_each_family(f, a->families)
		if (allocate(st, id, &network->subnet[f], known, &a->address[f], err) < 0)
			return -1;
	return 0;
}

int nm_addresses_ask(const char *annotation, struct nm_attachment *a, struct nm_err *err)
{
	nm_autoprefixes struct nm_prefixes list = {0};

	if (annotation &&
		nm_prefixes_parse(
			annotation, NM_FAMILY_MAX, "io.natmap.address", NM_ERR_REFUSED, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		enum nm_family f = list.v[i].addr.family;

		if (a->address[f].len || !(a->families & 1u << f))
			return nm_fail(err, NM_ERR_REFUSED,
				"io.natmap.address '%s': expected one address of each of network.subnets at "
				"most",
				annotation);
		a->address[f] = list.v[i];
	}
	return 0;
}
