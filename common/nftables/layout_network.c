/* A bridge becomes elements with its name, and a subnet of its some with that network. */
#include "nftables/layout_network.h"

#include <net/if.h>
#include <string.h>

static int add_interfaces(const struct nm_network_part *part, enum nm_nftables_set set, bool twice,
	struct nm_nftables_elements *ret, struct nm_err *err)
{
	struct nm_nftables_element e = {.family = part->family, .set = set, .owner = part->owner};
	const char *bridge = nm_network_part_bridge(part);
	size_t len = strnlen(bridge, IFNAMSIZ - 1);

	memcpy(e.key, bridge, len);
	if (twice)
		memcpy(e.key + IFNAMSIZ, bridge, len);
	return nm_nftables_layout_add(ret, &e, err);
}

static int add_origin(
	const struct nm_network_part *part, struct nm_nftables_elements *ret, struct nm_err *err)
{
	struct nm_nftables_element e = {.family = part->family, .set = NM_SET_ORIGINS, .owner = part->owner};
	const char *bridge = nm_network_part_bridge(part);
	size_t size = nm_addr_size(part->family);

	memcpy(e.key, part->subnet.addr.bytes, size);
	memcpy(e.key + size, bridge, strnlen(bridge, IFNAMSIZ - 1));
	return nm_nftables_layout_add(ret, &e, err);
}

int nm_nftables_layout_network(
	const struct nm_network_part *part, struct nm_nftables_elements *ret, struct nm_err *err)
{
	struct nm_nftables_element e = {.family = part->family, .set = NM_SET_SUBNETS, .owner = part->owner};

	if (part->kind == NM_NETWORK_PART_ISOLATED)
		return add_interfaces(part, NM_SET_ISOLATED, true, ret, err);
	if (part->kind == NM_NETWORK_PART_BRIDGE)
		return add_interfaces(part, NM_SET_NETWORKS, false, ret, err) < 0 ||
				add_interfaces(part, NM_SET_OUTBOUND, false, ret, err) < 0 ||
				add_interfaces(part, NM_SET_NEIGHBOURS, true, ret, err) < 0
			? -1
			: 0;
	if (add_origin(part, ret, err) < 0)
		return -1;
	memcpy(e.key, part->subnet.addr.bytes, nm_addr_size(part->family));
	ret->prefix_lengths[part->family].subnets[part->subnet.len] |= NM_LENGTH_PORTS;
	return nm_nftables_layout_add(ret, &e, err);
}
