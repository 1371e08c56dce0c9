/* Attributes are looked up in the message itself: none has more than a few dozen. */
#include "host/attrs.h"

#include <arpa/inet.h>
#include <string.h>

struct nm_attrs nm_attrs_of(const struct nlmsghdr *msg, size_t header_size)
{
	size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(header_size);

	if (msg->nlmsg_len <= skip)
		return (struct nm_attrs){NULL, 0};
	return (struct nm_attrs){(const char *)msg + skip, msg->nlmsg_len - skip};
}

const struct nlattr *nm_attrs_next(struct nm_attrs *list)
{
	const struct nlattr *a = list->data;
	size_t step;

	if (list->len < sizeof(*a) || a->nla_len < sizeof(*a) || a->nla_len > list->len)
		return NULL;
	step = NLMSG_ALIGN((size_t)a->nla_len);
	step = step < list->len ? step : list->len;
	list->data = (const char *)list->data + step;
	list->len -= step;
	return a;
}

struct nm_attrs nm_attrs_inside(const struct nlattr *attr)
{
	return (struct nm_attrs){attr + 1, attr->nla_len - sizeof(*attr)};
}

uint16_t nm_attrs_type(const struct nlattr *attr)
{
	return (uint16_t)(attr->nla_type & NLA_TYPE_MASK);
}

static const struct nlattr *find_attr(struct nm_attrs attrs, uint16_t type)
{
	const struct nlattr *a;

	while ((a = nm_attrs_next(&attrs)))
		if (nm_attrs_type(a) == type)
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
	struct nm_attrs value = nm_attrs_nested(attrs, type);

	if (!value.data || value.len != size)
		return false;
	memcpy(ret, value.data, size);
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
	struct nm_attrs value = nm_attrs_nested(attrs, type);
	size_t len;

	if (!value.data)
		return false;
	len = strnlen(value.data, value.len);
	if (len >= size)
		return false;
	memcpy(ret, value.data, len);
	ret[len] = '\0';
	return true;
}
