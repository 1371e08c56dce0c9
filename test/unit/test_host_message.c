/* host/message.c: messages byte by byte, in memory that ends where their buffer does, and read back with
 * host/attrs.c. */
#include <stdalign.h>
#include <stdlib.h>

#include "host/attrs.h"
#include "host/message.h"
#include "tap.h"

enum { TEXT_MAX = 256, HEADER_SIZE = 4 };

/* Memory of that size that was used before. */
static char *used_memory(size_t size)
{
	char *bytes = malloc(size);

	if (!bytes)
		abort();
	memset(bytes, 0xee, size);
	return bytes;
}

/* Types and bytes, without the bit of nesting; what is nested in brackets. */
static size_t say(char *text, size_t used, struct nm_attrs list)
{
	const struct nlattr *a;

	while ((a = nm_attrs_next(&list))) {
		struct nm_attrs inside = nm_attrs_inside(a);

		used += (size_t)snprintf(text + used, TEXT_MAX - used, "%u:", nm_attrs_type(a));
		if (a->nla_type & NLA_F_NESTED) {
			used += (size_t)snprintf(text + used, TEXT_MAX - used, "[");
			used = say(text, used, inside);
			used += (size_t)snprintf(text + used, TEXT_MAX - used, "]");
		} else {
			for (size_t i = 0; i < inside.len; i++)
				used += (size_t)snprintf(text + used, TEXT_MAX - used, "%02x",
					((const uint8_t *)inside.data)[i]);
		}
		used += (size_t)snprintf(text + used, TEXT_MAX - used, " ");
	}
	return used;
}

static const char *attrs_of(const struct nm_message *m, char text[static TEXT_MAX])
{
	text[say(text, 0, nm_attrs_of(m->header, HEADER_SIZE))] = '\0';
	return text;
}

/* An attribute of each length, and one behind it: padding, and both headers, are zeros. */
static void test_padding(void)
{
	static const uint8_t ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};

	for (size_t len = 0; len <= sizeof(ones); len++) {
		size_t end = NLMSG_HDRLEN + HEADER_SIZE + sizeof(struct nlattr) + NLMSG_ALIGN(len), sum = 0;
		char *bytes = used_memory(end + 8);
		struct nm_message m = nm_message_begin(bytes, (uint16_t)(end + 8), HEADER_SIZE);

		m.header->nlmsg_len = 0;
		for (size_t i = 0; i < NLMSG_HDRLEN + HEADER_SIZE; i++)
			sum += bytes[i] != 0;
		tap_ok(sum == 0, "the headers are zeros");
		m = nm_message_begin(bytes, (uint16_t)(end + 8), HEADER_SIZE);
		nm_message_put(&m, 7, len ? ones : NULL, len);
		tap_ok(m.header->nlmsg_len == end, "%zu bytes: the length of the message", len);
		for (size_t i = NLMSG_HDRLEN + HEADER_SIZE + sizeof(struct nlattr); i < end; i++)
			sum += (uint8_t)bytes[i];
		tap_ok(sum == len, "%zu bytes: the padding is zeros", len);
		nm_message_put_be32(&m, 8, 2);
		tap_ok(!m.too_long && m.header->nlmsg_len == end + 8 && ((uint16_t *)(bytes + end))[0] == 8 &&
				((uint16_t *)(bytes + end))[1] == 8,
			"%zu bytes: the next attribute", len);
		free(bytes);
	}
}

static struct nm_message put_all(char *bytes, uint16_t capacity)
{
	struct nm_message m = nm_message_begin(bytes, capacity, HEADER_SIZE);
	struct nlattr *outer, *inner;

	nm_message_put_string(&m, 1, "web");
	outer = nm_message_nest(&m, 2);
	nm_message_put_be32(&m, 3, 0x01020304);
	inner = nm_message_nest(&m, 4);
	nm_message_put_be64(&m, 5, 0x0102030405060708);
	nm_message_nest_end(&m, inner);
	nm_message_put(&m, 6, "abcde", 5);
	nm_message_nest_end(&m, outer);
	nm_message_put_string(&m, 7, "");
	return m;
}

#define ALL "1:77656200 2:[3:01020304 4:[5:0102030405060708 ] 6:6162636465 ] 7:00 "

/* With room for all, or for less: then the attributes in front are whole, and none comes behind the one that
 * had no room. */
static void test_room(void)
{
	char text[TEXT_MAX];
	size_t full = 0;

	for (uint16_t capacity = 256; capacity >= NLMSG_HDRLEN + HEADER_SIZE; capacity--) {
		char *bytes = used_memory(capacity);
		struct nm_message m = put_all(bytes, capacity);

		if (!full)
			full = m.header->nlmsg_len;
		tap_ok(m.too_long == (capacity < full) && m.header->nlmsg_len <= capacity,
			"%u bytes: room or not", capacity);
		(void)attrs_of(&m, text);
		if (m.too_long) /* nests end behind what there was room for */
			text[strcspn(text, "]")] = '\0';
		tap_ok(!strncmp(text, ALL, strlen(text)) && (m.too_long || !strcmp(text, ALL)),
			"%u bytes: %s", capacity, text);
		free(bytes);
	}
}

static void test_lengths(void)
{
	enum { LARGEST = UINT16_MAX - NLMSG_HDRLEN - (int)sizeof(struct nlattr) - 3 };
	static const struct {
		size_t len;
		bool fits;
	} rows[] = {{LARGEST, true}, {LARGEST + 1, false}, {UINT16_MAX, false}, {UINT32_MAX - 3, false},
		{(size_t)UINT32_MAX + 1, sizeof(size_t) == 4}, {SIZE_MAX - 3, false}, {SIZE_MAX, false}};
	char *bytes = used_memory(UINT16_MAX), *data = used_memory(UINT16_MAX);

	nm_each(row, rows) {
		struct nm_message m = nm_message_begin(bytes, UINT16_MAX, 0);
		struct nm_attrs list;

		nm_message_put(&m, 1, data, row->len);
		tap_ok(m.too_long == !row->fits, "%zu bytes: room or not", row->len);
		list = nm_attrs_of(m.header, 0);
		tap_ok(list.len == (row->fits ? sizeof(struct nlattr) + NLMSG_ALIGN(row->len) : 0),
			"%zu bytes: the attributes", row->len);
	}
	free(bytes);
	free(data);
}

/* The kernel marks attributes that nest others, and those in network order. */
static void test_type(void)
{
	static const uint16_t marks[] = {
		0, NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLA_F_NESTED | NLA_F_NET_BYTEORDER};

	nm_each(mark, marks) {
		alignas(struct nlmsghdr) char bytes[64];
		struct nm_message m = nm_message_begin(bytes, sizeof(bytes), 0);
		struct nm_attrs list;
		const struct nlattr *a;
		uint32_t value = 0;

		nm_message_put_be32(&m, 2, 4);
		nm_message_put_be32(&m, (uint16_t)(*mark | 3), 5);
		list = nm_attrs_of(m.header, 0);
		tap_ok(nm_attrs_be32(list, 3, &value) && value == 5, "marks %04x: found by its type", *mark);
		(void)nm_attrs_next(&list);
		a = nm_attrs_next(&list);
		tap_ok(a && nm_attrs_type(a) == 3, "marks %04x: the type", *mark);
	}
}

/* Messages as they were received, all but the last whole: the lengths that their headers tell. */
static void test_messages(void)
{
	static const struct {
		const char *name;
		size_t len;
		uint32_t at[3], expected; /* offset of the second and third header, the number of messages */
		uint32_t lens[3];
	} rows[] = {
		{"a byte", 1, {0}, 0, {16}},
		{"half a header", 15, {0}, 0, {16}},
		{"a header", 16, {0}, 1, {16}},
		{"a length below the header's", 32, {0}, 0, {15}},
		{"a length of 0", 32, {0}, 0, {0}},
		{"a length beyond the end", 32, {0}, 0, {33}},
		{"the largest length", 32, {0}, 0, {UINT32_MAX}},
		{"no padding at the end", 17, {0}, 1, {17}},
		{"some padding at the end", 19, {0}, 1, {17}},
		{"two", 40, {0, 20}, 2, {20, 20}},
		{"padding between", 36, {0, 20}, 2, {17, 16}},
		{"half a second one", 35, {0, 20}, 1, {20, 16}},
		{"a second one beyond the end", 40, {0, 20}, 1, {20, 21}},
		{"three", 56, {0, 20, 36}, 3, {20, 16, 20}},
	};

	nm_each(row, rows) {
		char *copy = used_memory(row->len), whole[64 + sizeof(struct nlmsghdr)] = "";
		struct nm_messages list = {copy, row->len};
		const struct nlmsghdr *msg;
		uint32_t n = 0;

		for (size_t i = 0; i < 3 && (!i || row->at[i]); i++)
			memcpy(whole + row->at[i], &row->lens[i], sizeof(row->lens[i]));
		memcpy(copy, whole, row->len);
		for (; n < 3 && (msg = nm_messages_next(&list)); n++)
			tap_ok((const char *)msg == copy + row->at[n] && msg->nlmsg_len == row->lens[n],
				"messages, %s: number %u", row->name, n);
		tap_ok(n == row->expected, "messages, %s", row->name);
		free(copy);
	}
	tap_ok(!nm_messages_next(&(struct nm_messages){NULL, 0}), "no messages");
}

int main(void)
{
	test_padding();
	test_room();
	test_lengths();
	test_type();
	test_messages();
	return tap_done();
}
