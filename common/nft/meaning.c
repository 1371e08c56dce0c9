/*
 * Each list is read into terms: a match, that is a value of the packet and what it is compared with, in one
 * form, or any other expression as it is. Matches between two other expressions may stand in any order.
 */
#include "nft/meaning.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>

#include "nft/rules.h"

enum {
	TERMS_MAX = 32,  /* natmap's longest rule has 14 */
	VALUE_SIZE = 16, /* an IPv6 address, the name of an interface */
	IPV4_PROTOCOL_OFFSET = 9,
	PORT_SIZE = 2,
	DPORT_OFFSET = 2,
};

enum kind { OTHER, META, PAYLOAD, CT, FIB };

enum { RANGE = NFT_CMP_GTE + 1 }; /* beside enum nft_cmp_ops */

struct value {
	enum kind kind;
	uint32_t what;  /* key, base of the payload, or result of fib */
	uint32_t where; /* offset, direction + 1, or flags of fib */
};

struct term {
	struct value value;
	uint32_t op;
	size_t len; /* bytes that are compared */
	uint8_t mask[VALUE_SIZE], first[VALUE_SIZE], last[VALUE_SIZE];
	const struct nlattr *expression; /* OTHER: borrowed */
};
_Static_assert(sizeof(struct term) ==
		sizeof(struct value) + sizeof(uint32_t) + sizeof(size_t) + 3 * VALUE_SIZE + sizeof(void *),
	"terms without padding are compared as bytes");

struct reading {
	enum nm_family family;
	struct term terms[TERMS_MAX + 1]; /* the last one takes what there is no room for */
	size_t n;
	bool too_long;

	/* What was loaded last: a register and its value, which comparisons use. */
	struct value value;
	uint32_t reg;
	uint8_t mask[VALUE_SIZE];
	const struct nlattr *load, *bitwise; /* NULL once a comparison has used it */
};

static struct term *add(struct reading *r)
{
	struct term *t = &r->terms[r->n];

	r->too_long |= r->n == TERMS_MAX;
	r->n += !r->too_long;
	*t = (struct term){0};
	return t;
}

/* What was loaded, and is for no comparison that is known here. */
static void flush(struct reading *r)
{
	if (r->load)
		add(r)->expression = r->load;
	if (r->bitwise)
		add(r)->expression = r->bitwise;
	r->load = r->bitwise = NULL;
	r->value.kind = OTHER;
}

/* Of a value that one comparison takes; -1: none, or a longer one. */
static ssize_t get_bytes(struct nm_attrs attrs, uint16_t type, uint8_t ret[static VALUE_SIZE])
{
	struct nm_attrs value = nm_attrs_nested(nm_attrs_nested(attrs, type), NFTA_DATA_VALUE);

	if (!value.len || value.len > VALUE_SIZE)
		return -1;
	memcpy(ret, value.data, value.len);
	return (ssize_t)value.len;
}

static bool read_load(struct reading *r, const char *name, struct nm_attrs data)
{
	static const struct {
		const char *name;
		enum kind kind;
		uint16_t dreg, what, where;
	} loads[] = {
		{"meta", META, NFTA_META_DREG, NFTA_META_KEY, 0},
		{"payload", PAYLOAD, NFTA_PAYLOAD_DREG, NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_OFFSET},
		{"ct", CT, NFTA_CT_DREG, NFTA_CT_KEY, 0},
		{"fib", FIB, NFTA_FIB_DREG, NFTA_FIB_RESULT, NFTA_FIB_FLAGS},
	};
	struct value v;
	uint8_t direction;

	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		if (strcmp(name, loads[i].name) != 0)
			continue;
		v = (struct value){.kind = loads[i].kind};
		if (!nm_attrs_be32(data, loads[i].dreg, &r->reg) ||
			!nm_attrs_be32(data, loads[i].what, &v.what) ||
			(loads[i].where && !nm_attrs_be32(data, loads[i].where, &v.where)))
			return false;
		if (v.kind == CT && nm_attrs_get(data, NFTA_CT_DIRECTION, &direction, sizeof(direction)))
			v.where = direction + 1u;
		r->value = v;
		memset(r->mask, 0xff, sizeof(r->mask));
		return true;
	}
	return false;
}

static bool read_mask(struct reading *r, struct nm_attrs data)
{
	static const uint8_t none[VALUE_SIZE];
	uint32_t sreg, dreg, op = NFT_BITWISE_BOOL;
	uint8_t mask[VALUE_SIZE] = {0}, flip[VALUE_SIZE] = {0};

	(void)nm_attrs_be32(data, NFTA_BITWISE_OP, &op); /* older kernels know no other */
	if (!r->load || r->bitwise || !nm_attrs_be32(data, NFTA_BITWISE_SREG, &sreg) ||
		!nm_attrs_be32(data, NFTA_BITWISE_DREG, &dreg) || sreg != r->reg || dreg != r->reg ||
		op != NFT_BITWISE_BOOL || get_bytes(data, NFTA_BITWISE_MASK, mask) < 0 ||
		get_bytes(data, NFTA_BITWISE_XOR, flip) < 0 || memcmp(flip, none, sizeof(flip)) != 0)
		return false;
	memcpy(r->mask, mask, sizeof(mask));
	return true;
}

/* Two comparisons that make a range; one port is a range of one. */
static bool completes_range(const struct reading *r, const struct term *t)
{
	const struct term *before = t - 1;

	return t > r->terms && t->op == NFT_CMP_LTE && before->op == NFT_CMP_GTE && t->len == before->len &&
		!memcmp(&t->value, &before->value, sizeof(t->value)) &&
		!memcmp(t->mask, before->mask, sizeof(t->mask));
}

/* Bytes behind those that count, and the NULs behind the first one of a name. */
static size_t length(const struct term *t)
{
	bool is_name = t->value.kind == META &&
		(t->value.what == NFT_META_IIFNAME || t->value.what == NFT_META_OIFNAME);
	size_t n = t->len;

	if (t->op != NFT_CMP_EQ && t->op != NFT_CMP_NEQ)
		return n;
	while (is_name && n > 1 && !t->first[n - 1] && !t->first[n - 2])
		n--;
	while (t->value.kind == PAYLOAD && n > 0 && !t->mask[n - 1] && !t->first[n - 1])
		n--;
	return n;
}

static void simplify(struct reading *r, struct term *t)
{
	const struct value protocol = {.kind = META, .what = NFT_META_L4PROTO};

	if (completes_range(r, t)) {
		memcpy(t[-1].last, t->first, sizeof(t->first));
		t[-1].op = RANGE;
		r->n--;
		t--;
	}
	if (t->op == RANGE && !memcmp(t->first, t->last, sizeof(t->first))) {
		memset(t->last, 0, sizeof(t->last));
		t->op = NFT_CMP_EQ;
	}
	if (r->family == NM_IPV4 && t->len == 1 && t->value.kind == PAYLOAD &&
		t->value.what == NFT_PAYLOAD_NETWORK_HEADER && t->value.where == IPV4_PROTOCOL_OFFSET)
		t->value = protocol;
	t->len = length(t);
	memset(t->mask + t->len, 0, sizeof(t->mask) - t->len);
}

static void compare(struct reading *r, struct value value, uint32_t op, size_t len, const void *first,
	const void *last, const void *mask)
{
	struct term *t = add(r);

	if (r->too_long)
		return;
	*t = (struct term){.value = value, .op = op, .len = len};
	memcpy(t->first, first, len);
	if (last)
		memcpy(t->last, last, len);
	if (mask)
		memcpy(t->mask, mask, len);
	else
		memset(t->mask, 0xff, len);
	simplify(r, t);
}

/* cmp, or range that is not negated. */
static bool read_comparison(struct reading *r, const char *name, struct nm_attrs data)
{
	bool is_range = !strcmp(name, "range");
	uint32_t op, sreg;
	uint8_t first[VALUE_SIZE], last[VALUE_SIZE];
	ssize_t len;

	if (r->value.kind == OTHER || (!is_range && strcmp(name, "cmp") != 0))
		return false;
	if (!nm_attrs_be32(data, is_range ? NFTA_RANGE_SREG : NFTA_CMP_SREG, &sreg) || sreg != r->reg ||
		!nm_attrs_be32(data, is_range ? NFTA_RANGE_OP : NFTA_CMP_OP, &op) ||
		(is_range ? op != NFT_RANGE_EQ : op > NFT_CMP_GTE))
		return false;
	len = get_bytes(data, is_range ? NFTA_RANGE_FROM_DATA : NFTA_CMP_DATA, first);
	if (len < 0 || (is_range && get_bytes(data, NFTA_RANGE_TO_DATA, last) != len))
		return false;
	compare(r, r->value, is_range ? RANGE : op, (size_t)len, first, is_range ? last : NULL, r->mask);
	r->load = r->bitwise = NULL;
	return true;
}

/* struct xt_tcp begins like struct xt_udp; what follows are further conditions. */
static bool read_ports(struct reading *r, const void *info, size_t size)
{
	static const uint8_t none[sizeof(struct xt_tcp)];
	const struct value dport = {PAYLOAD, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT_OFFSET};
	const struct xt_udp *ports = info;
	const size_t begin = offsetof(struct xt_udp, invflags);
	uint16_t first = htons(ports->dpts[0]), last = htons(ports->dpts[1]);

	if (ports->spts[0] || ports->spts[1] != UINT16_MAX ||
		memcmp((const uint8_t *)info + begin, none, size - begin) != 0)
		return false;
	compare(r, dport, RANGE, PORT_SIZE, &first, &last, NULL);
	return true;
}

static bool read_addrtype(struct reading *r, const void *info, size_t size)
{
	const struct value daddr_type = {FIB, NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_F_DADDR};
	const struct xt_addrtype_info_v1 *addrtype = info;
	const uint32_t local = RTN_LOCAL;

	(void)size;
	if (addrtype->source || addrtype->dest != 1 << RTN_LOCAL || addrtype->flags)
		return false;
	compare(r, daddr_type, NFT_CMP_EQ, sizeof(local), &local, NULL, NULL);
	return true;
}

static bool read_mark(struct reading *r, const void *info, size_t size)
{
	const struct value mark = {.kind = META, .what = NFT_META_MARK};
	const struct xt_mark_mtinfo1 *m = info;

	(void)size;
	if (m->invert)
		return false;
	compare(r, mark, NFT_CMP_EQ, sizeof(m->mark), &m->mark, NULL, &m->mask);
	return true;
}

static bool read_xt_match(struct reading *r, struct nm_attrs data)
{
	static const struct {
		const char *name;
		uint32_t revision;
		size_t size;
		bool (*read)(struct reading *r, const void *info, size_t size);
	} matches[] = {
		{"tcp", 0, sizeof(struct xt_tcp), read_ports},
		{"udp", 0, offsetof(struct xt_udp, invflags) + 1, read_ports},
		{"addrtype", 1, sizeof(struct xt_addrtype_info_v1), read_addrtype},
		{"mark", 1, sizeof(struct xt_mark_mtinfo1), read_mark},
		{"comment", 0, 0, NULL},
	};
	struct nm_attrs info = nm_attrs_nested(data, NFTA_MATCH_INFO);
	char name[NM_NFT_EXPRESSION_SIZE];
	uint32_t revision;

	if (!nm_attrs_string(data, NFTA_MATCH_NAME, name, sizeof(name)) ||
		!nm_attrs_be32(data, NFTA_MATCH_REV, &revision))
		return false;
	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++)
		if (!strcmp(name, matches[i].name))
			return revision == matches[i].revision && info.len >= matches[i].size &&
				(!matches[i].read || matches[i].read(r, info.data, matches[i].size));
	return false;
}

static void read_expression(
	struct reading *r, const struct nlattr *expression, const char *name, struct nm_attrs data)
{
	if (!strcmp(name, "bitwise") && read_mask(r, data)) {
		r->bitwise = expression;
		return;
	}
	if (read_comparison(r, name, data))
		return;
	flush(r);
	if (read_load(r, name, data))
		r->load = expression;
	else if (strcmp(name, "match") != 0 || !read_xt_match(r, data))
		add(r)->expression = expression;
}

static void read_terms(struct reading *r, enum nm_family family, struct nm_attrs list)
{
	char name[NM_NFT_EXPRESSION_SIZE];
	struct nm_attrs data;

	r->family = family;
	for (struct nm_attrs at = list; nm_nft_rule_next_expression(&list, name, &data); at = list)
		read_expression(r, at.data, name, data);
	flush(r);
}

static bool is_match(const struct reading *r, size_t i)
{
	return i < r->n && r->terms[i].value.kind != OTHER;
}

/* True when the matches from *i and *j on, up to another expression, are the same in any order; skips them.
 */
static bool matches_equal(const struct reading *a, const struct reading *b, size_t *i, size_t *j)
{
	bool used[TERMS_MAX] = {false};
	size_t first = *j, k;

	for (; is_match(a, *i); ++*i) {
		for (k = first; is_match(b, k); k++)
			if (!used[k] && !memcmp(&a->terms[*i], &b->terms[k], sizeof(struct term)))
				break;
		if (!is_match(b, k))
			return false;
		used[k] = true;
		++*j;
	}
	return !is_match(b, *j);
}

static bool others_equal(const struct nlattr *ours, const struct nlattr *theirs)
{
	return nm_nft_rule_expressions_equal(
		(struct nm_attrs){ours, ours->nla_len}, (struct nm_attrs){theirs, theirs->nla_len});
}

static const struct nlattr *last_of(struct nm_attrs list)
{
	const struct nlattr *last = NULL, *a;

	while ((a = nm_attrs_next(&list)))
		last = a;
	return last;
}

/* Most rules of others end with something else: that takes no reading. */
static bool ends_equal(struct nm_attrs ours, struct nm_attrs theirs)
{
	const struct nlattr *a = last_of(ours), *b = last_of(theirs);

	return a && b && others_equal(a, b);
}

bool nm_nft_meaning_equal(enum nm_family family, struct nm_attrs ours, struct nm_attrs theirs)
{
	struct reading a, b;

	if (nm_nft_rule_expressions_equal(ours, theirs))
		return true;
	if (!ends_equal(ours, theirs))
		return false;
	a = b = (struct reading){.n = 0};
	read_terms(&a, family, ours);
	read_terms(&b, family, theirs);
	for (size_t i = 0, j = 0; !a.too_long && !b.too_long; i++, j++) {
		if (!matches_equal(&a, &b, &i, &j))
			return false;
		if (i == a.n || j == b.n)
			return i == a.n && j == b.n;
		if (!others_equal(a.terms[i].expression, b.terms[j].expression))
			return false;
	}
	return false;
}
