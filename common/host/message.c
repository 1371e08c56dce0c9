#include "host/message.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

struct nm_message nm_message_begin(void *bytes, uint16_t capacity, size_t header_size)
{
	size_t len = NLMSG_HDRLEN + NLMSG_ALIGN(header_size);
	struct nm_message m = {.header = bytes, .capacity = capacity};

	memset(bytes, 0, len);
	m.header->nlmsg_len = (uint32_t)len;
	return m;
}

/* NULL, and the message is too long: no room. */
static struct nlattr *append(struct nm_message *m, uint16_t type, size_t len)
{
	size_t used = m->header->nlmsg_len, room = m->capacity - used;
	struct nlattr *a = (struct nlattr *)(void *)((char *)m->header + used);

	m->too_long |= len > room || sizeof(*a) + NLMSG_ALIGN(len) > room;
	if (m->too_long)
		return NULL;
	a->nla_len = (uint16_t)(sizeof(*a) + len);
	a->nla_type = type;
	memset((char *)a + a->nla_len, 0, NLMSG_ALIGN(len) - len);
	m->header->nlmsg_len += (uint32_t)(sizeof(*a) + NLMSG_ALIGN(len));
	return a;
}

void nm_message_put(struct nm_message *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = append(m, type, len);

	if (a && len)
		memcpy(a + 1, data, len);
}

void nm_message_put_raw(struct nm_message *m, const void *data, size_t len)
{
	size_t used = m->header->nlmsg_len, room = m->capacity - used;
	char *at = (char *)m->header + used;

	m->too_long |= len > room || NLMSG_ALIGN(len) > room;
	if (m->too_long)
		return;
	memset(at, 0, NLMSG_ALIGN(len));
	memcpy(at, data, len);
	m->header->nlmsg_len += (uint32_t)NLMSG_ALIGN(len);
}

void nm_message_put_string(struct nm_message *m, uint16_t type, const char *text)
{
	nm_message_put(m, type, text, strlen(text) + 1);
}

void nm_message_put_be32(struct nm_message *m, uint16_t type, uint32_t value)
{
	value = htonl(value);
	nm_message_put(m, type, &value, sizeof(value));
}

void nm_message_put_be64(struct nm_message *m, uint16_t type, uint64_t value)
{
	value = htobe64(value);
	nm_message_put(m, type, &value, sizeof(value));
}

struct nlattr *nm_message_nest(struct nm_message *m, uint16_t type)
{
	return append(m, NLA_F_NESTED | type, 0);
}

void nm_message_nest_end(struct nm_message *m, struct nlattr *nest)
{
	if (nest)
		nest->nla_len = (uint16_t)((char *)m->header + m->header->nlmsg_len - (char *)nest);
}

const struct nlmsghdr *nm_messages_next(struct nm_messages *list)
{
	const struct nlmsghdr *msg = list->data;
	size_t step;

	if (list->len < sizeof(*msg) || msg->nlmsg_len < sizeof(*msg) || msg->nlmsg_len > list->len)
		return NULL;
	step = NLMSG_ALIGN((size_t)msg->nlmsg_len);
	step = step < list->len ? step : list->len;
	list->data = (const char *)list->data + step;
	list->len -= step;
	return msg;
}
