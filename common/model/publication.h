/* What is published for one container, and the settings that shape its rules: the input of both layouts.
 * Pure. */
#ifndef NM_MODEL_PUBLICATION_H
#define NM_MODEL_PUBLICATION_H

#include <net/if.h>

#include "base/prefix.h"
#include "model/mapping.h"

/* All pointers are borrowed. */
struct nm_publication {
	const char *id;
	unsigned families;                       /* those in which the container has an address */
	struct nm_prefix address[NM_FAMILY_MAX]; /* the container's, with the length of its network */
	const struct nm_prefix *networks;        /* further ones whose members it answers without the host */
	size_t n_networks;
	const struct nm_mapping *mappings; /* with host ports: none is 0 */
	size_t n_mappings;
	bool restricted; /* only sources in allow may pass the FORWARD chain */
	const struct nm_prefix *allow;
	size_t n_allow;
};

/* natmap.json(5) */
struct nm_layout_options {
	bool localhost;
	bool hairpin;
	bool masquerade_all;
};

/* True when the mapping reaches the container from 127.0.0.0/8, which takes route_localnet. */
bool nm_publication_needs_localnet(const struct nm_mapping *m, const struct nm_layout_options *options);

#define NM_PUBLICATION_GUARD      "@localnet/"
#define NM_PUBLICATION_GUARD_SIZE (sizeof(NM_PUBLICATION_GUARD) + IF_NAMESIZE)

/* Writes the owner of the rule or element that guards 127.0.0.0/8 on an interface with route_localnet:
 * NM_PUBLICATION_GUARD and the interface's name. Returns buf. */
const char *nm_publication_guard_owner(const char *interface, char buf[static NM_PUBLICATION_GUARD_SIZE]);

/* The same for the rules and elements that keep packets from an interface from being forwarded, because
 * natmap alone has switched forwarding on there. */
#define NM_PUBLICATION_FORWARD "@forward/"
const char *nm_publication_forward_owner(const char *interface, char buf[static NM_PUBLICATION_GUARD_SIZE]);

/* The same for those of a bridge that natmap has made, and for what natmap's own tables need in those of
 * iptables for it. */
#define NM_PUBLICATION_NETWORK  "@network/"
#define NM_PUBLICATION_NFTABLES "@nftables/"

#endif
