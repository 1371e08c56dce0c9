/* Prefixes as text and back, and arithmetic on their bits. */
#include "base/prefix.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

enum { SHOWN_MAX = 64 }; /* bytes of a bad element that a message repeats */

const struct nm_prefix nm_prefix_ipv6_link_local = {{NM_IPV6, {0xfe, 0x80}}, 10};
const struct nm_prefix nm_prefix_multicast[NM_FAMILY_MAX] = {
	[NM_IPV4] = {{NM_IPV4, {224}}, 4},
	[NM_IPV6] = {{NM_IPV6, {0xff}}, 8},
};

int nm_prefix_parse(const char *text, size_t len, struct nm_prefix *ret)
{
	const char *slash = memchr(text, '/', len);
	size_t addr_len = slash ? (size_t)(slash - text) : len;
	struct nm_prefix p = {0};
	uint64_t bits;

	if (nm_addr_parse(text, addr_len, &p.addr) < 0)
		return -1;
	bits = nm_addr_bits(p.addr.family);
	if (slash && nm_text_number(slash + 1, len - addr_len - 1, bits, &bits) < 0)
		return -1;
	p.len = (uint8_t)bits;
	*ret = p;
	return 0;
}

int nm_prefixes_parse(const char *text, size_t max, const char *what, enum nm_err_kind kind,
	struct nm_prefixes *ret, struct nm_err *err)
{
	nm_autoprefixes struct nm_prefixes list = {0};
	size_t count = nm_text_list_count(text), len;
	const char *element;

	if (count > max)
		return nm_fail(err, kind, "%s: %zu addresses, at most %zu are allowed", what, count, max);
	while ((element = nm_text_list_next(&text, &len))) {
		if (nm_grow(&list, what, err) < 0)
			return -1;
		if (nm_prefix_parse(element, len, &list.v[list.n++]) < 0)
			return nm_fail(err, kind, "%s: '%.*s' is not an IP address or prefix", what,
				(int)(len < SHOWN_MAX ? len : SHOWN_MAX), element);
	}
	*ret = nm_steal(&list);
	return 0;
}

void nm_prefixes_done(struct nm_prefixes *p)
{
	if (!p)
		return;
	free(p->v);
	*p = (struct nm_prefixes){0};
}

const char *nm_prefix_print(const struct nm_prefix *p, char buf[static NM_PREFIX_STRLEN])
{
	char addr[NM_ADDR_STRLEN];

	(void)snprintf(buf, NM_PREFIX_STRLEN, "%s/%u", nm_addr_print(&p->addr, addr), p->len);
	return buf;
}

void nm_prefix_mask(uint8_t len, uint8_t ret[static 16])
{
	memset(ret, 0, 16);
	memset(ret, 0xff, len / 8);
	if (len % 8)
		ret[len / 8] = (uint8_t)(0xff << (8 - len % 8));
}

struct nm_prefix nm_prefix_network(const struct nm_prefix *p)
{
	struct nm_prefix network = *p;
	uint8_t mask[16];

	nm_prefix_mask(p->len, mask);
	for (size_t i = 0; i < sizeof(mask); i++)
		network.addr.bytes[i] &= mask[i];
	return network;
}

struct nm_prefix nm_prefix_last(const struct nm_prefix *p)
{
	struct nm_prefix last = *p;
	uint8_t mask[16];

	nm_prefix_mask(p->len, mask);
	for (size_t i = 0; i < nm_addr_size(p->addr.family); i++)
		last.addr.bytes[i] |= (uint8_t)~mask[i];
	return last;
}

struct nm_prefix nm_prefix_whole(const struct nm_addr *a)
{
	return (struct nm_prefix){.addr = *a, .len = nm_addr_bits(a->family)};
}

bool nm_prefix_has(const struct nm_prefix *p, const struct nm_addr *a)
{
	struct nm_prefix of_a = {.addr = *a, .len = p->len}, network = nm_prefix_network(p);

	of_a = nm_prefix_network(&of_a);
	return nm_addr_equal(&of_a.addr, &network.addr);
}
