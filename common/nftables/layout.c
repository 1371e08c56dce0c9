/*
 * A mapping becomes elements, a range some for each of its blocks. A wildcard answers on 127.0.0.1 by an
 * element of its own in the map of host addresses, so that no rule depends on the configuration. A client
 * network is a key with the client's address under its netmask, which a rule for each prefix length looks up.
 */
#include "nftables/layout.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "base/array.h"

int nm_nftables_layout_add(
	struct nm_nftables_elements *elements, const struct nm_nftables_element *e, struct nm_err *err)
{
	if (nm_grow(elements, "preparing the elements", err) < 0)
		return -1;
	elements->v[elements->n++] = *e;
	return 0;
}

void nm_nftables_layout_done(struct nm_nftables_elements *elements)
{
	free(elements->v);
	*elements = (struct nm_nftables_elements){0};
}

const char *nm_nftables_layout_tag(const struct nm_nftables_element *e, char buf[static NM_TAG_SIZE])
{
	return nm_tag_print(e->owner, e->owner_ports, buf);
}

/* nft knows a port of the connection only where the protocol is known, and would not load what it has saved.
 */
bool nm_nftables_layout_is_per_protocol(enum nm_nftables_set set)
{
	return nm_nftables_set_key_has(set, NM_FIELD_HOST_PORT);
}

uint32_t nm_nftables_layout_bit(uint8_t level, uint8_t protocol)
{
	unsigned n = protocol == IPPROTO_UDP ? 1 : protocol == IPPROTO_SCTP ? 2 : 0;

	return 1u << (3u * level - 2 + n);
}

static bool has_block_bits(const uint32_t lengths[static 129])
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 129; i++)
		bits |= lengths[i];
	return bits & ~NM_LENGTH_PORTS;
}

bool nm_nftables_layout_has_subnets(const struct nm_nftables_prefix_lengths *lengths)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 129; i++)
		bits |= lengths->subnets[i];
	return bits;
}

bool nm_nftables_layout_uses(const struct nm_nftables_prefix_lengths *lengths, enum nm_nftables_set set)
{
	if (nm_nftables_set_is_of_bridges(set))
		return nm_nftables_layout_has_subnets(lengths);
	if (set == NM_SET_MASQUERADED_RANGES)
		return has_block_bits(lengths->masquerade);
	if (set == NM_SET_ALLOWED_RANGES || set == NM_SET_HOST_ALLOWED_RANGES)
		return has_block_bits(lengths->allowed);
	if (set == NM_SET_SHIFTED_LAST)
		return lengths->ranges[NM_SET_SHIFTED];
	if (set == NM_SET_HOST_SHIFTED_LAST)
		return lengths->ranges[NM_SET_HOST_SHIFTED];
	return lengths->ranges[set];
}

/* One block of a mapping in one family. */
struct part {
	const struct nm_publication *pub;
	const struct nm_layout_options *opt;
	bool any_options; /* what any options lead to */
	const struct nm_mapping *m;
	enum nm_family family;
	uint8_t level;
	uint16_t host_port, container_port; /* the first ones */
	struct nm_nftables_elements *elements;
};

static bool is_shifted(const struct part *p)
{
	return p->host_port != p->container_port;
}

static struct nm_nftables_element element_of(const struct part *p, enum nm_nftables_set set)
{
	return (struct nm_nftables_element){
		.family = p->family,
		.set = p->level ? nm_nftables_set_for_blocks(set, is_shifted(p)) : set,
		.owner = p->pub->id,
		.owner_ports = {p->m->host_port, (uint16_t)(p->m->host_port + p->m->count - 1)},
		.level = p->level,
		.host_port = p->host_port,
		.container_port = p->container_port,
	};
}

/* The bits of prefix_lengths that the part needs of a set. */
static uint32_t bits_of(const struct part *p, enum nm_nftables_set set)
{
	if (!p->level)
		return NM_LENGTH_PORTS;
	return nm_nftables_layout_bit(p->level, nm_nftables_layout_is_per_protocol(set) ? p->m->protocol : 0);
}

static int add(const struct part *p, const struct nm_nftables_element *e, struct nm_err *err)
{
	if (p->level)
		p->elements->prefix_lengths[e->family].ranges[e->set] |= bits_of(p, e->set);
	return nm_nftables_layout_add(p->elements, e, err);
}

/* The following append a field and return where the next one goes. */

static uint8_t *put_address(uint8_t *to, const struct nm_addr *a)
{
	memcpy(to, a->bytes, nm_addr_size(a->family));
	return to + nm_addr_size(a->family);
}

static uint8_t *put_port(uint8_t *to, uint16_t port)
{
	uint16_t be = htons(port);

	memcpy(to, &be, sizeof(be));
	return to + 4;
}

static uint8_t *put_service(const struct part *p, uint8_t *to, uint16_t port)
{
	*to = p->m->protocol;
	return put_port(to + 4, nm_nftables_block_key(port, p->level));
}

static uint8_t *put_host(const struct part *p, uint8_t *to)
{
	return p->m->any_host ? to : put_address(to, &p->m->host);
}

/* Adds e with the key of a translated flow at this place: container address . protocol . container port .
 * host port. The container's ports that a shifted block goes to may be part of two blocks. */
static int add_flow(const struct part *p, struct nm_nftables_element *e, uint8_t *at, struct nm_err *err)
{
	unsigned size = nm_nftables_block_size(p->level);
	unsigned last = p->container_port + size - 1;

	at = put_address(at, &p->pub->address[p->family].addr);
	for (unsigned port = p->container_port; port <= last; port = (port & ~(size - 1)) + size) {
		put_port(put_service(p, at, (uint16_t)port), nm_nftables_block_key(p->host_port, p->level));
		if (add(p, e, err) < 0)
			return -1;
	}
	return 0;
}

/* host NULL: every address of the host. The order of the fields: nm_nftables_sets. */
static void put_untranslated(const struct part *p, const struct nm_addr *host, uint8_t *to)
{
	if (!p->level) {
		put_service(p, host ? put_address(to, host) : to, p->host_port);
		return;
	}
	to = put_port(to, nm_nftables_block_key(p->host_port, p->level));
	*to = p->m->protocol;
	if (host)
		put_address(to + 4, host);
}

static int add_last(
	const struct part *p, const struct nm_addr *host, enum nm_nftables_set shifted, struct nm_err *err)
{
	struct nm_nftables_element e = element_of(p, NM_SET_PORTS);

	e.set = nm_nftables_set_for_last(shifted);
	put_untranslated(p, host, e.key);
	put_port(e.data, (uint16_t)(p->container_port + nm_nftables_block_size(p->level) - 1));
	return add(p, &e, err);
}

static int add_translation(const struct part *p, const struct nm_addr *host, struct nm_err *err)
{
	struct nm_nftables_element e = element_of(p, host ? NM_SET_HOST_PORTS : NM_SET_PORTS);
	uint8_t *data = put_address(e.data, &p->pub->address[p->family].addr);

	put_untranslated(p, host, e.key);
	if (!p->level || is_shifted(p))
		put_port(data, p->container_port);
	if (add(p, &e, err) < 0)
		return -1;
	return nm_nftables_set_is_shifted(e.set) ? add_last(p, host, e.set, err) : 0;
}

static int add_translations(const struct part *p, struct nm_err *err)
{
	static const struct nm_addr localhost = {.family = NM_IPV4, .bytes = {127, 0, 0, 1}};

	if (!p->m->any_host)
		return add_translation(p, &p->m->host, err);
	if (p->family == NM_IPV4 && p->opt->localhost && add_translation(p, &localhost, err) < 0)
		return -1;
	return add_translation(p, NULL, err);
}

static int add_masquerade(const struct part *p, const struct nm_prefix *clients, struct nm_err *err)
{
	struct nm_nftables_element e = element_of(p, NM_SET_MASQUERADED);
	struct nm_prefix network = nm_prefix_network(clients);

	p->elements->prefix_lengths[p->family].masquerade[clients->len] |= bits_of(p, e.set);
	return add_flow(p, &e, put_address(e.key, &network.addr), err);
}

/* Members of these networks the container would answer without the host. */
static int add_neighbours(const struct part *p, struct nm_err *err)
{
	if (add_masquerade(p, &p->pub->address[p->family], err) < 0)
		return -1;
	for (size_t i = 0; i < p->pub->n_networks; i++)
		if (p->pub->networks[i].addr.family == p->family &&
			add_masquerade(p, &p->pub->networks[i], err) < 0)
			return -1;
	return 0;
}

static int add_masquerades(const struct part *p, struct nm_err *err)
{
	static const struct nm_prefix loopback = {.addr = {.family = NM_IPV4, .bytes = {127}}, .len = 8};
	const struct nm_prefix everyone = {.addr = {.family = p->family}};
	bool for_all = p->any_options || p->opt->masquerade_all;
	bool for_some = !(p->opt->hairpin && p->opt->masquerade_all);

	if (p->opt->hairpin && for_all && add_masquerade(p, &everyone, err) < 0)
		return -1;
	if (p->opt->hairpin && for_some && add_neighbours(p, err) < 0)
		return -1;
	if (!for_some || p->family != NM_IPV4 || !nm_publication_needs_localnet(p->m, p->opt))
		return 0;
	return add_masquerade(p, &loopback, err);
}

static int add_client(const struct part *p, const struct nm_prefix *client, struct nm_err *err)
{
	struct nm_nftables_element e = element_of(p, p->m->any_host ? NM_SET_ALLOWED : NM_SET_HOST_ALLOWED);
	uint8_t *service = put_host(p, put_address(e.key, &client->addr));

	put_service(p, service, p->host_port);
	if (client->len < nm_addr_bits(p->family))
		*service = nm_nftables_set_network_number(p->m->protocol, client->len);
	p->elements->prefix_lengths[p->family].allowed[client->len] |= bits_of(p, e.set);
	return add(p, &e, err);
}

static int add_allowed(const struct part *p, const struct nm_prefix *clients, struct nm_err *err)
{
	struct nm_prefix half = nm_prefix_network(clients);

	if (half.len % 2) {
		half.len++;
		if (add_client(p, &half, err) < 0)
			return -1;
		half.addr.bytes[clients->len / 8] |= (uint8_t)(0x80 >> clients->len % 8);
	}
	return add_client(p, &half, err);
}

static int add_forward(const struct part *p, struct nm_err *err)
{
	static const enum nm_nftables_set flows[2][2] = {
		{NM_SET_HOST_OPEN, NM_SET_OPEN}, {NM_SET_HOST_RESTRICTED, NM_SET_RESTRICTED}};
	struct nm_nftables_element e = element_of(p, flows[p->pub->restricted][p->m->any_host]);

	if (!p->m->any_host && nm_addr_is_loopback(&p->m->host))
		return 0;
	if (add_flow(p, &e, put_host(p, e.key), err) < 0)
		return -1;
	for (size_t i = 0; p->pub->restricted && i < p->pub->n_allow; i++)
		if (p->pub->allow[i].addr.family == p->family && add_allowed(p, &p->pub->allow[i], err) < 0)
			return -1;
	return 0;
}

static int add_guard(const struct part *p, struct nm_err *err)
{
	struct nm_nftables_element e = element_of(p, NM_SET_GUARDED);

	if (p->family != NM_IPV4 || p->m->any_host || !nm_addr_is_loopback(&p->m->host))
		return 0;
	put_service(p, put_address(e.key, &p->m->host), p->host_port);
	return add(p, &e, err);
}

/* Shifted ranges of so few ports stay ports, which nft can save. */
enum { FEW_SHIFTED = 32 };

static int add_mapping(struct part *p, struct nm_err *err)
{
	bool has_blocks = p->m->host_port == p->m->container_port || p->m->count > FEW_SHIFTED;

	for (unsigned i = 0; i < p->m->count; i += nm_nftables_block_size(p->level)) {
		p->host_port = (uint16_t)(p->m->host_port + i);
		p->container_port = (uint16_t)(p->m->container_port + i);
		p->level = has_blocks ? nm_nftables_block_fit(p->host_port, p->m->count - i) : 0;
		if (add_guard(p, err) < 0 || add_translations(p, err) < 0 || add_masquerades(p, err) < 0 ||
			add_forward(p, err) < 0)
			return -1;
	}
	return 0;
}

int nm_nftables_layout(const struct nm_publication *pub, const struct nm_layout_options *opt,
	struct nm_nftables_elements *ret, struct nm_err *err)
{
	static const struct nm_layout_options most = {.localhost = true, .hairpin = true};

	for (size_t i = 0; i < pub->n_mappings; i++) {
		struct part p = {.pub = pub,
			.opt = opt ? opt : &most,
			.any_options = !opt,
			.m = &pub->mappings[i],
			.elements = ret};

		for (p.family = NM_IPV4; p.family < NM_FAMILY_MAX; p.family++)
			if (p.m->families & pub->families & 1u << p.family && add_mapping(&p, err) < 0)
				return -1;
	}
	return 0;
}

int nm_nftables_layout_guard(const char *owner, struct nm_nftables_elements *ret, struct nm_err *err)
{
	struct nm_nftables_element e = {.family = NM_IPV4, .set = NM_SET_LOCALNET, .owner = owner};
	const char *interface = owner + strlen(NM_PUBLICATION_GUARD);

	memcpy(e.key, interface, strnlen(interface, IFNAMSIZ - 1));
	return nm_nftables_layout_add(ret, &e, err);
}

int nm_nftables_layout_forward(enum nm_family family, const char *owner, bool bridged,
	struct nm_nftables_elements *ret, struct nm_err *err)
{
	struct nm_nftables_element e = {.family = family, .set = NM_SET_FORWARDING, .owner = owner};
	const char *interface = owner + strlen(NM_PUBLICATION_FORWARD);
	size_t len = strnlen(interface, IFNAMSIZ - 1);

	memcpy(e.key, interface, len);
	if (nm_nftables_layout_add(ret, &e, err) < 0)
		return -1;
	if (!bridged)
		return 0;
	e.set = NM_SET_BRIDGED;
	memcpy(e.key + IFNAMSIZ, interface, len);
	return nm_nftables_layout_add(ret, &e, err);
}
