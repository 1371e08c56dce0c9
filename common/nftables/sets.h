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
	/* what a packet is looked up by, and what a map has for it; ended by NM_FIELD_END */
	enum nm_nftables_field key[NM_FIELDS_MAX + 1], data[NM_FIELDS_MAX + 1];
} nm_nftables_sets[NM_SET_MAX];

bool nm_nftables_set_is_map(enum nm_nftables_set set);
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

#endif
