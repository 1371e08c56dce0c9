/* host/netlink.c and host/attrs.c: a socket that is used in turns; lists of attributes, in memory that ends
 * where they do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "host/attrs.h"
#include "host/detach.h"
#include "host/netlink.h"
#include "host/rtnl.h"
#include "tap.h"

enum { TEXT_MAX = 64 };

/* Lists of attributes: length and type of two bytes each in the machine's order, then the payload. */
#define A(len, type) (len), (type)
static const struct {
	const char *name;
	size_t len;
	alignas(4) uint16_t words[8];
	const char *expected; /* TYPE:LENGTH, the bytes left */
} rows[] = {
	{"half a header", 2, {A(4, 1)}, "2"},
	{"no payload", 4, {A(4, 1)}, "1:0 0"},
	{"a length below the header's", 8, {A(3, 1), A(4, 2)}, "8"},
	{"a length of 0", 4, {A(0, 1)}, "4"},
	{"a length beyond the end", 8, {A(9, 1), 0, 0}, "8"},
	{"the largest length", 8, {A(0xffff, 1), 0, 0}, "8"},
	{"two", 12, {A(8, 1), 7, 8, A(4, 2)}, "1:4 2:0 0"},
	{"padding", 12, {A(5, 1), 7, 0, A(4, 2)}, "1:1 2:0 0"},
	{"no padding at the end", 5, {A(5, 1), 7}, "1:1 0"},
	{"some padding at the end", 7, {A(5, 1), 7, 0}, "1:1 0"},
	{"a nesting one", 4, {A(4, NLA_F_NESTED | 3)}, "3:0 0"},
	{"half a second one", 10, {A(8, 1), 0, 0, A(4, 2)}, "1:4 2"},
};

static void test_attrs(void)
{
	nm_each(row, rows) {
		char *copy = malloc(row->len), text[TEXT_MAX] = "";
		struct nm_attrs list = {copy, row->len}, one;
		const struct nlattr *a;
		size_t used = 0;

		if (copy)
			memcpy(copy, row->words, row->len);
		while ((a = nm_attrs_next(&list)) && used < sizeof(text)) {
			one = nm_attrs_inside(a);
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%u:%zu ",
				a->nla_type & NLA_TYPE_MASK, one.len);
			tap_ok((const char *)one.data >= copy &&
					(const char *)one.data + one.len <= copy + row->len,
				"attributes, %s: within", row->name);
		}
		(void)snprintf(text + used, sizeof(text) - used, "%zu", list.len);
		tap_is(text, row->expected, "attributes, %s", row->name);
		free(copy);
	}
	tap_ok(!nm_attrs_next(&(struct nm_attrs){NULL, 0}), "no attributes");
}

/* Attributes begin behind a header of 4 bytes; a message may be too short to have it. */
static void test_short_messages(void)
{
	for (uint32_t len = 0; len <= 12; len++) {
		struct nlmsghdr *msg = calloc(1, sizeof(*msg) + len);
		struct nm_attrs attrs = {NULL, SIZE_MAX};

		if (msg) {
			msg->nlmsg_len = (uint32_t)sizeof(*msg) + len;
			attrs = nm_attrs_of(msg, 4);
		}
		tap_ok(attrs.len == (len > 4 ? len - 4 : 0), "attributes of a message of %u bytes", len);
		tap_ok(msg && !nm_netlink_header(msg, 4) == (len < 4), "and its header");
		free(msg);
	}
}

static int stop(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	(void)ctx;
	(void)msg;
	return nm_fail(err, NM_ERR_FAILED, "enough");
}

/* What has no room, in a message or in the request, is not written, and the request not sent. */
static void test_room(void)
{
	static const struct {
		const char *name;
		size_t messages, len; /* of the one attribute that each has */
		bool fits;
	} requests[] = {
		{"the longest", 1, NM_NETLINK_MESSAGE_MAX - NLMSG_LENGTH(sizeof(struct ifinfomsg)) - 4, true},
		{"one byte more", 1, NM_NETLINK_MESSAGE_MAX - NLMSG_LENGTH(sizeof(struct ifinfomsg)) - 3,
			false},
		{"a long one before a short one", 2, NM_NETLINK_MESSAGE_MAX, false},
		{"more than fit", 2 * NM_NETLINK_REQUEST_SIZE / NM_NETLINK_MESSAGE_MAX, 500, false},
	};
	static const char zeros[NM_NETLINK_MESSAGE_MAX];
	static const struct nm_netlink_handler handler;
	static struct {
		struct nm_netlink_request r;
		char behind[16];
	} x;
	char says[128];

	(void)snprintf(says, sizeof(says), "sending netlink request: %s", strerror(EMSGSIZE));
	nm_each(request, requests) {
		struct nm_netlink nl = nm_netlink_borrow(-1);
		struct nm_err err = {0};

		nm_netlink_request_init(&x.r);
		for (size_t i = 0; i < request->messages; i++) {
			(void)nm_netlink_request_begin(&x.r, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
			if (!i || request->messages > 2)
				nm_netlink_request_put(&x.r, IFLA_IFALIAS, zeros, request->len);
		}
		tap_ok(nm_netlink_talk(&nl, &x.r, &handler, &err) < 0 &&
				!strcmp(err.msg, says) != request->fits,
			"room, %s: %s", request->name, err.msg);
		tap_ok(x.r.used <= sizeof(x.r.bytes) && !memcmp(x.behind, zeros, sizeof(x.behind)),
			"room, %s: within", request->name);
	}
}

/* The first user leaves answers behind; the next one must not take them for its own. */
static void test_borrowed(void)
{
	const struct nm_netlink_handler handler = {.reply = stop};
	nm_autonetlink struct nm_netlink owner = {.fd = -1};
	struct nm_netlink first, second;
	struct nm_rtnl_link loopback = {0};
	struct nm_netlink_request r;
	struct nm_err err = {0};

	if (nm_netlink_open(NETLINK_ROUTE, &owner, &err) < 0)
		tap_ok(false, "%s", err.msg);
	first = nm_netlink_borrow(owner.fd);
	nm_netlink_request_init(&r);
	(void)nm_netlink_request_begin(&r, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
	tap_ok(nm_netlink_talk(&first, &r, &handler, &err) < 0 && !strcmp(err.msg, "enough"),
		"a dump cut short");
	second = nm_netlink_borrow(owner.fd);
	tap_ok(nm_rtnl_get_link(&second, 1, NULL, &loopback, &err) == 0 && loopback.found,
		"the next user of the socket gets its own answer");
}

static int enough(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	(void)ctx;
	(void)msg;
	(void)err;
	return 1;
}

/* Each dump that is left costs a socket, and those that the exit is to close are more than it keeps. */
static void test_left(void)
{
	const struct nm_netlink_handler handler = {.reply = enough};
	nm_autonetlink struct nm_netlink nl = {.fd = -1};
	struct nm_rtnl_link loopback = {0};
	struct nm_err err = {0};
	bool answered = nm_netlink_open(NETLINK_ROUTE, &nl, &err) == 0;

	nm_detach_keep(nl.fd);
	for (int i = 0; answered && i < 40; i++) {
		struct nm_netlink_request r;

		nm_netlink_request_init(&r);
		(void)nm_netlink_request_begin(&r, RTM_GETLINK, NLM_F_DUMP, sizeof(struct ifinfomsg));
		answered = nm_netlink_talk(&nl, &r, &handler, &err) == 0 &&
			nm_rtnl_get_link(&nl, 1, NULL, &loopback, &err) == 0 && loopback.found;
	}
	tap_ok(answered, "dumps that are left again and again: %s", err.msg);
}

static int count(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	(void)msg;
	(void)err;
	++*(unsigned *)ctx;
	return 0;
}

/* A container's namespace may answer with millions. */
static void test_many(void)
{
	nm_autonetlink struct nm_netlink nl = {.fd = -1};
	unsigned n = 0;
	const struct nm_netlink_handler handler = {.reply = count, .ctx = &n};
	struct nm_netlink_request r;
	struct nm_err err = {0};
	bool open = nm_netlink_open(NETLINK_ROUTE, &nl, &err) == 0;

	nm_netlink_request_init(&r);
	for (int i = 0; i < 3; i++) {
		struct ifinfomsg *ifi = nm_netlink_request_begin(&r, RTM_GETLINK, 0, sizeof(*ifi));

		ifi->ifi_index = 1;
	}
	nl.replies_max = 3;
	tap_ok(open && nm_netlink_talk(&nl, &r, &handler, &err) == 0 && n == 3, "as many replies as allowed");
	nl.replies_max = 2;
	tap_ok(nm_netlink_talk(&nl, &r, &handler, &err) < 0 && err.kind == NM_ERR_REFUSED, "one more: %s",
		err.msg);
}

int main(void)
{
	test_many();
	test_borrowed();
	test_left();
	test_attrs();
	test_short_messages();
	test_room();
	return tap_done();
}
