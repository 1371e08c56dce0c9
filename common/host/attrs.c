/* Attributes are looked up in the message itself: none has more than a few dozen. */
#include "host/attrs.h"

#include <arpa/inet.h>
#include <string.h>

#include <libmnl/libmnl.h>

struct nm_attrs nm_attrs_of(const struct nlmsghdr *msg, size_t header_size)
{
	size_t len = mnl_nlmsg_get_payload_len(msg), skip = NLMSG_ALIGN(header_size);

	if (len <= skip)
		return (struct nm_attrs){NULL, 0};
	return (struct nm_attrs){mnl_nlmsg_get_payload_offset(msg, header_size), len - skip};
}

const struct nlattr *nm_attrs_next(struct nm_attrs *list)
{
	const struct nlattr *a = list->data;
	size_t step;

	if (!mnl_attr_ok(a, (int)list->len))
		return NULL;
	step = NLMSG_ALIGN((size_t)a->nla_len);
	step = step < list->len ? step : list->len;
	list->data = (const char *)list->data + step;
	list->len -= step;
	return a;
}

struct nm_attrs nm_attrs_inside(const struct nlattr *attr)
{
	return (struct nm_attrs){mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)};
}

static const struct nlattr *find_attr(struct nm_attrs attrs, uint16_t type)
{
	const struct nlattr *a;

	while ((a = nm_attrs_next(&attrs)))
		if (mnl_attr_get_type(a) == type)
			return a;
	return NULL;
}

struct nm_attrs nm_attrs_nested(struct nm_attrs attrs, uint16_t type)
{
	const struct nlattr *a = find_attr(attrs, type);

	return a ? nm_attrs_inside(a) : (struct nm_attrs){NULL, 0};
}

bool nm_attrs_get(struct nm_attrs attrs, uint16_t type, void *ret, size_t size)
{
	const struct nlattr *a = find_attr(attrs, type);

	if (!a || mnl_attr_get_payload_len(a) != size)
		return false;
	memcpy(ret, mnl_attr_get_payload(a), size);
	return true;
}

bool nm_attrs_be32(struct nm_attrs attrs, uint16_t type, uint32_t *ret)
{
	uint32_t value;

	if (!nm_attrs_get(attrs, type, &value, sizeof(value)))
		return false;
	*ret = ntohl(value);
	return true;
}

bool nm_attrs_addr(struct nm_attrs attrs, uint16_t type, enum nm_family family, struct nm_addr *ret)
{
	struct nm_addr a = {.family = family};

	if (!nm_attrs_get(attrs, type, a.bytes, nm_addr_size(family)))
		return false;
	*ret = a;
	return true;
}

bool nm_attrs_string(struct nm_attrs attrs, uint16_t type, char *ret, size_t size)
{
	const struct nlattr *a = find_attr(attrs, type);
	size_t len;

	if (!a)
		return false;
	len = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	if (len >= size)
		return false;
	memcpy(ret, mnl_attr_get_payload(a), len);
	ret[len] = '\0';
	return true;
}
