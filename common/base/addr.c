/*
 * IP addresses as text and back, and what they can be used for. Parsing is strict: what inet_pton(3) accepts,
 * with nothing before or after it.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/prefix.h"

static const struct nm_prefix ipv4_loopback = {{NM_IPV4, {127}}, 8};
static const struct nm_prefix ipv4_reserved = {{NM_IPV4, {240}}, 4};
static const struct nm_prefix ipv4_link_local = {{NM_IPV4, {169, 254}}, 16};
static const struct nm_prefix ipv6_loopback = {{NM_IPV6, {[15] = 1}}, 128};
static const struct nm_prefix ipv6_mapped = {{NM_IPV6, {[10] = 0xff, 0xff}}, 96};
static const struct nm_prefix ipv6_mapped_loopback = {{NM_IPV6, {[10] = 0xff, 0xff, 127}}, 104};

size_t nm_addr_size(enum nm_family family)
{
	return family == NM_IPV4 ? 4 : 16;
}

uint8_t nm_addr_bits(enum nm_family family)
{
	return family == NM_IPV4 ? 32 : 128;
}

uint8_t nm_addr_family_to_af(enum nm_family family)
{
	return family == NM_IPV4 ? AF_INET : AF_INET6;
}

bool nm_addr_family_of_af(unsigned af, enum nm_family *ret)
{
	if (af != AF_INET && af != AF_INET6)
		return false;
	*ret = af == AF_INET ? NM_IPV4 : NM_IPV6;
	return true;
}

const char *nm_addr_family_name(enum nm_family family)
{
	return family == NM_IPV4 ? "IPv4" : "IPv6";
}

int nm_addr_parse(const char *text, size_t len, struct nm_addr *ret)
{
	char copy[NM_ADDR_STRLEN] = "";
	struct nm_addr a = {.family = memchr(text, ':', len) ? NM_IPV6 : NM_IPV4};

	if (len >= sizeof(copy) || memchr(text, '\0', len))
		return -1;
	memcpy(copy, text, len);
	if (inet_pton(nm_addr_family_to_af(a.family), copy, a.bytes) != 1)
		return -1;
	*ret = a;
	return 0;
}

const char *nm_addr_print(const struct nm_addr *a, char buf[static NM_ADDR_STRLEN])
{
	/* cannot fail: known family, and room for the longest text */
	(void)inet_ntop(nm_addr_family_to_af(a->family), a->bytes, buf, NM_ADDR_STRLEN);
	return buf;
}

bool nm_addr_equal(const struct nm_addr *a, const struct nm_addr *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, nm_addr_size(a->family));
}

bool nm_addr_is_unspecified(const struct nm_addr *a)
{
	return nm_addr_equal(a, &(struct nm_addr){.family = a->family});
}

bool nm_addr_is_loopback(const struct nm_addr *a)
{
	return nm_prefix_has(&ipv4_loopback, a) || nm_prefix_has(&ipv6_loopback, a) ||
		nm_prefix_has(&ipv6_mapped_loopback, a);
}

const char *nm_addr_unusable(const struct nm_addr *a)
{
	static const struct {
		const struct nm_prefix *range;
		const char *name;
	} rows[] = {
		{&nm_prefix_multicast[NM_IPV4], "multicast"},
		{&ipv4_reserved, "broadcast"},
		{&ipv4_link_local, "link-local"},
		{&ipv6_mapped, "IPv4-mapped"},
		{&nm_prefix_multicast[NM_IPV6], "multicast"},
		{&nm_prefix_ipv6_link_local, "link-local"},
	};

	if (nm_addr_is_unspecified(a))
		return "unspecified";
	if (nm_addr_is_loopback(a))
		return "loopback";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (nm_prefix_has(rows[i].range, a))
			return rows[i].name;
	return NULL;
}
