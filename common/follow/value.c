#include "follow/value.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

enum nm_tri nm_value_not(enum nm_tri t)
{
	return t == NM_UNDECIDED ? t : t == NM_FALSE ? NM_TRUE : NM_FALSE;
}

enum nm_tri nm_value_and(enum nm_tri a, enum nm_tri b)
{
	if (a == NM_FALSE || b == NM_FALSE)
		return NM_FALSE;
	return a == NM_TRUE ? b : NM_UNDECIDED;
}

static bool fits(size_t at, size_t len)
{
	return at <= NM_FOLLOW_BYTES && len <= NM_FOLLOW_BYTES - at;
}

void nm_value_put(struct nm_value *v, size_t at, const void *bytes, size_t len)
{
	if (!len || !fits(at, len))
		return;
	memcpy(v->bytes + at, bytes, len);
	memset(v->known + at, 0xff, len);
	memset(v->unnamed + at, 0, len * sizeof(*v->unnamed));
}

void nm_value_put_unknown(struct nm_value *v, size_t at, size_t len)
{
	if (!fits(at, len))
		return;
	memset(v->bytes + at, 0, len);
	memset(v->known + at, 0, len);
	memset(v->unnamed + at, 0, len * sizeof(*v->unnamed));
}

void nm_value_put_unnamed(struct nm_value *v, size_t at, size_t len)
{
	nm_value_put_unknown(v, at, len);
	for (size_t i = 0; fits(at, len) && i < len; i++)
		v->unnamed[at + i] = true;
}

void nm_value_copy(struct nm_value *to, size_t at, const struct nm_value *from, size_t from_at, size_t len)
{
	if (!fits(at, len) || !fits(from_at, len))
		return;
	memmove(to->bytes + at, from->bytes + from_at, len);
	memmove(to->known + at, from->known + from_at, len);
	memmove(to->unnamed + at, from->unnamed + from_at, len * sizeof(*to->unnamed));
}

void nm_value_forget(struct nm_value *v, size_t at, size_t len, unsigned bits)
{
	for (size_t i = at + len; fits(at, len) && bits > 0 && i-- > at;) {
		unsigned here = bits < 8 ? bits : 8;

		v->known[i] &= (uint8_t)(0xff << here);
		v->bytes[i] &= v->known[i];
		bits -= here;
	}
}

bool nm_value_is_known(const struct nm_value *v, size_t at, size_t len)
{
	for (size_t i = at; fits(at, len) && i < at + len; i++)
		if (v->known[i] != 0xff)
			return false;
	return fits(at, len);
}

bool nm_value_is_unnamed(const struct nm_value *v, size_t at, size_t len)
{
	for (size_t i = at; fits(at, len) && i < at + len; i++)
		if (v->unnamed[i])
			return true;
	return false;
}

enum nm_tri nm_value_equal(const struct nm_value *v, size_t at, const void *bytes, size_t len)
{
	const uint8_t *wanted = bytes;

	for (size_t i = 0; fits(at, len) && i < len; i++)
		if ((v->bytes[at + i] ^ wanted[i]) & v->known[at + i])
			return NM_FALSE;
	if (nm_value_is_unnamed(v, at, len))
		return NM_FALSE;
	return nm_value_is_known(v, at, len) ? NM_TRUE : NM_UNDECIDED;
}

static bool is_all(const uint8_t *bytes, uint8_t byte, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != byte)
			return false;
	return true;
}

/* An attribute that is missing has no bytes, and no address either. */
static int compare(const void *a, const void *b, size_t len)
{
	return len > 0 ? memcmp(a, b, len) : 0;
}

enum nm_tri nm_value_within(
	const struct nm_value *v, size_t at, const void *first, const void *last, size_t len)
{
	if (nm_value_is_unnamed(v, at, len))
		return is_all(first, 0, len) && is_all(last, UINT8_MAX, len) ? NM_TRUE : NM_FALSE;
	if (!nm_value_is_known(v, at, len))
		return NM_UNDECIDED;
	return compare(v->bytes + at, first, len) >= 0 && compare(v->bytes + at, last, len) <= 0 ? NM_TRUE
												 : NM_FALSE;
}

enum nm_tri nm_value_compare(const struct nm_value *v, size_t at, uint32_t op, const void *bytes, size_t len)
{
	int order;

	if (op == NFT_CMP_EQ)
		return nm_value_equal(v, at, bytes, len);
	if (op == NFT_CMP_NEQ)
		return nm_value_not(nm_value_equal(v, at, bytes, len));
	if (nm_value_is_unnamed(v, at, len)) /* half of a range */
		return NM_FALSE;
	if (!nm_value_is_known(v, at, len))
		return NM_UNDECIDED;
	order = compare(v->bytes + at, bytes, len);
	if (op == NFT_CMP_LT || op == NFT_CMP_LTE)
		return order < 0 || (op == NFT_CMP_LTE && order == 0) ? NM_TRUE : NM_FALSE;
	return order > 0 || (op == NFT_CMP_GTE && order == 0) ? NM_TRUE : NM_FALSE;
}
