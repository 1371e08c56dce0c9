/* What the interfaces of natmap's networks are called, and by which marks natmap knows them again. Pure. */
#ifndef NM_NETWORK_NAMES_H
#define NM_NETWORK_NAMES_H

#include "network/link.h"
#include "host/rtnl.h"
#include "model/network.h"
#include "model/tag.h"

#define NM_NAMES_BRIDGE    "natmap" /* the alias (ip-link(8)) of a bridge */
#define NM_NAMES_CONTAINER "eth0"   /* the container's end of its pair */

/* The MAC address of every bridge: what a container has learned of its gateway stays right. */
extern const uint8_t nm_names_bridge_mac[NM_LINK_MAC_SIZE];

/* Writes the name of the host's end of a container's pair: "nm" and 12 hexadecimal digits of the id's hash.
 * Returns buf. */
const char *nm_names_port(const char *id, char buf[static IF_NAMESIZE]);

/* Writes the alias of that port: "natmap:ID", shortened as tags are. Returns buf. */
const char *nm_names_alias(const char *id, char buf[static NM_TAG_SIZE]);

/* Writes the MAC address of the container's end: locally administered, and a function of its address, so that
 * what neighbours have learned of an address stays right whoever has it. */
void nm_names_mac(const struct nm_attachment *a, uint8_t ret[static NM_LINK_MAC_SIZE]);

/* Writes the name that an interface gets that is being deleted. Returns buf. */
const char *nm_names_aside(unsigned ifindex, char buf[static IF_NAMESIZE]);
bool nm_names_is_aside(const char *name);

/* True for a bridge that natmap has made, and for the port of a pair that it has made for whichever
 * container.
 */
bool nm_names_is_bridge(const struct nm_rtnl_link *link);
bool nm_names_is_end(const struct nm_rtnl_link *link);

#endif
