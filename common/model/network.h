/* The network that natmap makes for a container: a bridge of the host's, and a veth pair that leads to it.
 * Pure. */
#ifndef NM_MODEL_NETWORK_H
#define NM_MODEL_NETWORK_H

#include <net/if.h>

#include "base/prefix.h"

/* What the configuration says of it: natmap.json(5). */
struct nm_network {
	char bridge[IF_NAMESIZE];
	unsigned families;                      /* those of subnet, one at least */
	struct nm_prefix subnet[NM_FAMILY_MAX]; /* networks: without host bits */
	unsigned mtu;                           /* 0: that of the default route's interface */
	bool isolate;                           /* the bridge's containers do not reach each other */
};

/* A container's part of it, as its record keeps it. */
struct nm_attachment {
	char bridge[IF_NAMESIZE];                /* "": natmap has not made this container's network */
	char port[IF_NAMESIZE];                  /* the host's end of the pair, a port of the bridge */
	unsigned families;                       /* those of address */
	struct nm_prefix address[NM_FAMILY_MAX]; /* the container's, with the subnet's length */
	bool isolated;                           /* its port is */
};

#define NM_NETWORK_BRIDGE "bridge" /* what io.natmap.network may say */

/* NULL when the prefix can be a subnet, else what such a one is: it has no host bits, room for a gateway and
 * a container at least, and addresses that containers can have (nm_addr_unusable()). */
const char *nm_network_subnet_invalid(const struct nm_prefix *subnet);

/* The bridge's own address in the subnet, of which p is the network or any address: the first of a host, with
 * the subnet's length. */
struct nm_prefix nm_network_gateway(const struct nm_prefix *p);

/* Whether both can be on one bridge: in one subnet, in the families that both have, and isolated or not. */
bool nm_network_attachment_fits(const struct nm_attachment *a, const struct nm_attachment *b);

bool nm_network_attachment_same(const struct nm_attachment *a, const struct nm_attachment *b);

#endif
