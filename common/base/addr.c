/*
 * IP addresses, prefixes and port numbers as text and back, and the questions that are asked of them. The
 * only place where numbers and addresses of the input are read, so it is strict: what inet_pton(3) takes,
 * decimal numbers without ornament, and nothing before or after. No I/O; nothing of the host is consulted.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define QUOTE_MAX 64 /* bytes of a bad element that a message repeats */

static const struct nm_prefix ipv4_loopback = {{NM_IPV4, {127}}, 8};
static const struct nm_prefix ipv4_multicast = {{NM_IPV4, {224}}, 4};
static const struct nm_prefix ipv4_reserved = {{NM_IPV4, {240}}, 4};
static const struct nm_prefix ipv4_link_local = {{NM_IPV4, {169, 254}}, 16};
static const struct nm_prefix ipv6_loopback = {{NM_IPV6, {[15] = 1}}, 128};
static const struct nm_prefix ipv6_mapped = {{NM_IPV6, {[10] = 0xff, 0xff}}, 96};
static const struct nm_prefix ipv6_mapped_loopback = {{NM_IPV6, {[10] = 0xff, 0xff, 127}}, 104};
static const struct nm_prefix ipv6_multicast = {{NM_IPV6, {0xff}}, 8};

const struct nm_prefix nm_prefix_ipv6_link_local = {{NM_IPV6, {0xfe, 0x80}}, 10};

size_t nm_addr_size(enum nm_family family)
{
	return family == NM_IPV4 ? 4 : 16;
}

uint8_t nm_addr_bits(enum nm_family family)
{
	return family == NM_IPV4 ? 32 : 128;
}

static int to_af(enum nm_family family)
{
	return family == NM_IPV4 ? AF_INET : AF_INET6;
}

int nm_addr_parse(const char *text, size_t len, struct nm_addr *ret)
{
	char copy[NM_ADDR_STRLEN] = "";
	struct nm_addr a = {.family = memchr(text, ':', len) ? NM_IPV6 : NM_IPV4};

	if (len >= sizeof(copy) || memchr(text, '\0', len))
		return -1;
	memcpy(copy, text, len);
	if (inet_pton(to_af(a.family), copy, a.bytes) != 1)
		return -1;
	*ret = a;
	return 0;
}

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

size_t nm_text_list_count(const char *text)
{
	size_t n = 1;

	while ((text = strchr(text, ','))) {
		text++;
		n++;
	}
	return n;
}

const char *nm_text_list_next(const char **text, size_t *ret_len)
{
	const char *start = *text, *comma, *end;

	if (!start)
		return NULL;
	comma = strchr(start, ',');
	*text = comma ? comma + 1 : NULL;
	end = comma ? comma : start + strlen(start);
	while (start < end && *start == ' ')
		start++;
	while (start < end && end[-1] == ' ')
		end--;
	*ret_len = (size_t)(end - start);
	return start;
}

int nm_prefixes_parse(const char *text, size_t max, const char *what, enum nm_err_kind kind,
	struct nm_prefixes *ret, struct nm_err *err)
{
	nm_autofree struct nm_prefix *v = NULL;
	size_t n = 0, count = nm_text_list_count(text), len;
	const char *element;

	if (count > max)
		return nm_fail(err, kind, "%s: %zu addresses, at most %zu are allowed", what, count, max);
	v = calloc(count, sizeof(*v));
	if (!v)
		return nm_fail_errno(err, ENOMEM, "%s", what);
	while ((element = nm_text_list_next(&text, &len)))
		if (nm_prefix_parse(element, len, &v[n++]) < 0)
			return nm_fail(err, kind, "%s: '%.*s' is not an IP address or prefix", what,
				(int)(len < QUOTE_MAX ? len : QUOTE_MAX), element);
	ret->v = nm_steal(&v);
	ret->n = n;
	return 0;
}

void nm_prefixes_done(struct nm_prefixes *p)
{
	if (!p)
		return;
	free(p->v);
	*p = (struct nm_prefixes){0};
}

const char *nm_addr_print(const struct nm_addr *a, char buf[static NM_ADDR_STRLEN])
{
	/* cannot fail: known family, and room for the longest text */
	(void)inet_ntop(to_af(a->family), a->bytes, buf, NM_ADDR_STRLEN);
	return buf;
}

const char *nm_prefix_print(const struct nm_prefix *p, char buf[static NM_PREFIX_STRLEN])
{
	char addr[NM_ADDR_STRLEN];

	(void)snprintf(buf, NM_PREFIX_STRLEN, "%s/%u", nm_addr_print(&p->addr, addr), p->len);
	return buf;
}

bool nm_addr_equal(const struct nm_addr *a, const struct nm_addr *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, nm_addr_size(a->family));
}

static uint8_t clear_host_bits(uint8_t byte, size_t position, uint8_t prefix_len)
{
	size_t first = position * 8;

	if (prefix_len >= first + 8)
		return byte;
	if (prefix_len <= first)
		return 0;
	return (uint8_t)(byte & 0xff00 >> (prefix_len - first));
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

	for (size_t i = 0; i < nm_addr_size(p->addr.family); i++)
		network.addr.bytes[i] = clear_host_bits(p->addr.bytes[i], i, p->len);
	return network;
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
		{&ipv4_multicast, "multicast"},
		{&ipv4_reserved, "broadcast"},
		{&ipv4_link_local, "link-local"},
		{&ipv6_mapped, "IPv4-mapped"},
		{&ipv6_multicast, "multicast"},
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

int nm_text_number(const char *text, size_t len, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!len || (len > 1 && text[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		if (__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value) || value > max)
			return -1;
	}
	*ret = value;
	return 0;
}

int nm_port_range_parse(const char *text, size_t len, uint16_t *ret_first, uint16_t *ret_last)
{
	const char *dash = memchr(text, '-', len);
	size_t first_len = dash ? (size_t)(dash - text) : len;
	uint64_t first, last;

	if (nm_text_number(text, first_len, UINT16_MAX, &first) < 0)
		return -1;
	last = first;
	if (dash && nm_text_number(dash + 1, len - first_len - 1, UINT16_MAX, &last) < 0)
		return -1;
	if (first == 0 || first > last)
		return -1;
	*ret_first = (uint16_t)first;
	*ret_last = (uint16_t)last;
	return 0;
}

int nm_port_set_parse(const char *text, struct nm_port_set *ret)
{
	struct nm_port_set set = {0};
	uint16_t first, last;
	const char *element;
	size_t len;

	if (!*text)
		text = NULL; /* the empty set, not one empty element */
	while ((element = nm_text_list_next(&text, &len))) {
		if (nm_port_range_parse(element, len, &first, &last) < 0)
			return -1;
		for (unsigned port = first; port <= last; port++)
			set.bits[port / 8] |= (uint8_t)(1u << port % 8);
	}
	*ret = set;
	return 0;
}

bool nm_port_set_has(const struct nm_port_set *s, uint16_t port)
{
	return s->bits[port / 8] & 1u << port % 8;
}
