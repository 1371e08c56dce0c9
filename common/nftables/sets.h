/* The sets and maps of natmap's own tables: their names, and the fields of their keys and data. */
#ifndef NM_NFTABLES_SETS_H
#define NM_NFTABLES_SETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* Each family has a table `natmap` with these. */
enum nm_nftables_set {
	NM_SET_PORTS,           /* map: wildcard mappings */
	NM_SET_HOST_PORTS,      /* map: mappings of one host address; looked up first */
	NM_SET_MASQUERADED,     /* flows whose source is masqueraded */
	NM_SET_OPEN,            /* flows to wildcard mappings without an allow list, */
	NM_SET_HOST_OPEN,       /* and to mappings of one host address */
	NM_SET_RESTRICTED,      /* flows to wildcard mappings with an allow list, */
	NM_SET_HOST_RESTRICTED, /* and to mappings of one host address */
	NM_SET_ALLOWED,         /* clients on the allow lists of wildcard mappings, */
	NM_SET_HOST_ALLOWED,    /* and of mappings of one host address */
	NM_SET_GUARDED,         /* loopback addresses that only the host itself may reach; IPv4 only */
	NM_SET_LOCALNET,        /* interfaces with route_localnet: not to 127.0.0.0/8; IPv4 only */
	NM_SET_FORWARDING,      /* interfaces from which only what is published is forwarded */
	NM_SET_BRIDGED,         /* such interfaces, twice: bridges whose own packets come here, too */
	NM_SET_NETWORKS,        /* bridges that natmap has made, as interfaces to which packets go, */
	NM_SET_OUTBOUND,        /* as those from which they come, */
	NM_SET_NEIGHBOURS,      /* and twice; */
	NM_SET_ISOLATED,        /* those whose containers do not reach each other, twice; */
	NM_SET_ORIGINS,         /* and before them the networks that packets may come from; */
	NM_SET_SUBNETS,         /* and their networks */

	/* The same for blocks of ports: nftables/blocks.h */
	NM_SET_RANGES, /* maps: mappings to the same ports of the container, */
	NM_SET_HOST_RANGES,
	NM_SET_SHIFTED, /* and to others */
	NM_SET_HOST_SHIFTED,
	NM_SET_SHIFTED_LAST, /* the last of these others */
	NM_SET_HOST_SHIFTED_LAST,
	NM_SET_MASQUERADED_RANGES,
	NM_SET_OPEN_RANGES,
	NM_SET_HOST_OPEN_RANGES,
	NM_SET_RESTRICTED_RANGES,
	NM_SET_HOST_RESTRICTED_RANGES,
	NM_SET_ALLOWED_RANGES,
	NM_SET_HOST_ALLOWED_RANGES,
	NM_SET_GUARDED_RANGES,
	NM_SET_MAX
};

/*
 * Fields of a packet, which is translated already where that matters, and of its connection's first packet.
 * nft takes the ports only in rules that match the protocol first, NM_FIELD_DPORT also as "th dport".
 */
enum nm_nftables_field {
	NM_FIELD_END, /* ends a list of fields */
	NM_FIELD_SADDR,
	NM_FIELD_DADDR,
	NM_FIELD_PROTOCOL,
	NM_FIELD_DPORT,
	NM_FIELD_IN_INTERFACE,
	NM_FIELD_OUT_INTERFACE,
	NM_FIELD_HOST,      /* destination address before the translation */
	NM_FIELD_HOST_PORT, /* destination port before the translation */
};

/* Each field of a key or of data takes a multiple of 4 bytes. */
#define NM_ELEMENT_KEY_MAX  44 /* two IPv6 addresses and three more fields */
#define NM_ELEMENT_DATA_MAX 20

#define NM_FIELDS_MAX 5 /* NFTA_SET_KEY_TYPE has no room for six types */

extern const struct nm_nftables_set_type {
	const char *name;
	bool ipv4_only;
	enum nm_nftables_set ports; /* of a set for blocks: the one for ports */
	/* what a packet is looked up by, and what a map has for it; ended by NM_FIELD_END */
	enum nm_nftables_field key[NM_FIELDS_MAX + 1], data[NM_FIELDS_MAX + 1];
} nm_nftables_sets[NM_SET_MAX];

bool nm_nftables_set_is_map(enum nm_nftables_set set);
static inline bool nm_nftables_set_is_of_blocks(enum nm_nftables_set set)
{
	return set >= NM_SET_RANGES && set < NM_SET_MAX;
}
/* True for the maps whose data has the first port that a block is shifted to; the last one is in another map.
 * One map with both would be an interval for nft, which cannot load those with IPv6 addresses (up to 1.1.7).
 */
bool nm_nftables_set_is_shifted(enum nm_nftables_set set);
enum nm_nftables_set nm_nftables_set_for_last(enum nm_nftables_set shifted);
/* True for the maps that translate; each of their elements has a counter. */
bool nm_nftables_set_is_counted(enum nm_nftables_set set);
/* The set for blocks that goes with a set for ports. */
enum nm_nftables_set nm_nftables_set_for_blocks(enum nm_nftables_set ports, bool shifted);
/* Of interfaces or subnets, not of one container: an element that other records may have written, too. */
static inline bool nm_nftables_set_is_shared(enum nm_nftables_set set)
{
	return set >= NM_SET_LOCALNET && set <= NM_SET_SUBNETS;
}
/* Of bridges that natmap has made. */
static inline bool nm_nftables_set_is_of_bridges(enum nm_nftables_set set)
{
	return set >= NM_SET_NETWORKS && set <= NM_SET_SUBNETS;
}
/* Its table has it only where some rule looks it up. */
static inline bool nm_nftables_set_is_optional(enum nm_nftables_set set)
{
	return nm_nftables_set_is_of_blocks(set) || nm_nftables_set_is_of_bridges(set);
}
/*
 * True for those whose keys begin with a client, or with the first address of a network of clients. A network
 * has a number of its own for protocol and length in the place of the protocol: networks of different lengths
 * may begin with one address, which may be a client, too.
 */
static inline bool nm_nftables_set_has_networks(enum nm_nftables_set set)
{
	return set == NM_SET_ALLOWED || set == NM_SET_HOST_ALLOWED || set == NM_SET_ALLOWED_RANGES ||
		set == NM_SET_HOST_ALLOWED_RANGES;
}
/* That number, for an even length: a byte has none for the others, which are two of the next length. */
uint8_t nm_nftables_set_network_number(uint8_t protocol, uint8_t len);
/* The bits by which it differs from the protocol's; 0 where the length is an address's, or in other sets. */
uint8_t nm_nftables_set_flip(
	enum nm_nftables_set set, enum nm_family family, uint8_t protocol, int prefix_length);
bool nm_nftables_set_exists(enum nm_nftables_set set, enum nm_family family);
bool nm_nftables_set_key_has(enum nm_nftables_set set, enum nm_nftables_field field);

/* Types of fields: enum datatypes of nftables' datatype.h. */
enum nm_nftables_type {
	NM_TYPE_IPV4_ADDRESS = 7,
	NM_TYPE_IPV6_ADDRESS = 8,
	NM_TYPE_PROTOCOL = 12,
	NM_TYPE_PORT = 13,
	NM_TYPE_INTERFACE = 41,
};
#define NM_TYPE_BITS 6
enum nm_nftables_type nm_nftables_set_field_type(enum nm_nftables_field field, enum nm_family family);

/* The types of the fields of a key or of data, the last one in the lowest bits. */
uint32_t nm_nftables_set_fields_type(const enum nm_nftables_field *fields, enum nm_family family);

/* Sizes of key and data in bytes. */
size_t nm_nftables_set_key_size(enum nm_nftables_set set, enum nm_family family);
size_t nm_nftables_set_data_size(enum nm_nftables_set set, enum nm_family family);
/* Where the field begins in the key, which has it. */
size_t nm_nftables_set_key_offset(
	enum nm_nftables_set set, enum nm_nftables_field field, enum nm_family family);

#endif
