/* nft/objects.c: elements as the kernel may tell them, and as it should not. What stands behind a message is
 * other people's: each is sent after a longer one, so that reading too far would find something. */
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>

#include "nft/objects.h"
#include "nft/dump.h"
#include "kernel.h"
#include "tap.h"

enum { TEXT_MAX = 512, BEHIND = 0xee };

struct seen {
	char text[TEXT_MAX];
	unsigned behind; /* bytes that are none of the message's */
	bool fails;
};

static size_t say_bytes(char *text, size_t used, struct nm_attrs bytes, unsigned *behind)
{
	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t byte = ((const uint8_t *)bytes.data)[i];

		*behind += byte == BEHIND;
		if (used < TEXT_MAX)
			used += (size_t)snprintf(text + used, TEXT_MAX - used, "%02x", byte);
	}
	return used;
}

/* "SET KEY DATA 'COMMENT' PACKETS/BYTES;" for each */
static int take(void *ctx, const struct nm_nft_element *e, struct nm_err *err)
{
	struct seen *seen = ctx;
	size_t used = strlen(seen->text);

	if (seen->fails)
		return nm_fail(err, NM_ERR_FAILED, "no");
	used += (size_t)snprintf(seen->text + used, TEXT_MAX - used, "%s ", e->set);
	used = say_bytes(seen->text, used, e->key, &seen->behind);
	if (used < TEXT_MAX)
		seen->text[used++] = ' ';
	used = say_bytes(seen->text, used, e->data, &seen->behind);
	if (used < TEXT_MAX)
		(void)snprintf(seen->text + used, TEXT_MAX - used, " %s%.*s%s %llu/%llu;", e->tag ? "'" : "",
			e->tag ? (int)e->tag_len : 4, e->tag ? e->tag : "none", e->tag ? "'" : "",
			(unsigned long long)e->counters.packets, (unsigned long long)e->counters.bytes);
	seen->behind += e->tag && memchr(e->tag, BEHIND, e->tag_len);
	return 0;
}

/* What an element is made of; NULL: the attribute is missing. */
struct made {
	const char *key, *data, *userdata;
	size_t userdata_len;
	const char *expression; /* with a counter's numbers */
	unsigned counter_size;
};

static void put_data(struct nm_message *msg, uint16_t type, const char *bytes)
{
	struct nlattr *nest;

	if (!bytes)
		return;
	nest = nm_message_nest(msg, type);
	nm_message_put(msg, NFTA_DATA_VALUE, bytes, strlen(bytes));
	nm_message_nest_end(msg, nest);
}

static void put_element(struct nm_message *msg, const struct made *made)
{
	const uint64_t numbers[] = {htobe64(1), htobe64(2)};
	struct nlattr *element = nm_message_nest(msg, NFTA_LIST_ELEM), *nest, *data;

	put_data(msg, NFTA_SET_ELEM_KEY, made->key);
	put_data(msg, NFTA_SET_ELEM_DATA, made->data);
	if (made->expression) {
		nest = nm_message_nest(msg, NFTA_SET_ELEM_EXPR);
		nm_message_put_string(msg, NFTA_EXPR_NAME, made->expression);
		data = nm_message_nest(msg, NFTA_EXPR_DATA);
		nm_message_put(msg, NFTA_COUNTER_PACKETS, &numbers[0], made->counter_size);
		nm_message_put(msg, NFTA_COUNTER_BYTES, &numbers[1], made->counter_size);
		nm_message_nest_end(msg, data);
		nm_message_nest_end(msg, nest);
	}
	if (made->userdata)
		nm_message_put(msg, NFTA_SET_ELEM_USERDATA, made->userdata, made->userdata_len);
	nm_message_nest_end(msg, element);
}

static void put_elements(struct reply *r, uint32_t seq, const char *set, const struct made *made, size_t n)
{
	struct nm_message *msg = reply_begin(r, seq, NFT_MSG_NEWSETELEM);
	struct nlattr *nest;

	nm_message_put_string(msg, NFTA_SET_ELEM_LIST_TABLE, "natmap");
	if (set)
		nm_message_put_string(msg, NFTA_SET_ELEM_LIST_SET, set);
	nest = nm_message_nest(msg, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < n; i++)
		put_element(msg, &made[i]);
	nm_message_nest_end(msg, nest);
	reply_end(r, msg);
}

/* Fills the receiver's buffer with an answer to nobody's question. */
static bool send_behind(const struct kernel *k)
{
	static struct reply r;

	memset(r.bytes, BEHIND, sizeof(r.bytes));
	*reply_at(&r, 0) = (struct nlmsghdr){.nlmsg_len = sizeof(r.bytes), .nlmsg_type = NLMSG_MIN_TYPE};
	r.len = sizeof(r.bytes);
	return kernel_send(k, &r);
}

static int dump(struct kernel *k, struct seen *seen, struct nm_err *err)
{
	return nm_nft_objects_each_element(&k->nl,
		(struct nm_nft_place){nm_addr_family_to_af(NM_IPV4), "natmap", NULL}, "ports", take, seen,
		err);
}

static void check(const char *name, const struct made *made, size_t n, const char *expected)
{
	struct reply r = {.len = 0};
	struct seen seen = {.text = ""};
	struct nm_err err;
	struct kernel k;

	if (!tap_ok(kernel_open(&k) && send_behind(&k), "%s: preparation", name))
		return;
	put_elements(&r, k.nl.seq + 1, "ports", made, n);
	tap_ok(kernel_send(&k, &r), "%s: reply", name);
	r.len = 0;
	reply_done(&r, k.nl.seq + 1, 0);
	tap_ok(kernel_send(&k, &r), "%s: its end", name);
	tap_ok(dump(&k, &seen, &err) == 0 && !seen.behind, "%s: read", name);
	tap_is(seen.text, expected, "%s: what", name);
	kernel_close(&k);
}

#define UDATA(text) .userdata = (text), .userdata_len = sizeof(text) - 1
#define GOOD        .key = "1234", .data = "5"

static void test_elements(void)
{
	static const struct {
		const char *name;
		struct made made;
		const char *expected;
	} rows[] = {
		{"an element of a map",
			{GOOD, UDATA("\0\007natmap\0"), .expression = "counter", .counter_size = 8},
			"ports 31323334 35 'natmap' 1/2;"},
		{"of a set", {.key = "12345678"}, "ports 3132333435363738  none 0/0;"},
		{"without key", {.data = "5", UDATA("\0\002x\0")}, "ports  35 'x' 0/0;"},
		{"with an empty key", {.key = ""}, "ports   none 0/0;"},
		{"without anything", {.key = NULL}, "ports   none 0/0;"},
		{"another expression", {GOOD, .expression = "quota", .counter_size = 8},
			"ports 31323334 35 none 0/0;"},
		{"an expression with a longer name", {GOOD, .expression = "counter2", .counter_size = 8},
			"ports 31323334 35 none 0/0;"},
		{"a counter of short numbers", {GOOD, .expression = "counter", .counter_size = 4},
			"ports 31323334 35 none 0/0;"},
		{"a counter without numbers", {GOOD, .expression = "counter", .counter_size = 0},
			"ports 31323334 35 none 0/0;"},
		{"a comment that is not terminated", {GOOD, UDATA("\0\003abc")},
			"ports 31323334 35 'abc' 0/0;"},
	};

	nm_each(row, rows)
		check(row->name, &row->made, 1, row->expected);
}

static void test_lists(void)
{
	static const struct made foreign[] = {
		{GOOD, UDATA("\0\016natmap:web:80\0")},
		{.key = "x", .data = "somebody else's", UDATA("\0\005mine\0")},
		{.key = "1234"},
	};

	check("an empty list", NULL, 0, "");
	check("other people's elements beside ours", foreign, 3,
		"ports 31323334 35 'natmap:web:80' 0/0;"
		"ports 78 736f6d65626f647920656c73652773 'mine' 0/0;"
		"ports 31323334  none 0/0;");
}

static const struct made two[] = {{GOOD, UDATA("\0\002a\0"), "counter", 8}, {.key = "12345678"}};

/* Any beginning of a message is read as far as it goes, and no further. */
static void test_truncated(void)
{
	struct seen seen = {.text = ""};
	size_t full = SIZE_MAX, elements = 0, bad = 0;
	struct nm_err err = {0};
	struct kernel k;

	if (!tap_ok(kernel_open(&k), "preparation"))
		return;
	for (size_t cut = 0; cut < full; cut++) {
		struct reply r = {.len = 0};

		put_elements(&r, k.nl.seq + 1, "ports", two, 2);
		full = r.len;
		reply_at(&r, 0)->nlmsg_len = (uint32_t)(full - cut);
		r.len = full - cut;
		bad += !send_behind(&k) || !kernel_send(&k, &r);
		r.len = 0;
		reply_done(&r, k.nl.seq + 1, 0);
		bad += !kernel_send(&k, &r);
		if (dump(&k, &seen, &err) == 0)
			elements += cut > 0 && seen.text[0];
		else
			bad += !strstr(err.msg, "reading set 'ports' of table 'natmap': elements of no set");
		if (cut == 0)
			tap_is(seen.text, "ports 31323334 35 'a' 1/2;ports 3132333435363738  none 0/0;",
				"all of it");
		seen.text[0] = '\0';
		while (recv(k.nl.fd, r.bytes, sizeof(r.bytes), MSG_DONTWAIT) >= 0)
			; /* the end that was not waited for */
	}
	tap_ok(!bad && !seen.behind && !elements, "each beginning of it has no element");
	kernel_close(&k);
}

/* Each byte changed: whatever is read is within the message. */
static void test_damaged(void)
{
	static const uint8_t values[] = {0, 1, 3, 4, 5, 0x7f, 0xff};
	struct seen seen = {.text = ""};
	size_t full = SIZE_MAX;
	struct nm_err err;
	struct kernel k;

	if (!tap_ok(kernel_open(&k), "preparation"))
		return;
	for (size_t at = sizeof(struct nlmsghdr); at < full; at++)
		nm_each(value, values) {
			struct reply r = {.len = 0};

			put_elements(&r, k.nl.seq + 1, "ports", two, 2);
			full = r.len;
			r.bytes[at] = (char)*value;
			reply_done(&r, k.nl.seq + 1, 0);
			if (!send_behind(&k) || !kernel_send(&k, &r))
				tap_ok(false, "a message with a changed byte is sent");
			(void)dump(&k, &seen, &err); /* either is well */
			seen.text[0] = '\0';
		}
	tap_ok(!seen.behind, "a message with a changed byte has nothing of what is behind it");
	kernel_close(&k);
}

/* What a dump may meet besides elements. */
static void check_dump(const char *name, const struct kernel *k, const struct reply *r, struct seen *seen,
	const char *expected, const char *says)
{
	struct kernel copy = *k;
	struct nm_err err = {0};
	int rc;

	tap_ok(kernel_send(k, r), "%s: reply", name);
	rc = dump(&copy, seen, &err);
	tap_is(rc < 0 ? err.msg : "", says, "%s: comes out", name);
	tap_is(seen->text, expected, "%s: what", name);
	seen->text[0] = '\0';
}

static void check_refused(const struct kernel *k, int error_number, struct seen *seen, const char *says)
{
	struct reply r = {.len = 0};

	reply_error(&r, k->nl.seq + 1, error_number);
	check_dump("refused", k, &r, seen, "", says);
}

/* What has been handed over may not be all there was. */
static void check_interrupted(const struct kernel *k, struct seen *seen)
{
	static const struct made made[] = {{.key = "1"}};
	const uint32_t seq = k->nl.seq + 1;
	struct reply r = {.len = 0};

	put_elements(&r, seq, "ports", made, 1);
	reply_at(&r, 0)->nlmsg_flags = NLM_F_DUMP_INTR;
	reply_done(&r, seq, 0);
	check_dump("interrupted", k, &r, seen, "ports 31  none 0/0;",
		"reading set 'ports' of table 'natmap': others changed it meanwhile");
}

static void test_dumps(void)
{
	static const struct made made = {.key = "1"};
	struct reply r = {.len = 0};
	struct seen seen = {.text = ""};
	struct kernel k;
	uint32_t seq;

	if (!tap_ok(kernel_open(&k), "preparation"))
		return;
	seq = k.nl.seq + 1;
	put_elements(&r, seq, "ports", &made, 1);
	reply_at(&r, 0)->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET;
	put_elements(&r, seq + 8, "ports", &made, 1);
	put_elements(&r, seq, "other", &made, 1);
	reply_done(&r, seq, 0);
	check_dump("other messages", &k, &r, &seen, "other 31  none 0/0;", "");
	check_interrupted(&k, &seen);
	check_refused(&k, ENOENT, &seen, "");
	check_refused(&k, EINVAL, &seen, "reading set 'ports' of table 'natmap': Invalid argument");
	check_refused(&k, EPERM, &seen, "reading set 'ports' of table 'natmap': Operation not permitted");
	r.len = 0;
	put_elements(&r, seq, NULL, &made, 1);
	check_dump("no name of a set", &k, &r, &seen, "",
		"reading set 'ports' of table 'natmap': elements of no set in the kernel's reply");
	seen.fails = true;
	r.len = 0;
	put_elements(&r, seq, "ports", &made, 1);
	check_dump("who takes it fails", &k, &r, &seen, "", "reading set 'ports' of table 'natmap': no");
	kernel_close(&k);
}

static void check_request(const struct nlmsghdr *msg)
{
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(struct nfgenmsg)), list, key;
	char name[16] = "";

	tap_ok(msg->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM) &&
			msg->nlmsg_flags == NLM_F_REQUEST &&
			*(uint8_t *)NLMSG_DATA(msg) == nm_addr_family_to_af(NM_IPV6),
		"for elements of IPv6, not for all");
	(void)nm_attrs_string(attrs, NFTA_SET_ELEM_LIST_TABLE, name, sizeof(name));
	tap_is(name, "natmap", "of our table");
	tap_ok(nm_attrs_string(attrs, NFTA_SET_ELEM_LIST_SET, name, sizeof(name)), "of a set");
	tap_is(name, "ports", "of that one");
	list = nm_attrs_nested(attrs, NFTA_SET_ELEM_LIST_ELEMENTS);
	key = nm_attrs_nested(nm_attrs_nested(list, NFTA_LIST_ELEM), NFTA_SET_ELEM_KEY);
	key = nm_attrs_nested(key, NFTA_DATA_VALUE);
	tap_ok(key.len == 8 && !memcmp(key.data, "12345678", 8), "by its key");
}

/* One request for each key; the answers are elements or refusals. */
static void test_requests(void)
{
	static const struct made made = {.key = "12345678"};
	struct nm_netlink_request request;
	struct reply r = {.len = 0}, sent = {.len = 0};
	struct seen seen = {.text = ""};
	struct kernel k;
	struct nm_err err;

	if (!tap_ok(kernel_open(&k), "preparation"))
		return;
	nm_netlink_request_init(&request);
	tap_ok(nm_nft_objects_get_elements(&k.nl, &request, take, &seen, &err) == 0 &&
			recv(k.fd, sent.bytes, sizeof(sent.bytes), MSG_DONTWAIT) < 0,
		"nothing to ask for: nothing is asked");
	nm_nft_objects_request_element(&request,
		(struct nm_nft_place){nm_addr_family_to_af(NM_IPV6), "natmap", NULL}, "ports", "12345678", 8);
	nm_nft_objects_request_element(&request,
		(struct nm_nft_place){nm_addr_family_to_af(NM_IPV6), "natmap", NULL}, "open", "1234", 4);
	put_elements(&r, k.nl.seq + 1, "ports", &made, 1);
	nm_nft_objects_request_element(&request,
		(struct nm_nft_place){nm_addr_family_to_af(NM_IPV6), "natmap", NULL}, "allowed", "1234", 4);
	reply_error(&r, k.nl.seq + 2, ENOENT);
	reply_error(&r, k.nl.seq + 3, EINVAL); /* keys of another size */
	tap_ok(kernel_send(&k, &r) && nm_nft_objects_get_elements(&k.nl, &request, take, &seen, &err) == 0,
		"one is there, others are not");
	tap_is(seen.text, "ports 3132333435363738  none 0/0;", "the one that is there");
	tap_ok(recv(k.fd, sent.bytes, sizeof(sent.bytes), MSG_DONTWAIT) == (ssize_t)request.used, "asked");
	check_request(reply_at(&sent, 0));
	r.len = 0;
	reply_error(&r, k.nl.seq + 1, EPERM);
	tap_ok(kernel_send(&k, &r) && nm_nft_objects_get_elements(&k.nl, &request, take, &seen, &err) < 0,
		"a refusal");
	tap_is(err.msg, "looking for elements of sets: Operation not permitted", "it says why");
	kernel_close(&k);
}

int main(void)
{
	test_elements();
	test_lists();
	test_truncated();
	test_damaged();
	test_dumps();
	test_requests();
	return tap_done();
}
