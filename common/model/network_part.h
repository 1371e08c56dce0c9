/* What a bridge that natmap has made needs of both layouts, in parts that all containers on it share. Pure.
 */
#ifndef NM_MODEL_NETWORK_PART_H
#define NM_MODEL_NETWORK_PART_H

#include "model/network.h"
#include "model/publication.h"

enum nm_network_part_kind {
	NM_NETWORK_PART_BRIDGE,   /* what passes it */
	NM_NETWORK_PART_SUBNET,   /* what leaves it has an address of the host */
	NM_NETWORK_PART_ISOLATED, /* its containers do not reach each other */
};

struct nm_network_part {
	enum nm_network_part_kind kind;
	enum nm_family family;
	struct nm_prefix subnet;               /* NM_NETWORK_PART_SUBNET */
	char owner[NM_PUBLICATION_GUARD_SIZE]; /* NM_PUBLICATION_NETWORK and the bridge */
	/* NM_PUBLICATION_NFTABLES and the bridge */
	char accept_owner[NM_PUBLICATION_GUARD_SIZE];
};

#define NM_NETWORK_PARTS_MAX 6

/* Writes the parts that a container's attachment needs, and returns how many these are: 0 without a bridge.
 */
size_t nm_network_parts(
	const struct nm_attachment *a, struct nm_network_part ret[static NM_NETWORK_PARTS_MAX]);

bool nm_network_part_equal(const struct nm_network_part *a, const struct nm_network_part *b);

/* Borrowed from the part. */
const char *nm_network_part_bridge(const struct nm_network_part *part);

#endif
