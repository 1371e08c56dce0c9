/* The nftables layout: which elements of which sets a container's mappings need. Pure: DESIGN section 6 as
 * code. */
#ifndef NM_NFTABLES_LAYOUT_H
#define NM_NFTABLES_LAYOUT_H

#include <net/if.h>

#include "layout.h"

/* The sets and maps of a table `natmap`, one table for each family. */
enum nm_set {
	NM_SET_PORTS,      /* map: protocol . host port -> container address . port: wildcards */
	NM_SET_HOST_PORTS, /* map: host address . protocol . host port -> likewise: looked up first */
	NM_SET_MASQUERADE, /* client network . container address . protocol . container port . host port */
	NM_SET_OPEN,       /* host address or 0 . container address . protocol . container port . host port */
	NM_SET_RESTRICTED, /* the same, of containers with an allow list, ... */
	NM_SET_ALLOWED,    /* ... and the client networks of those, as in NM_SET_MASQUERADE */
	NM_SET_GUARDED,    /* loopback address . protocol . host port: not from the network */
	NM_SET_LOCALNET,   /* interface with route_localnet: not to 127.0.0.0/8 */
	NM_SET_MAX
};

/* Each field of a key or of data takes a multiple of 4 bytes. */
#define NM_ELEMENT_KEY_MAX  44 /* two IPv6 addresses and three more fields */
#define NM_ELEMENT_DATA_MAX 20

struct nm_element {
	enum nm_family family;
	enum nm_set set;
	uint8_t key[NM_ELEMENT_KEY_MAX], data[NM_ELEMENT_DATA_MAX]; /* zeros behind their sizes */
	const char *owner; /* borrowed, as in struct nm_rule, and so is the port of its comment: one of a
			      range, since the kernel takes less of an element's comment than of a rule's */
	uint16_t owner_port;
};

/* Lengths of the client networks' prefixes: each needs a rule of its own. */
struct nm_own_lens {
	bool masquerade[129], allowed[129];
};

struct nm_elements {
	struct nm_element *v; /* owned */
	size_t n, capacity;
	struct nm_own_lens lens[NM_FAMILY_MAX];
};

const char *nm_set_name(enum nm_set set);
bool nm_set_is_map(enum nm_set set);
bool nm_set_exists(enum nm_set set, enum nm_family family); /* the last two are of IPv4 only */
/* Sizes of key and data in bytes, and the types of their fields as nft numbers them, 6 bits each. */
size_t nm_set_key_size(enum nm_set set, enum nm_family family);
size_t nm_set_data_size(enum nm_set set, enum nm_family family);
uint32_t nm_set_key_type(enum nm_set set, enum nm_family family);
uint32_t nm_set_data_type(enum nm_set set, enum nm_family family);

/* Appends the elements of the publication, which they borrow from. -1 with *err (memory). */
int nm_nftables_layout(const struct nm_publication *pub, const struct nm_layout_options *opt,
	struct nm_elements *ret, struct nm_err *err) NM_MUST_USE;

void nm_elements_done(struct nm_elements *e);

/* True when both have the same place: family, set and key. */
bool nm_element_same_key(const struct nm_element *a, const struct nm_element *b);

/* The element's comment: nm_rule_tag(). */
const char *nm_element_tag(const struct nm_element *e, char buf[static NM_TAG_SIZE]);

#endif
