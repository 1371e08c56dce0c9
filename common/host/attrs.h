/* Attributes of netlink messages, read with every length checked. */
#ifndef NM_HOST_ATTRS_H
#define NM_HOST_ATTRS_H

#include <linux/netlink.h>

#include "base/addr.h"

/* The attributes of a message, or those nested in one of them; borrowed from the message. */
struct nm_attrs {
	const void *data;
	size_t len;
};

/* The attributes after the family header. Empty when there are none. */
struct nm_attrs nm_attrs_of(const struct nlmsghdr *msg, size_t header_size);
/* Those nested in the attribute of that type. Empty when it is missing. */
struct nm_attrs nm_attrs_nested(struct nm_attrs attrs, uint16_t type);
/* Those nested in *attr. */
struct nm_attrs nm_attrs_inside(const struct nlattr *attr);
uint16_t nm_attrs_type(const struct nlattr *attr); /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */

/* Takes the first attribute off *list and returns it, borrowed. NULL: none is left. */
const struct nlattr *nm_attrs_next(struct nm_attrs *list);

/* Copy the attribute of that type; false, and *ret untouched, when it is missing or does not fit. */
bool nm_attrs_get(struct nm_attrs attrs, uint16_t type, void *ret, size_t size);
bool nm_attrs_be32(struct nm_attrs attrs, uint16_t type, uint32_t *ret); /* in the order of the host */
bool nm_attrs_addr(struct nm_attrs attrs, uint16_t type, enum nm_family family, struct nm_addr *ret);
bool nm_attrs_string(struct nm_attrs attrs, uint16_t type, char *ret, size_t size);

#endif
