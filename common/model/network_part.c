#include "model/network_part.h"

#include <stdio.h>
#include <string.h>

static struct nm_network_part part_of(
	const struct nm_attachment *a, enum nm_network_part_kind kind, enum nm_family family)
{
	struct nm_network_part part = {.kind = kind, .family = family};

	(void)snprintf(part.owner, sizeof(part.owner), NM_PUBLICATION_NETWORK "%s", a->bridge);
	(void)snprintf(part.accept_owner, sizeof(part.accept_owner), NM_PUBLICATION_NFTABLES "%s", a->bridge);
	if (kind == NM_NETWORK_PART_SUBNET)
		part.subnet = nm_prefix_network(&a->address[family]);
	return part;
}

size_t nm_network_parts(
	const struct nm_attachment *a, struct nm_network_part ret[static NM_NETWORK_PARTS_MAX])
{
	size_t n = 0;

	if (!a->bridge[0])
		return 0;
	nm_each_family(f, a->families) {
		ret[n++] = part_of(a, NM_NETWORK_PART_BRIDGE, f);
		ret[n++] = part_of(a, NM_NETWORK_PART_SUBNET, f);
		if (a->isolated)
			ret[n++] = part_of(a, NM_NETWORK_PART_ISOLATED, f);
	}
	return n;
}

bool nm_network_part_equal(const struct nm_network_part *a, const struct nm_network_part *b)
{
	return a->kind == b->kind && a->family == b->family && !strcmp(a->owner, b->owner) &&
		(a->kind != NM_NETWORK_PART_SUBNET ||
			(a->subnet.len == b->subnet.len && nm_addr_equal(&a->subnet.addr, &b->subnet.addr)));
}

const char *nm_network_part_bridge(const struct nm_network_part *part)
{
	return part->owner + sizeof(NM_PUBLICATION_NETWORK) - 1;
}
