#include "nftables/sets.h"

#include <net/if.h>
#include <netinet/in.h>

#define HOST      NM_FIELD_HOST
#define CLIENT    NM_FIELD_SADDR
#define CONTAINER NM_FIELD_DADDR
#define PROTOCOL  NM_FIELD_PROTOCOL
#define HOST_PORT NM_FIELD_HOST_PORT
/* Of a packet not yet translated, and of a translated one. */
#define UNTRANSLATED NM_FIELD_DADDR, NM_FIELD_PROTOCOL, NM_FIELD_DPORT
#define FLOW         CONTAINER, PROTOCOL, NM_FIELD_DPORT, HOST_PORT
/* nft reads a masked field of a key of a map only where it is the first. */
#define BLOCK NM_FIELD_DPORT, PROTOCOL

const struct nm_nftables_set_type nm_nftables_sets[NM_SET_MAX] = {
	[NM_SET_PORTS] = {"ports", false, 0, {PROTOCOL, NM_FIELD_DPORT}, {CONTAINER, NM_FIELD_DPORT}},
	[NM_SET_HOST_PORTS] = {"host_ports", false, 0, {UNTRANSLATED}, {CONTAINER, NM_FIELD_DPORT}},
	[NM_SET_MASQUERADED] = {"masqueraded", false, 0, {CLIENT, FLOW}, {0}},
	[NM_SET_OPEN] = {"open", false, 0, {FLOW}, {0}},
	[NM_SET_HOST_OPEN] = {"host_open", false, 0, {HOST, FLOW}, {0}},
	[NM_SET_RESTRICTED] = {"restricted", false, 0, {FLOW}, {0}},
	[NM_SET_HOST_RESTRICTED] = {"host_restricted", false, 0, {HOST, FLOW}, {0}},
	[NM_SET_ALLOWED] = {"allowed", false, 0, {CLIENT, PROTOCOL, HOST_PORT}, {0}},
	[NM_SET_HOST_ALLOWED] = {"host_allowed", false, 0, {CLIENT, HOST, PROTOCOL, HOST_PORT}, {0}},
	[NM_SET_GUARDED] = {"guarded", true, 0, {UNTRANSLATED}, {0}},
	[NM_SET_LOCALNET] = {"localnet", true, 0, {NM_FIELD_IN_INTERFACE}, {0}},
	[NM_SET_FORWARDING] = {"forwarding", false, 0, {NM_FIELD_IN_INTERFACE}, {0}},
	[NM_SET_BRIDGED] = {"bridged", false, 0, {NM_FIELD_IN_INTERFACE, NM_FIELD_OUT_INTERFACE}, {0}},
	[NM_SET_NETWORKS] = {"networks", false, 0, {NM_FIELD_OUT_INTERFACE}, {0}},
	[NM_SET_OUTBOUND] = {"outbound", false, 0, {NM_FIELD_IN_INTERFACE}, {0}},
	[NM_SET_NEIGHBOURS] = {"neighbours", false, 0, {NM_FIELD_IN_INTERFACE, NM_FIELD_OUT_INTERFACE}, {0}},
	[NM_SET_ISOLATED] = {"isolated", false, 0, {NM_FIELD_IN_INTERFACE, NM_FIELD_OUT_INTERFACE}, {0}},
	[NM_SET_ORIGINS] = {"origins", false, 0, {CLIENT, NM_FIELD_IN_INTERFACE}, {0}},
	[NM_SET_SUBNETS] = {"subnets", false, 0, {CLIENT}, {0}},
	[NM_SET_RANGES] = {"ranges", false, NM_SET_PORTS, {BLOCK}, {CONTAINER}},
	[NM_SET_HOST_RANGES] = {"host_ranges", false, NM_SET_HOST_PORTS, {BLOCK, NM_FIELD_DADDR},
		{CONTAINER}},
	[NM_SET_SHIFTED] = {"shifted_ranges", false, NM_SET_PORTS, {BLOCK}, {CONTAINER, NM_FIELD_DPORT}},
	[NM_SET_HOST_SHIFTED] = {"host_shifted_ranges", false, NM_SET_HOST_PORTS, {BLOCK, NM_FIELD_DADDR},
		{CONTAINER, NM_FIELD_DPORT}},
	[NM_SET_SHIFTED_LAST] = {"shifted_last", false, NM_SET_PORTS, {BLOCK}, {NM_FIELD_DPORT}},
	[NM_SET_HOST_SHIFTED_LAST] = {"host_shifted_last", false, NM_SET_HOST_PORTS, {BLOCK, NM_FIELD_DADDR},
		{NM_FIELD_DPORT}},
	[NM_SET_MASQUERADED_RANGES] = {"masqueraded_ranges", false, NM_SET_MASQUERADED, {CLIENT, FLOW}, {0}},
	[NM_SET_OPEN_RANGES] = {"open_ranges", false, NM_SET_OPEN, {FLOW}, {0}},
	[NM_SET_HOST_OPEN_RANGES] = {"host_open_ranges", false, NM_SET_HOST_OPEN, {HOST, FLOW}, {0}},
	[NM_SET_RESTRICTED_RANGES] = {"restricted_ranges", false, NM_SET_RESTRICTED, {FLOW}, {0}},
	[NM_SET_HOST_RESTRICTED_RANGES] = {"host_restricted_ranges", false, NM_SET_HOST_RESTRICTED,
		{HOST, FLOW}, {0}},
	[NM_SET_ALLOWED_RANGES] = {"allowed_ranges", false, NM_SET_ALLOWED, {CLIENT, PROTOCOL, HOST_PORT},
		{0}},
	[NM_SET_HOST_ALLOWED_RANGES] = {"host_allowed_ranges", false, NM_SET_HOST_ALLOWED,
		{CLIENT, HOST, PROTOCOL, HOST_PORT}, {0}},
	[NM_SET_GUARDED_RANGES] = {"guarded_ranges", true, NM_SET_GUARDED, {UNTRANSLATED}, {0}},
};

enum nm_nftables_type nm_nftables_set_field_type(enum nm_nftables_field field, enum nm_family family)
{
	switch (field) {
	case NM_FIELD_PROTOCOL:
		return NM_TYPE_PROTOCOL;
	case NM_FIELD_DPORT:
	case NM_FIELD_HOST_PORT:
		return NM_TYPE_PORT;
	case NM_FIELD_IN_INTERFACE:
	case NM_FIELD_OUT_INTERFACE:
		return NM_TYPE_INTERFACE;
	default:
		return family == NM_IPV4 ? NM_TYPE_IPV4_ADDRESS : NM_TYPE_IPV6_ADDRESS;
	}
}

static size_t field_size(enum nm_nftables_field field, enum nm_family family)
{
	switch (nm_nftables_set_field_type(field, family)) {
	case NM_TYPE_IPV6_ADDRESS:
		return sizeof(struct in6_addr);
	case NM_TYPE_INTERFACE:
		return IFNAMSIZ;
	default:
		return sizeof(uint32_t);
	}
}

static size_t size_of(const enum nm_nftables_field *fields, enum nm_family family)
{
	size_t size = 0;

	for (; *fields; fields++)
		size += field_size(*fields, family);
	return size;
}

uint32_t nm_nftables_set_fields_type(const enum nm_nftables_field *fields, enum nm_family family)
{
	uint32_t type = 0;

	for (; *fields; fields++)
		type = type << NM_TYPE_BITS | nm_nftables_set_field_type(*fields, family);
	return type;
}

bool nm_nftables_set_is_map(enum nm_nftables_set set)
{
	return nm_nftables_sets[set].data[0];
}

bool nm_nftables_set_is_shifted(enum nm_nftables_set set)
{
	return set == NM_SET_SHIFTED || set == NM_SET_HOST_SHIFTED;
}

enum nm_nftables_set nm_nftables_set_for_last(enum nm_nftables_set shifted)
{
	return shifted == NM_SET_SHIFTED ? NM_SET_SHIFTED_LAST : NM_SET_HOST_SHIFTED_LAST;
}

bool nm_nftables_set_is_counted(enum nm_nftables_set set)
{
	return nm_nftables_sets[set].data[0] == NM_FIELD_DADDR;
}

enum nm_nftables_set nm_nftables_set_for_blocks(enum nm_nftables_set ports, bool shifted)
{
	enum nm_nftables_set set = NM_SET_RANGES;

	while (nm_nftables_sets[set].ports != ports ||
		(nm_nftables_set_is_map(set) && nm_nftables_set_is_shifted(set) != shifted))
		set++;
	return set;
}

uint8_t nm_nftables_set_network_number(uint8_t protocol, uint8_t len)
{
	enum { LENGTHS = 64 }; /* of each protocol */
	unsigned which = protocol == IPPROTO_TCP ? 0 : protocol == IPPROTO_UDP ? 1 : 2;
	unsigned number = IPPROTO_UDP + 1 + LENGTHS * which + len / 2u;

	return (uint8_t)(number < IPPROTO_SCTP ? number : number + 1);
}

uint8_t nm_nftables_set_flip(
	enum nm_nftables_set set, enum nm_family family, uint8_t protocol, int prefix_length)
{
	if (!nm_nftables_set_has_networks(set) || prefix_length == nm_addr_bits(family))
		return 0;
	return protocol ^ nm_nftables_set_network_number(protocol, (uint8_t)prefix_length);
}

bool nm_nftables_set_exists(enum nm_nftables_set set, enum nm_family family)
{
	return family == NM_IPV4 || !nm_nftables_sets[set].ipv4_only;
}

bool nm_nftables_set_key_has(enum nm_nftables_set set, enum nm_nftables_field field)
{
	const enum nm_nftables_field *f = nm_nftables_sets[set].key;

	while (*f && *f != field)
		f++;
	return *f;
}

size_t nm_nftables_set_key_size(enum nm_nftables_set set, enum nm_family family)
{
	return size_of(nm_nftables_sets[set].key, family);
}

size_t nm_nftables_set_data_size(enum nm_nftables_set set, enum nm_family family)
{
	size_t size = size_of(nm_nftables_sets[set].data, family);

	/* only the fields of a concatenation are padded */
	return size == sizeof(uint32_t) && !nm_nftables_set_is_counted(set) ? sizeof(uint16_t) : size;
}

size_t nm_nftables_set_key_offset(
	enum nm_nftables_set set, enum nm_nftables_field field, enum nm_family family)
{
	size_t offset = 0;

	for (const enum nm_nftables_field *f = nm_nftables_sets[set].key; *f != field; f++)
		offset += field_size(*f, family);
	return offset;
}
