/*
 * Netlink transport: rtnetlink, sock_diag, ctnetlink, and dumps of nf_tables.
 *
 * The kernel handles a request within sendto() and makes the parts of a dump within recvfrom(). So receiving
 * never waits: an empty queue before the last answer means that the kernel had no memory for it.
 */
#include "host/netlink.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "host/attrs.h"
#include "host/detach.h"

enum {
	RECEIVE_SIZE = 32 * 1024, /* the largest part that the kernel makes of a dump */
	DUMP_TRIES = 8,
	ERROR_NUMBER_MAX = 4095, /* MAX_ERRNO of the kernel's <linux/err.h> */
};

/* Sequence number of the last request on any socket, away from the small numbers of nft/batch.c. A borrowed
 * socket goes on from it: answers to an earlier user may still come. */
static uint32_t last_seq = 0x6e6d0000;

/* The requests under way. */
struct exchange {
	uint32_t first_seq, last_seq;
	size_t pending; /* requests without their last answer */
	unsigned replies;
	bool until_done; /* dump or acknowledged: a reply is not the last answer */
	bool interrupted;
	bool enough; /* no further reply is wanted */
	const struct nm_netlink_handler *handler;
};

int nm_netlink_open(int protocol, struct nm_netlink *ret, struct nm_err *err)
{
	static const int on = 1;
	int fd = nm_io_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return nm_fail_errno(err, errno, "opening netlink socket %d", protocol);
	/* Better error texts and filtered dumps, where the kernel has them. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	if (protocol == NETLINK_ROUTE)
		(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	*ret = nm_netlink_borrow(fd);
	return 0;
}

struct nm_netlink nm_netlink_borrow(int fd)
{
	return (struct nm_netlink){.fd = fd, .seq = last_seq};
}

void nm_netlink_close(struct nm_netlink *nl)
{
	nm_cleanup_close(&nl->fd);
}

void nm_netlink_request_init(struct nm_netlink_request *r)
{
	r->used = r->count = r->start = 0;
	r->too_long = false;
}

bool nm_netlink_request_has_room(const struct nm_netlink_request *r)
{
	return sizeof(r->bytes) - r->used >= NM_NETLINK_MESSAGE_MAX;
}

/* After each change of the message. */
static void note_length(struct nm_netlink_request *r)
{
	r->used = r->start + r->message.header->nlmsg_len;
	r->too_long |= r->message.too_long;
}

void *nm_netlink_request_begin(
	struct nm_netlink_request *r, uint16_t type, uint16_t flags, size_t header_size)
{
	if (!nm_netlink_request_has_room(r)) {
		nm_netlink_request_init(r);
		r->too_long = true;
	}
	r->start = r->used;
	r->count++;
	r->message = nm_message_begin(r->bytes + r->start, NM_NETLINK_MESSAGE_MAX, header_size);
	r->message.header->nlmsg_type = type;
	r->message.header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	note_length(r);
	return NLMSG_DATA(r->message.header);
}

void nm_netlink_request_put(struct nm_netlink_request *r, uint16_t type, const void *data, size_t len)
{
	nm_message_put(&r->message, type, data, len);
	note_length(r);
}

void nm_netlink_request_put_raw(struct nm_netlink_request *r, const void *data, size_t len)
{
	nm_message_put_raw(&r->message, data, len);
	note_length(r);
}

struct nlattr *nm_netlink_request_nest(struct nm_netlink_request *r, uint16_t type)
{
	struct nlattr *nest = nm_message_nest(&r->message, type);

	note_length(r);
	return nest;
}

void nm_netlink_request_nest_end(struct nm_netlink_request *r, struct nlattr *nest)
{
	nm_message_nest_end(&r->message, nest);
}

/* Numbers the messages and sends them in one datagram. */
static int send_all(
	struct nm_netlink *nl, struct nm_netlink_request *r, struct exchange *x, struct nm_err *err)
{
	size_t at = 0;
	ssize_t n;

	if (r->too_long)
		return nm_fail_errno(err, EMSGSIZE, "sending netlink request");
	x->first_seq = nl->seq + 1;
	x->pending = r->count;
	while (at < r->used) {
		struct nlmsghdr *msg = (struct nlmsghdr *)(void *)(r->bytes + at);

		msg->nlmsg_seq = ++nl->seq;
		x->until_done = msg->nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP);
		at += NLMSG_ALIGN(msg->nlmsg_len);
	}
	x->last_seq = last_seq = nl->seq;
	do
		n = sendto(nl->fd, r->bytes, r->used, 0, NULL, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return nm_fail_errno(err, errno, "sending netlink request");
	return 0;
}

static ssize_t receive(int fd, char *buf, size_t size, struct nm_err *err)
{
	struct sockaddr_nl from = {0};
	socklen_t from_len;
	ssize_t n;

	do {
		from_len = sizeof(from);
		n = recvfrom(fd, buf, size, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &from_len);
	} while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0)); /* 0 is the kernel */
	if (n < 0)
		return nm_fail_errno(err, errno == EAGAIN ? ENOBUFS : errno, "receiving netlink reply");
	if ((size_t)n > size)
		return nm_fail(err, NM_ERR_FAILED, "receiving netlink reply: %zd bytes are too many", n);
	return n;
}

/* With the kernel's own words, if it has any. They stand behind the request that it sends back. */
static int refuse(const struct nlmsghdr *msg, int error_number, struct nm_err *err)
{
	const struct nlmsgerr *e = nm_netlink_header(msg, sizeof(*e));
	size_t skip = sizeof(*e);
	char text[256];

	if (!e || msg->nlmsg_type != NLMSG_ERROR || !(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return nm_fail(err, NM_ERR_FAILED, "%s", strerror(error_number));
	if (!(msg->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > sizeof(e->msg))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	if (!nm_attrs_string(nm_attrs_of(msg, skip), NLMSGERR_ATTR_MSG, text, sizeof(text)) || !text[0])
		return nm_fail(err, NM_ERR_FAILED, "%s", strerror(error_number));
	return nm_fail_errno(err, error_number, "%s", text);
}

static bool has_error(const int *list, int error_number)
{
	while (list && *list && *list != error_number)
		list++;
	return list && *list;
}

/* The last answer to a request: an error number, 0 for an acknowledgement. NLMSG_DONE carries one, too. */
static int on_end(struct nm_netlink *nl, struct exchange *x, const struct nlmsghdr *msg, struct nm_err *err)
{
	const int *status = nm_netlink_header(msg, sizeof(*status));
	int error_number;

	if (!status && msg->nlmsg_type == NLMSG_ERROR)
		return nm_fail(err, NM_ERR_FAILED, "receiving netlink reply: short error message");
	x->pending--;
	if (!status || *status >= 0) {
		nl->accepted++;
		return 0;
	}
	error_number = *status < -ERROR_NUMBER_MAX ? EPROTO : -*status;
	if (!has_error(x->handler->tolerate, error_number))
		return refuse(msg, error_number, err);
	if (!nl->tolerated)
		nl->tolerated = error_number;
	return 0;
}

static int on_message(
	struct nm_netlink *nl, struct exchange *x, const struct nlmsghdr *msg, struct nm_err *err)
{
	int rc;

	if (msg->nlmsg_seq - x->first_seq > x->last_seq - x->first_seq)
		return 0; /* a late answer to somebody else's request */
	if (msg->nlmsg_flags & NLM_F_DUMP_INTR)
		x->interrupted = true;
	if (msg->nlmsg_type == NLMSG_ERROR || msg->nlmsg_type == NLMSG_DONE)
		return on_end(nl, x, msg, err);
	if (msg->nlmsg_type < NLMSG_MIN_TYPE)
		return 0;
	if (!x->until_done) {
		x->pending--;
		nl->accepted++;
	}
	if (!x->handler->reply || x->enough)
		return 0;
	if (nl->replies_max && x->replies++ >= nl->replies_max)
		return nm_fail(err, NM_ERR_REFUSED, "more than %u are refused", nl->replies_max);
	rc = x->handler->reply(x->handler->ctx, msg, err);
	x->enough = rc > 0;
	return rc < 0 ? -1 : 0;
}

static int receive_each(struct nm_netlink *nl, struct exchange *x, struct nm_err *err)
{
	/* Not on the stack, where the compiler touches each page of it. */
	alignas(struct nlmsghdr) static char buf[RECEIVE_SIZE];

	while (x->pending > 0 && !x->enough) {
		ssize_t n = receive(nl->fd, buf, sizeof(buf), err);
		struct nm_messages list = {buf, (size_t)n};
		const struct nlmsghdr *msg;

		if (n < 0)
			return -1;
		while ((msg = nm_messages_next(&list)))
			if (on_message(nl, x, msg, err) < 0)
				return -1;
	}
	return 0;
}

static int receive_all(struct nm_netlink *nl, struct exchange *x, struct nm_err *err)
{
	static bool receives;
	int rc;

	assert(!receives); /* no handler asks the kernel */
	receives = true;
	rc = receive_each(nl, x, err);
	receives = false;
	return rc;
}

/* The kernel refuses another dump, and would make a part of this one for each answer that is received. */
static int leave_dump(struct nm_netlink *nl, struct nm_err *err)
{
	struct nm_netlink other;
	socklen_t len = sizeof(int);
	int protocol;

	if (getsockopt(nl->fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0)
		return nm_fail_errno(err, errno, "leaving a dump");
	if (nm_netlink_open(protocol, &other, err) < 0)
		return -1;
	if (nm_detach_keeps(nl->fd))
		nm_detach_keep(other.fd);
	else
		close(nl->fd);
	nl->fd = other.fd;
	return 0;
}

int nm_netlink_talk(struct nm_netlink *nl, struct nm_netlink_request *r,
	const struct nm_netlink_handler *handler, struct nm_err *err)
{
	for (int i = 0; i < DUMP_TRIES; i++) {
		struct exchange x = {.handler = handler};

		nl->accepted = 0;
		nl->tolerated = 0;
		if (send_all(nl, r, &x, err) < 0 || receive_all(nl, &x, err) < 0)
			return -1;
		if (x.pending > 0 && leave_dump(nl, err) < 0)
			return -1;
		if (!x.interrupted)
			return 0;
		if (!handler->restart)
			return nm_fail(err, NM_ERR_INTERRUPTED, "others changed it meanwhile");
		handler->restart(handler->ctx);
	}
	return nm_fail(err, NM_ERR_FAILED, "changes interrupted the dump %d times", DUMP_TRIES);
}

const void *nm_netlink_header(const struct nlmsghdr *msg, size_t header_size)
{
	return msg->nlmsg_len >= NLMSG_HDRLEN + header_size ? NLMSG_DATA(msg) : NULL;
}
