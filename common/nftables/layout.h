/* The nftables layout: which elements of which sets a container's mappings need. Pure: DESIGN section 6 as
 * code. */
#ifndef NM_NFTABLES_LAYOUT_H
#define NM_NFTABLES_LAYOUT_H

#include "model/publication.h"
#include "model/rule.h"

/* The sets and maps of a table `natmap`, one table for each family. */
enum nm_nftables_set {
	NM_SET_PORTS,       /* map: protocol . host port -> container address . port: wildcards */
	NM_SET_HOST_PORTS,  /* map: host address . protocol . host port -> likewise: looked up first */
	NM_SET_MASQUERADED, /* client network . container address . protocol . container port . host port */
	NM_SET_OPEN,        /* container address . protocol . container port . host port: of wildcards, ... */
	NM_SET_HOST_OPEN,   /* ... and with the host address in front */
	NM_SET_RESTRICTED,  /* the same two, of containers with an allow list, ... */
	NM_SET_HOST_RESTRICTED,
	NM_SET_ALLOWED,      /* ... whose clients are here: client network . protocol . host port, ... */
	NM_SET_HOST_ALLOWED, /* ... and client network . host address . protocol . host port */
	NM_SET_GUARDED,      /* loopback address . protocol . host port: not from the network */
	NM_SET_LOCALNET,     /* interface with route_localnet: not to 127.0.0.0/8 */
	NM_SET_MAX
};

/* Each field of a key or of data takes a multiple of 4 bytes. */
#define NM_ELEMENT_KEY_MAX  44 /* two IPv6 addresses and three more fields */
#define NM_ELEMENT_DATA_MAX 20

struct nm_nftables_element {
	enum nm_family family;
	enum nm_nftables_set set;
	uint8_t key[NM_ELEMENT_KEY_MAX], data[NM_ELEMENT_DATA_MAX]; /* zeros behind their sizes */
	const char *owner; /* borrowed, as in struct nm_rule, and so is the port of its comment: one of a
			      range, since the kernel takes less of an element's comment than of a rule's */
	uint16_t owner_port;
};

/* Lengths of the client networks' prefixes: each needs a rule of its own. */
struct nm_nftables_prefix_lengths {
	bool masquerade[129], allowed[129];
};

struct nm_nftables_elements {
	struct nm_nftables_element *v; /* owned */
	size_t n, capacity;
	struct nm_nftables_prefix_lengths lens[NM_FAMILY_MAX];
};

const char *nm_nftables_set_name(enum nm_nftables_set set);
bool nm_nftables_set_is_map(enum nm_nftables_set set);
bool nm_nftables_set_exists(
	enum nm_nftables_set set, enum nm_family family); /* the last two are of IPv4 only */
/* Types of fields: enum datatypes of nftables' datatype.h. */
enum nm_field_type {
	NM_TYPE_IPV4_ADDRESS = 7,
	NM_TYPE_IPV6_ADDRESS = 8,
	NM_TYPE_PROTOCOL = 12,
	NM_TYPE_PORT = 13,
	NM_TYPE_INTERFACE = 41,
};
#define NM_TYPE_BITS 6
/* Sizes of key and data in bytes, and the types of their fields, the last one in the lowest bits. */
size_t nm_nftables_set_key_size(enum nm_nftables_set set, enum nm_family family);
size_t nm_nftables_set_data_size(enum nm_nftables_set set, enum nm_family family);
uint32_t nm_nftables_set_key_type(enum nm_nftables_set set, enum nm_family family);
uint32_t nm_nftables_set_data_type(enum nm_nftables_set set, enum nm_family family);

/* Appends the elements of the publication, which they borrow from; with opt NULL, all that it may have,
 * whatever the options have been. -1 with *err (memory). */
int nm_nftables_layout(const struct nm_publication *pub, const struct nm_layout_options *opt,
	struct nm_nftables_elements *ret, struct nm_err *err) NM_MUST_USE;

/* Appends the element that guards 127.0.0.0/8 on an interface: nm_iptables_layout_guard(). */
int nm_nftables_layout_guard(
	const char *owner, struct nm_nftables_elements *ret, struct nm_err *err) NM_MUST_USE;

void nm_nftables_elements_done(struct nm_nftables_elements *e);

/* The element's comment: nm_rule_tag(). */
const char *nm_nftables_element_tag(const struct nm_nftables_element *e, char buf[static NM_TAG_SIZE]);

#endif
