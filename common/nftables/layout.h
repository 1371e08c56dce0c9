/* The nftables layout: which elements of which sets a container's mappings need. Pure: DESIGN section 6 as
 * code. */
#ifndef NM_NFTABLES_LAYOUT_H
#define NM_NFTABLES_LAYOUT_H

#include "model/publication.h"
#include "model/rule.h"
#include "nftables/blocks.h"
#include "nftables/sets.h"

struct nm_nftables_element {
	enum nm_family family;
	enum nm_nftables_set set;
	uint8_t key[NM_ELEMENT_KEY_MAX], data[NM_ELEMENT_DATA_MAX]; /* zeros behind their sizes */
	const char *owner;                                          /* borrowed, as in struct nm_rule */
	struct nm_ports owner_ports;
	/* Of a block: its first port, and that of the container which it goes to. */
	uint8_t level;
	uint16_t host_port, container_port;
};

/*
 * What needs a rule of its own: each length of a client network's prefix, and each level of blocks, by
 * protocol where the rules are. A member is bits: NM_LENGTH_PORTS for ports, nm_nftables_layout_bit() for
 * blocks.
 */
struct nm_nftables_prefix_lengths {
	uint32_t masquerade[129], allowed[129], subnets[129];
	uint32_t ranges[NM_SET_MAX]; /* of the other sets for blocks */
};
#define NM_LENGTH_PORTS 1u
/* The bit of a level above 0; protocol 0: of a set whose rules are for any protocol. */
uint32_t nm_nftables_layout_bit(uint8_t level, uint8_t protocol);
/* True when there is a subnet: then rules look up what is of bridges. */
bool nm_nftables_layout_has_subnets(const struct nm_nftables_prefix_lengths *lengths);
/* True when some rule looks the optional set up. */
bool nm_nftables_layout_uses(const struct nm_nftables_prefix_lengths *lengths, enum nm_nftables_set set);
/* True when the set is looked up by a rule for each protocol. */
bool nm_nftables_layout_is_per_protocol(enum nm_nftables_set set);

struct nm_nftables_elements {
	struct nm_nftables_element *v; /* owned */
	size_t n, capacity;
	struct nm_nftables_prefix_lengths prefix_lengths[NM_FAMILY_MAX];
};

void nm_nftables_layout_done(struct nm_nftables_elements *elements);

/* Appends a copy of the element. -1 with *err (memory). */
int nm_nftables_layout_add(struct nm_nftables_elements *elements, const struct nm_nftables_element *e,
	struct nm_err *err) NM_MUST_USE;

/* The element's comment: nm_tag_print(). */
const char *nm_nftables_layout_tag(const struct nm_nftables_element *e, char buf[static NM_TAG_SIZE]);

/* Appends the elements of the publication, which they borrow from; with opt NULL, all that it may have
 * under any options. -1 with *err (memory). */
int nm_nftables_layout(const struct nm_publication *pub, const struct nm_layout_options *opt,
	struct nm_nftables_elements *ret, struct nm_err *err) NM_MUST_USE;

/* Appends the element that guards 127.0.0.0/8 on an interface; owner, which is borrowed:
 * nm_publication_guard_owner(). */
int nm_nftables_layout_guard(
	const char *owner, struct nm_nftables_elements *ret, struct nm_err *err) NM_MUST_USE;

/* The same for the elements that keep packets from an interface from being forwarded; owner:
 * nm_publication_forward_owner(). bridged: it is a bridge whose own packets pass there, too. */
int nm_nftables_layout_forward(enum nm_family family, const char *owner, bool bridged,
	struct nm_nftables_elements *ret, struct nm_err *err) NM_MUST_USE;

#endif
