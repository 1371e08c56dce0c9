#include "network/names.h"

#include <stdio.h>
#include <string.h>

/* Two bits of a first byte say that nobody has assigned the address, and that it is one interface's. */
const uint8_t nm_names_bridge_mac[NM_LINK_MAC_SIZE] = {0x02, 'n', 'a', 't', 'm', 'p'};

#define ASIDE "nm-"

const char *nm_names_port(const char *id, char buf[static IF_NAMESIZE])
{
	uint64_t hash = nm_hash(NM_HASH_BEGIN, id, strlen(id));

	(void)snprintf(
		buf, IF_NAMESIZE, "nm%012llx", (unsigned long long)(hash ^ hash >> 48) & 0xffffffffffff);
	return buf;
}

const char *nm_names_alias(const char *id, char buf[static NM_TAG_SIZE])
{
	return nm_tag_print(id, (struct nm_ports){0}, buf);
}

/* Of IPv4 the whole address, of IPv6 a hash of it. */
void nm_names_mac(const struct nm_attachment *a, uint8_t ret[static NM_LINK_MAC_SIZE])
{
	const struct nm_addr *address = &a->address[a->families & NM_IPV4_BIT ? NM_IPV4 : NM_IPV6].addr;
	uint64_t hash = nm_hash(NM_HASH_BEGIN, address->bytes, nm_addr_size(address->family));

	ret[0] = 0x02;
	ret[1] = (uint8_t)(address->family == NM_IPV4 ? 0x42 : 0x46);
	for (size_t i = 0; i < 4; i++)
		ret[2 + i] = address->family == NM_IPV4 ? address->bytes[i] : (uint8_t)(hash >> 8 * i);
}

const char *nm_names_aside(unsigned ifindex, char buf[static IF_NAMESIZE])
{
	(void)snprintf(buf, IF_NAMESIZE, ASIDE "%u", ifindex);
	return buf;
}

bool nm_names_is_aside(const char *name)
{
	return !strncmp(name, ASIDE, strlen(ASIDE));
}

bool nm_names_is_bridge(const struct nm_rtnl_link *link)
{
	return !strcmp(link->kind, "bridge") && !strcmp(link->alias, NM_NAMES_BRIDGE);
}

bool nm_names_is_end(const struct nm_rtnl_link *link)
{
	return !strcmp(link->kind, "veth") && !strncmp(link->alias, "natmap:", strlen("natmap:"));
}
