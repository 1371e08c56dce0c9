#include "replies.h"

#include <string.h>
#include <sys/socket.h>

enum { HEADER = 4, MESSAGE_MAX = 8192, KIND_RAW = 0xff, KIND_ERROR = 0xfe, KIND_DONE = 0xfd };

static uint16_t type_of(uint8_t kind, const uint16_t *types, size_t n)
{
	return kind == KIND_ERROR ? NLMSG_ERROR : kind == KIND_DONE ? NLMSG_DONE : types[kind % n];
}

static void queue(const struct kernel *k, uint16_t type, uint8_t how, const uint8_t *bytes, size_t len)
{
	static alignas(struct nlmsghdr) uint8_t message[NLMSG_HDRLEN + MESSAGE_MAX];
	struct nlmsghdr *header = (void *)message;

	*header = (struct nlmsghdr){.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len),
		.nlmsg_type = type,
		.nlmsg_flags = how & 0x80 ? NLM_F_DUMP_INTR : NLM_F_MULTI,
		.nlmsg_seq = k->nl.seq + 1u + how % REPLIES_REQUESTS};
	memcpy(message + NLMSG_HDRLEN, bytes, len);
	(void)!send(k->fd, message, NLMSG_HDRLEN + len, MSG_DONTWAIT);
}

bool replies_open(struct kernel *k, const uint16_t *types, size_t n, const uint8_t *data, size_t size)
{
	static const uint8_t nothing[sizeof(int)];

	if (!kernel_open(k))
		return false;
	k->nl = nm_netlink_borrow(k->nl.fd);
	while (size >= HEADER) {
		size_t len = (size_t)(data[2] | data[3] << 8) % MESSAGE_MAX;

		len = len < size - HEADER ? len : size - HEADER;
		if (data[0] == KIND_RAW)
			(void)!send(k->fd, data + HEADER, len, MSG_DONTWAIT);
		else
			queue(k, type_of(data[0], types, n), data[1], data + HEADER, len);
		data += HEADER + len;
		size -= HEADER + len;
	}
	for (unsigned i = 0; i < REPLIES_REQUESTS; i++)
		queue(k, NLMSG_DONE, (uint8_t)i, nothing, sizeof(nothing));
	return true;
}
