/* Netlink messages: written into a buffer with bounds, and taken from what was received. */
#ifndef NM_HOST_MESSAGE_H
#define NM_HOST_MESSAGE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message that is being written. */
struct nm_message {
	struct nlmsghdr *header; /* in the caller's buffer; nlmsg_len: what is written */
	uint16_t capacity;       /* of the buffer: an attribute's length is no larger number */
	bool too_long;           /* something had no room: do not send it */
};

/*
 * Begins a message in bytes, which are aligned for it: zeros but for its length, with a family header (struct
 * nfgenmsg, say) at NLMSG_DATA(). Both headers have room.
 */
struct nm_message nm_message_begin(void *bytes, uint16_t capacity, size_t header_size);

/* Append an attribute, padded with zeros. The first that has no room makes the message too long, and nothing
 * follows it. */
void nm_message_put(struct nm_message *m, uint16_t type, const void *data, size_t len);
void nm_message_put_string(struct nm_message *m, uint16_t type, const char *text); /* with its NUL */
void nm_message_put_be32(struct nm_message *m, uint16_t type, uint32_t value);     /* of the host's order */
void nm_message_put_be64(struct nm_message *m, uint16_t type, uint64_t value);

/* Appends bytes as they are, padded likewise: a header that stands before the attributes in a nest. */
void nm_message_put_raw(struct nm_message *m, const void *data, size_t len);

/* Between them, attributes are nested in one of that type, with NLA_F_NESTED. */
struct nlattr *nm_message_nest(struct nm_message *m, uint16_t type);
void nm_message_nest_end(struct nm_message *m, struct nlattr *nest);

/* Messages as they were received; borrowed. */
struct nm_messages {
	const void *data; /* aligned for them */
	size_t len;
};

/* Takes the first message off *list and returns it, borrowed. NULL: none is left that is whole. */
const struct nlmsghdr *nm_messages_next(struct nm_messages *list);

#endif
