#include "nftables/expand.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/array.h"

static void put_port(uint8_t *to, uint16_t port)
{
	uint16_t be = htons(port);

	memcpy(to, &be, sizeof(be));
}

static uint8_t *find_port(struct nm_nftables_element *e, enum nm_nftables_field field)
{
	return e->key + nm_nftables_set_key_offset(e->set, field, e->family);
}

static bool is_last(enum nm_nftables_set set)
{
	return nm_nftables_set_is_map(set) && !nm_nftables_set_is_counted(set);
}

/* A shifted block has two elements for its flows, if the container's ports are part of two blocks. */
static bool is_second(const struct nm_nftables_element *e)
{
	struct nm_nftables_element first = *e;

	if (!nm_nftables_set_key_has(e->set, NM_FIELD_DPORT) ||
		!nm_nftables_set_key_has(e->set, NM_FIELD_HOST_PORT))
		return false;
	put_port(find_port(&first, NM_FIELD_DPORT), nm_nftables_block_key(e->container_port, e->level));
	return memcmp(first.key, e->key, sizeof(e->key)) != 0;
}

/* Writes [address .] protocol . port instead of the block's port . protocol [. address], and the data. */
static void put_translation(struct nm_nftables_element *e, const struct nm_nftables_element *block)
{
	size_t size = nm_addr_size(e->family), address = e->set == NM_SET_HOST_PORTS ? size : 0;

	memset(e->key, 0, sizeof(e->key));
	memcpy(e->key, block->key + 8, address);
	e->key[address] = block->key[4];
	put_port(e->key + address + 4, e->host_port);
	memset(e->data + size, 0, sizeof(e->data) - size);
	put_port(e->data + size, e->container_port);
}

static struct nm_nftables_element port_of(const struct nm_nftables_element *block, unsigned i)
{
	bool is_flow = nm_nftables_set_key_has(block->set, NM_FIELD_HOST_PORT);
	uint16_t host = (uint16_t)(block->host_port + i), container = (uint16_t)(block->container_port + i);
	struct nm_nftables_element e = *block;

	e.set = nm_nftables_sets[block->set].ports;
	e.owner_ports = (struct nm_ports){host, host};
	e.level = 0;
	e.host_port = host;
	e.container_port = container;
	if (nm_nftables_set_is_map(e.set)) {
		put_translation(&e, block);
		return e;
	}
	if (nm_nftables_set_key_has(e.set, NM_FIELD_DPORT))
		put_port(find_port(&e, NM_FIELD_DPORT), is_flow ? container : host);
	if (is_flow)
		put_port(find_port(&e, NM_FIELD_HOST_PORT), host);
	return e;
}

static int expand(const struct nm_nftables_element *block, unsigned most, struct nm_nftables_elements *ret,
	struct nm_err *err)
{
	for (unsigned i = 0; i < most && i < nm_nftables_block_size(block->level); i++) {
		if (nm_grow(ret, "preparing the elements", err) < 0)
			return -1;
		ret->v[ret->n++] = port_of(block, i);
	}
	return 0;
}

int nm_nftables_expand(const struct nm_nftables_elements *elements, unsigned most,
	struct nm_nftables_elements *ret, struct nm_err *err)
{
	for (const struct nm_nftables_element *e = elements->v; e < elements->v + elements->n; e++)
		if (nm_nftables_set_is_of_blocks(e->set) && !is_last(e->set) && !is_second(e) &&
			expand(e, most, ret, err) < 0)
			return -1;
	return 0;
}
