/* Any value of a fitting size that something is compared with counts as a port, or as an address. */
#include "follow/landmarks.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <string.h>

#include "base/array.h"

enum { PORTS = UINT16_MAX + 1, PORT_SIZE = 2, WORD = 4, ADDRESS_MAX = 16 };

static void put_ports(struct nm_landmarks *l, uint16_t first, uint16_t last)
{
	l->ports[first] = 1;
	if (last < UINT16_MAX)
		l->ports[last + 1] = 1;
}

static int put_address(
	struct nm_landmarks *l, enum nm_family family, const uint8_t *bytes, struct nm_err *err)
{
	struct nm_addr a = {.family = family};

	memcpy(a.bytes, bytes, nm_addr_size(family));
	if (nm_grow(&l->addresses[family], "judging the ruleset", err) < 0)
		return -1;
	l->addresses[family].v[l->addresses[family].n++] = a;
	return 0;
}

/* From first on, and behind last: len bytes, of which the rest of an address may be any. */
static int put_addresses(struct nm_landmarks *l, enum nm_family family, const void *first, const void *last,
	size_t len, struct nm_err *err)
{
	uint8_t bytes[ADDRESS_MAX] = {0};
	size_t i;

	if (len > nm_addr_size(family))
		return 0;
	memcpy(bytes, first, len);
	if (put_address(l, family, bytes, err) < 0)
		return -1;
	memset(bytes, 0xff, sizeof(bytes));
	memcpy(bytes, last, len);
	for (i = nm_addr_size(family); i > 0 && ++bytes[i - 1] == 0; i--)
		;
	return i > 0 ? put_address(l, family, bytes, err) : 0; /* else there is nothing behind */
}

static int put_range(
	struct nm_landmarks *l, const void *first, const void *last, size_t len, struct nm_err *err)
{
	uint16_t from, to;

	if (len == PORT_SIZE) {
		memcpy(&from, first, sizeof(from));
		memcpy(&to, last, sizeof(to));
		put_ports(l, ntohs(from), ntohs(to));
	}
	if (len == 0 || len > ADDRESS_MAX)
		return 0;
	nm_each_family(f, NM_BOTH_FAMILIES)
		if (put_addresses(l, f, first, last, len, err) < 0)
			return -1;
	return 0;
}

static struct nm_attrs value_of(struct nm_attrs data, uint16_t type)
{
	return nm_attrs_nested(nm_attrs_nested(data, type), NFTA_DATA_VALUE);
}

/* mask: of the bitwise before it; empty: none. */
static int put_cmp(struct nm_landmarks *l, struct nm_attrs value, struct nm_attrs mask, struct nm_err *err)
{
	uint8_t last[ADDRESS_MAX];

	if (value.len == 0 || value.len > sizeof(last))
		return 0;
	memcpy(last, value.data, value.len);
	for (size_t i = 0; i < value.len && mask.len == value.len; i++)
		last[i] |= (uint8_t) ~((const uint8_t *)mask.data)[i];
	return put_range(l, value.data, last, value.len, err);
}

/* XT_MULTI_PORTS as single ones: a range begins with one and ends with one. */
static void put_multiport(struct nm_landmarks *l, const struct xt_multiport_v1 *m)
{
	for (size_t i = 0; i < m->count && i < XT_MULTI_PORTS; i++)
		put_ports(l, m->ports[i], m->ports[i]);
}

static int put_masked(struct nm_landmarks *l, const union nf_inet_addr *address,
	const union nf_inet_addr *mask, struct nm_err *err)
{
	nm_each_family(f, NM_BOTH_FAMILIES) {
		struct nm_attrs value = {address, nm_addr_size(f)}, bits = {mask, nm_addr_size(f)};

		if (put_cmp(l, value, bits, err) < 0)
			return -1;
	}
	return 0;
}

static int put_xt(struct nm_landmarks *l, struct nm_attrs match, struct nm_err *err)
{
	struct nm_attrs info = nm_attrs_nested(match, NFTA_MATCH_INFO);
	char name[NM_NFT_EXPRESSION_SIZE] = "";
	union {
		struct xt_udp ports; /* struct xt_tcp begins like it */
		struct xt_sctp_info sctp;
		struct xt_multiport_v1 multiport;
		struct xt_conntrack_mtinfo3 conntrack; /* older ones begin like it */
		struct xt_iprange_mtinfo iprange;
	} u = {0};

	(void)nm_attrs_string(match, NFTA_MATCH_NAME, name, sizeof(name)); /* "" is none of them */
	if (info.len)
		memcpy(&u, info.data, info.len < sizeof(u) ? info.len : sizeof(u));
	if (!strcmp(name, "tcp") || !strcmp(name, "udp"))
		put_ports(l, u.ports.dpts[0], u.ports.dpts[1]);
	else if (!strcmp(name, "sctp"))
		put_ports(l, u.sctp.dpts[0], u.sctp.dpts[1]);
	else if (!strcmp(name, "multiport"))
		put_multiport(l, &u.multiport);
	else if (!strcmp(name, "iprange"))
		return put_range(l, &u.iprange.dst_min, &u.iprange.dst_max, WORD, err) < 0
			? -1
			: put_range(l, &u.iprange.dst_min, &u.iprange.dst_max, ADDRESS_MAX, err);
	if (strcmp(name, "conntrack") != 0)
		return 0;
	put_ports(l, u.conntrack.origdst_port, u.conntrack.origdst_port_high);
	put_ports(l, ntohs(u.conntrack.origdst_port), ntohs(u.conntrack.origdst_port)); /* revision 2 */
	return put_masked(l, &u.conntrack.origdst_addr, &u.conntrack.origdst_mask, err);
}

static int put_rule(struct nm_landmarks *l, const struct nm_ruleset_rule *rule, struct nm_err *err)
{
	struct nm_attrs list = rule->expressions, data, mask = {0}, from, to;
	char name[NM_NFT_EXPRESSION_SIZE];
	int rc = 0;

	while (rc == 0 && nm_nft_rule_next_expression(&list, name, &data)) {
		from = value_of(data, NFTA_RANGE_FROM_DATA);
		to = value_of(data, NFTA_RANGE_TO_DATA);
		if (!strcmp(name, "bitwise"))
			mask = value_of(data, NFTA_BITWISE_MASK);
		else if (!strcmp(name, "cmp"))
			rc = put_cmp(l, value_of(data, NFTA_CMP_DATA), mask, err);
		else if (!strcmp(name, "range") && from.len == to.len)
			rc = put_range(l, from.data, to.data, from.len, err);
		else if (!strcmp(name, "match"))
			rc = put_xt(l, data, err);
		if (!strcmp(name, "cmp"))
			mask = (struct nm_attrs){0};
	}
	return rc;
}

/* Parts of a key begin at each word. */
static int put_element(struct nm_landmarks *l, const struct nm_ruleset_set *set,
	const struct nm_ruleset_element *e, struct nm_err *err)
{
	const uint8_t *end = e->key_end ? e->key_end : e->key;
	static const size_t sizes[] = {PORT_SIZE, WORD, ADDRESS_MAX};

	for (size_t at = 0; e->key && at < set->key_size; at += WORD)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			if (sizes[i] <= set->key_size - at &&
				put_range(l, e->key + at, end + at, sizes[i], err) < 0)
				return -1;
	return 0;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct nm_addr *x = a, *y = b;

	return memcmp(x->bytes, y->bytes, sizeof(x->bytes));
}

/* Numbers the classes. */
static void settle(struct nm_landmarks *l)
{
	uint32_t class = 0;

	for (size_t port = 0; port < PORTS; port++) {
		class += l->ports[port];
		l->ports[port] = class;
	}
	nm_each_family(f, NM_BOTH_FAMILIES)
		if (l->addresses[f].n > 1)
			qsort(l->addresses[f].v, l->addresses[f].n, sizeof(*l->addresses[f].v),
				compare_addresses);
}

static int find(const struct nm_follow *f, struct nm_landmarks *l, struct nm_err *err)
{
	const struct nm_ruleset *r = f->ruleset;

	for (const struct nm_ruleset_chain *c = r->chains.v; c < r->chains.v + r->chains.n; c++)
		for (const struct nm_ruleset_rule *rule = c->v; rule < c->v + c->n; rule++)
			if ((!rule->tag || f->own(f->ctx, c, rule) == NM_FOLLOW_OTHERS) &&
				put_rule(l, rule, err) < 0)
				return -1;
	for (const struct nm_ruleset_set *s = r->sets.v; s < r->sets.v + r->sets.n; s++)
		for (const struct nm_ruleset_element *e = s->v; e < s->v + s->n; e++)
			if (put_element(l, s, e, err) < 0)
				return -1;
	settle(l);
	return 0;
}

int nm_landmarks_find(const struct nm_follow *f, struct nm_landmarks *ret, struct nm_err *err)
{
	ret->ports = calloc(PORTS, sizeof(*ret->ports));
	if (!ret->ports)
		return nm_fail_memory(err, "judging the ruleset");
	return find(f, ret, err);
}

void nm_landmarks_done(struct nm_landmarks *l)
{
	nm_each_family(f, NM_BOTH_FAMILIES)
		free(l->addresses[f].v);
	free(l->ports);
	*l = (struct nm_landmarks){0};
}

uint32_t nm_landmarks_port(const struct nm_landmarks *l, uint16_t port)
{
	return l->ports ? l->ports[port] : port;
}

uint32_t nm_landmarks_address(const struct nm_landmarks *l, const struct nm_addr *address)
{
	size_t low = 0, high = l->addresses[address->family].n;

	if (!l->ports)
		return (uint32_t)nm_hash(NM_HASH_BEGIN, address->bytes, sizeof(address->bytes));
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_addresses(&l->addresses[address->family].v[middle], address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint32_t)low;
}
