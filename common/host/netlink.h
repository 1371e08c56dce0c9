/* Netlink: requests are built within bounds, replies are matched by sequence number. */
#ifndef NM_HOST_NETLINK_H
#define NM_HOST_NETLINK_H

#include <stdalign.h>

#include "base/err.h"
#include "host/message.h"

struct nm_netlink {
	int fd;
	uint32_t seq;      /* of the last request */
	unsigned accepted; /* requests of the last nm_netlink_talk() that the kernel did not refuse */
	int tolerated;     /* errno value of the first refusal in it that was tolerated; 0: there was none */
	unsigned replies_max; /* more replies to a request fail it with NM_ERR_REFUSED; 0: any number */
};

/* Opens a socket of the caller's network namespace. 0 with *ret for nm_netlink_close(), or -1 with *err. */
int nm_netlink_open(int protocol, struct nm_netlink *ret, struct nm_err *err) NM_MUST_USE;
/* Uses an open socket, which stays the caller's: never close it with nm_netlink_close(). */
struct nm_netlink nm_netlink_borrow(int fd);
void nm_netlink_close(struct nm_netlink *nl); /* accepts fd -1 and leaves it */
#define nm_autonetlink NM_CLEANUP(nm_netlink_close)

/* One or more messages that are sent in one datagram. What has no room, in a message or in the request, is a
 * programming error: it is left out, and nm_netlink_talk() refuses the request. */
#define NM_NETLINK_REQUEST_SIZE 8192
#define NM_NETLINK_MESSAGE_MAX  576 /* bytes of one message: two long names */
struct nm_netlink_request {
	size_t used, count, start; /* start: offset of the message begun last */
	struct nm_message message; /* that one */
	bool too_long;             /* one of them is */
	alignas(struct nlmsghdr) char bytes[NM_NETLINK_REQUEST_SIZE];
};

void nm_netlink_request_init(struct nm_netlink_request *r);
bool nm_netlink_request_has_room(const struct nm_netlink_request *r); /* for one more message */
/* Begins the next message; returns its zeroed family header (struct ifinfomsg, say), borrowed from *r.
 * NLM_F_REQUEST is added to flags. */
void *nm_netlink_request_begin(
	struct nm_netlink_request *r, uint16_t type, uint16_t flags, size_t header_size);
void nm_netlink_request_put(struct nm_netlink_request *r, uint16_t type, const void *data, size_t len);
void nm_netlink_request_put_raw(struct nm_netlink_request *r, const void *data, size_t len);
struct nlattr *nm_netlink_request_nest(struct nm_netlink_request *r, uint16_t type);
void nm_netlink_request_nest_end(struct nm_netlink_request *r, struct nlattr *nest);

/* Callbacks for the answers. Members may be NULL. */
struct nm_netlink_handler {
	/* Called for each reply, not for acknowledgements; must not talk to the kernel itself. -1 with *err
	 * ends the exchange; 1: no further reply is wanted, which saves the rest of a dump. */
	int (*reply)(void *ctx, const struct nlmsghdr *msg, struct nm_err *err);
	/* Called when a change has interrupted a dump, which then begins again: drop all replies so far.
	 * NULL: the dump fails with NM_ERR_INTERRUPTED. */
	void (*restart)(void *ctx);
	const int *tolerate; /* NM_NETLINK_ERRORS(): refusals with these errno values are no errors */
	void *ctx;
};

#define NM_NETLINK_ERRORS(...) ((const int[]){__VA_ARGS__, 0})

/*
 * Sends all messages of *r and receives the answers to each: up to NLMSG_DONE for a dump, the acknowledgement
 * with NLM_F_ACK, else one reply. Never blocks: the kernel answers within the call that sends, and a missing
 * answer is an error. 0, or -1 with *err: the kernel's refusal, with its extended text. After a
 * dump that was not wanted to its end nl->fd is another socket, also for nm_detach_keep().
 */
int nm_netlink_talk(struct nm_netlink *nl, struct nm_netlink_request *r,
	const struct nm_netlink_handler *handler, struct nm_err *err) NM_MUST_USE;

/* The family header of a message, NULL when the message is too short to have one. */
const void *nm_netlink_header(const struct nlmsghdr *msg, size_t header_size);

#endif
