/* nftables/compare_elements.c: what is asked of the kernel, what its answers mark, and the changes that are
 * sent. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/expr.h"
#include "nft/dump.h"
#include "nftables/compare_elements.h"
#include "kernel.h"
#include "tap.h"

enum { TEXT_MAX = 1024, MANY = 200, SEVERAL = 24 };

static struct nm_nftables_element element(enum nm_nftables_set set, uint8_t key, const char *owner)
{
	struct nm_nftables_element e = {.set = set, .owner = owner, .owner_ports = {80, 80}};

	memset(e.key, key, nm_nftables_set_key_size(set, NM_IPV4));
	memset(e.data, key + 1, nm_nftables_set_data_size(set, NM_IPV4));
	return e;
}

static bool make(struct nm_nftables_claims *index, const struct nm_nftables_element *v,
	const enum nm_role *holds, size_t n)
{
	struct nm_err err;

	for (size_t i = 0; i < n; i++) {
		/* not changed: what the index takes says owned */
		const struct nm_nftables_elements one = {
			.v = (struct nm_nftables_element *)(uintptr_t)&v[i], .n = 1};

		if (nm_nftables_claims_add(index, &one, holds[i], &err) < 0)
			return false;
	}
	return nm_nftables_claims_make(index, &err) == 0;
}

static void put_data(struct nm_message *msg, uint16_t type, const uint8_t *data, size_t len)
{
	struct nlattr *nest = nm_message_nest(msg, type);

	nm_message_put(msg, NFTA_DATA_VALUE, data, len);
	nm_message_nest_end(msg, nest);
}

/* The element as the kernel tells it; tag NULL: without comment; key_len 0: the one of every key, "*". */
static void put_element(struct reply *r, uint32_t seq, const char *set, const struct nm_nftables_element *e,
	size_t key_len, const char *tag)
{
	struct nm_message *msg = reply_begin(r, seq, NFT_MSG_NEWSETELEM);
	struct nlattr *list, *nest;

	nm_message_put_string(msg, NFTA_SET_ELEM_LIST_SET, set);
	list = nm_message_nest(msg, NFTA_SET_ELEM_LIST_ELEMENTS);
	nest = nm_message_nest(msg, NFTA_LIST_ELEM);
	if (key_len)
		put_data(msg, NFTA_SET_ELEM_KEY, e->key, key_len);
	if (nm_nftables_set_is_map(e->set))
		put_data(msg, NFTA_SET_ELEM_DATA, e->data, nm_nftables_set_data_size(e->set, e->family));
	if (tag)
		nm_expr_put_comment(msg, NFTA_SET_ELEM_USERDATA, tag);
	nm_message_nest_end(msg, nest);
	nm_message_nest_end(msg, list);
	reply_end(r, msg);
}

static size_t say_bytes(char *text, size_t used, struct nm_attrs bytes)
{
	for (size_t i = 0; i < bytes.len && used < TEXT_MAX; i++)
		used += (size_t)snprintf(
			text + used, TEXT_MAX - used, "%x", ((const uint8_t *)bytes.data)[i]);
	return used;
}

/* " PACKETS/BYTES" of the counter that it brings along. */
static size_t say_counter(char *text, size_t used, struct nm_attrs expression)
{
	struct nm_attrs data = nm_attrs_nested(expression, NFTA_EXPR_DATA);
	uint64_t packets = 0, bytes = 0;
	char name[16] = "none";

	if (!expression.data)
		return used;
	(void)nm_attrs_string(expression, NFTA_EXPR_NAME, name, sizeof(name));
	(void)nm_attrs_get(data, NFTA_COUNTER_PACKETS, &packets, sizeof(packets));
	(void)nm_attrs_get(data, NFTA_COUNTER_BYTES, &bytes, sizeof(bytes));
	return used +
		(size_t)snprintf(text + used, TEXT_MAX - used, " %s %llu/%llu", name,
			(unsigned long long)be64toh(packets), (unsigned long long)be64toh(bytes));
}

static size_t say_change(char *text, size_t used, const struct nlmsghdr *msg)
{
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(struct nfgenmsg)), one, data;
	uint16_t exclusive = NLM_F_CREATE | NLM_F_EXCL;
	bool adds = (msg->nlmsg_type & 0xff) == NFT_MSG_NEWSETELEM;
	char table[16] = "", set[16] = "";
	uint32_t flags;
	size_t len = 0;
	const char *tag;

	one = nm_attrs_nested(nm_attrs_nested(attrs, NFTA_SET_ELEM_LIST_ELEMENTS), NFTA_LIST_ELEM);
	(void)nm_attrs_string(attrs, NFTA_SET_ELEM_LIST_TABLE, table, sizeof(table));
	(void)nm_attrs_string(attrs, NFTA_SET_ELEM_LIST_SET, set, sizeof(set));
	used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%s %s %s ",
		(msg->nlmsg_flags & exclusive) == (adds ? exclusive : 0) ? "" : "!flags ",
		adds ? "add" : "delete", table, set);
	data = nm_attrs_nested(nm_attrs_nested(one, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE);
	used = say_bytes(text, used, data);
	if (!data.data && nm_attrs_get(one, NFTA_SET_ELEM_FLAGS, &flags, sizeof(flags)) && used < TEXT_MAX)
		text[used++] = ntohl(flags) == 2 ? '*' : '!'; /* NFT_SET_ELEM_CATCHALL */
	data = nm_attrs_nested(nm_attrs_nested(one, NFTA_SET_ELEM_DATA), NFTA_DATA_VALUE);
	if (data.len && used < TEXT_MAX)
		text[used++] = ':';
	used = say_bytes(text, used, data);
	used = say_counter(text, used, nm_attrs_nested(one, NFTA_SET_ELEM_EXPR));
	tag = nm_nft_dump_comment(nm_attrs_nested(one, NFTA_SET_ELEM_USERDATA), &len);
	return used + (size_t)snprintf(text + used, TEXT_MAX - used, " %.*s;", (int)len, tag ? tag : "");
}

/* The changes of the transaction, as they are sent. */
static void check_changes(const char *name, struct nm_nft_batch *txn, const char *expected)
{
	const struct nlmsghdr *msg = NULL;
	char text[TEXT_MAX] = "";
	static struct reply sent;
	size_t used = 0;

	if (!tap_ok(kernel_commit(txn, &sent), "%s: sent", name))
		return;
	while ((msg = reply_next(&sent, msg)) && used < TEXT_MAX)
		used = say_change(text, used, msg);
	tap_is(text, expected, "%s", name);
}

static int note(void *ctx, const struct nm_nftables_edit *edit, struct nm_err *err)
{
	char *text = ctx;
	size_t used = strlen(text);

	if (!edit->tag || !edit->is_element)
		return nm_fail(err, NM_ERR_FAILED, "an element has a tag, if only an empty one");
	(void)snprintf(text + used, TEXT_MAX - used, "%d %s '%.*s';", (int)edit->kind, edit->where,
		(int)edit->tag_len, edit->tag);
	return 0;
}

static void test_settle(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	nm_autobatch struct nm_nft_batch *txn = nm_nft_batch_new(7);
	const struct nm_nftables_element v[] = {element(NM_SET_PORTS, 1, "new"),
		element(NM_SET_LOCALNET, 2, "old"), element(NM_SET_OPEN, 3, "old"),
		element(NM_SET_OPEN, 3, "new"), element(NM_SET_GUARDED, 4, "old"),
		element(NM_SET_GUARDED, 5, "kept")};
	static const enum nm_role holds[] = {
		NM_ROLE_NEW, NM_ROLE_REPLACED, NM_ROLE_REPLACED, NM_ROLE_NEW, NM_ROLE_REPLACED, NM_ROLE_PEER};
	char text[TEXT_MAX] = "";
	const struct nm_nftables_diff_output output = {.txn = txn, .note = note, .ctx = text};
	struct nm_nft_element found = {.tag = "natmap:old:80", .tag_len = strlen("natmap:old:80")};
	struct nm_err err;

	if (!tap_ok(txn && make(&index, v, holds, 6), "settle: preparation"))
		return;
	nm_nftables_claims_found(&index, &index.v[1], &found);
	nm_nftables_claims_found(&index, &index.v[2], &found);
	tap_ok(nm_nftables_compare_elements(&index, NM_IPV4_BIT, &output, &err) == 0, "settled");
	tap_is(text, "0 ports 'natmap:new:80';1 localnet 'natmap:old:80';2 open 'natmap:new:80';",
		"differences");
	check_changes("settle", txn,
		"delete natmap localnet 2222222222222222 ;"
		"delete natmap open 3333333333333333 ;"
		"add natmap ports 11111111:22222222 natmap:new:80;"
		"add natmap open 3333333333333333 natmap:new:80;");
}

/* Elements share messages, none of which is longer than there is room for, with the longest comments. */
static void test_settle_many(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	nm_autobatch struct nm_nft_batch *txn = nm_nft_batch_new(7);
	const struct nm_nftables_diff_output output = {.txn = txn};
	const struct nlmsghdr *msg = NULL;
	static struct nm_nftables_element v[SEVERAL];
	static enum nm_role holds[SEVERAL];
	size_t messages = 0, elements = 0;
	char longest[NM_TAG_SIZE] = "";
	static struct reply sent;
	struct nm_err err;

	memset(longest, 'x', sizeof(longest) - 1);
	for (size_t i = 0; i < SEVERAL; i++) {
		v[i] = element(NM_SET_PORTS, (uint8_t)i, i < SEVERAL / 2 ? "web" : longest);
		holds[i] = NM_ROLE_NEW;
	}
	tap_ok(txn && make(&index, v, holds, SEVERAL) &&
			nm_nftables_compare_elements(&index, NM_IPV4_BIT, &output, &err) == 0 &&
			kernel_commit(txn, &sent),
		"many elements: sent");
	for (; (msg = reply_next(&sent, msg)); messages++) {
		struct nm_attrs list = nm_attrs_nested(
			nm_attrs_of(msg, sizeof(struct nfgenmsg)), NFTA_SET_ELEM_LIST_ELEMENTS);

		tap_ok(msg->nlmsg_len <= NM_NFT_RULE_SIZE, "%u bytes are no more than a rule",
			msg->nlmsg_len);
		while (nm_attrs_next(&list))
			elements++;
	}
	tap_ok(elements == SEVERAL && messages < SEVERAL, "%zu elements in %zu messages", elements, messages);
}

/* Who leaves, who has the element then, and what it has counted; the counter goes along to one who has had it
 * before, but not to a newcomer. One that has counted nothing begins with a byte of no packet. */
static void test_counters(void)
{
	static const struct {
		const char *name;
		enum nm_role hold;
		struct nm_counters counters;
		const char *counter;
	} rows[] = {
		{"one who stays", NM_ROLE_PEER, {5, 0x0102030405060708}, " counter 5/72623859790382856"},
		{"one who stays, the largest", NM_ROLE_PEER, {UINT64_MAX, 1},
			" counter 18446744073709551615/1"},
		{"one who stays, nothing counted", NM_ROLE_PEER, {0, 0}, " counter 0/1"},
		{"one who comes", NM_ROLE_NEW, {5, 500}, " counter 0/1"},
	};

	nm_each(row, rows) {
		NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
		nm_autobatch struct nm_nft_batch *txn = nm_nft_batch_new(7);
		const struct nm_nftables_element v[] = {
			element(NM_SET_PORTS, 1, "old"), element(NM_SET_PORTS, 1, "new")};
		const enum nm_role holds[] = {NM_ROLE_REPLACED, row->hold};
		const struct nm_nftables_diff_output output = {.txn = txn};
		struct nm_nft_element found = {.tag = "natmap:old:80",
			.tag_len = strlen("natmap:old:80"),
			.data = {v[0].data, 8},
			.counters = row->counters};
		char expected[TEXT_MAX];
		struct nm_err err;

		if (!tap_ok(txn && make(&index, v, holds, 2), "counters: preparation"))
			continue;
		nm_nftables_claims_found(&index, &index.v[0], &found);
		tap_ok(nm_nftables_compare_elements(&index, NM_IPV4_BIT, &output, &err) == 0, "settled");
		(void)snprintf(expected, sizeof(expected),
			"delete natmap ports 11111111 ;add natmap ports 11111111:22222222%s natmap:new:80;",
			row->counter);
		check_changes(row->name, txn, expected);
	}
}

/* Connections of an element that is made anew may go on. An element that counts nothing has no counter. */
static void test_remade(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	nm_autobatch struct nm_nft_batch *txn = nm_nft_batch_new(7);
	const struct nm_nftables_element v[] = {
		element(NM_SET_PORTS, 1, "new"), element(NM_SET_OPEN, 2, "new")};
	const enum nm_role holds[] = {NM_ROLE_NEW, NM_ROLE_NEW};
	const struct nm_nftables_diff_output output = {.txn = txn, .remakes = true};
	struct nm_err err;

	if (!tap_ok(txn && make(&index, v, holds, 2), "remade: preparation"))
		return;
	tap_ok(nm_nftables_compare_elements(&index, NM_IPV4_BIT, &output, &err) == 0, "settled");
	check_changes("remade", txn,
		"add natmap ports 11111111:22222222 counter 0/1 natmap:new:80;"
		"add natmap open 2222222222222222 natmap:new:80;");
}

/* Answers to the dumps of all sets: ports has what the index knows and other people's elements. */
static void answer_dumps(const struct kernel *k, const struct nm_nftables_element *known)
{
	const struct nm_nftables_element other = element(NM_SET_PORTS, 9, NULL);
	uint32_t seq = k->nl.seq;
	size_t bad = 0;

	for (enum nm_nftables_set set = 0; set < NM_SET_MAX; set++) {
		struct reply r = {.len = 0};

		seq++;
		if (set == NM_SET_PORTS) {
			put_element(&r, seq, "ports", known, 8, "natmap:web:80");
			put_element(&r, seq, "ports", &other, 8, "natmap:gone:80");
			put_element(&r, seq, "ports", &other, 8, NULL);
			put_element(&r, seq, "ports", known, 4, "natmap:short:80");
			put_element(&r, seq, "strange", &other, 8, "natmap:strange:80");
		}
		if (set == NM_SET_LOCALNET)
			put_element(&r, seq, "localnet", &other, 0, "mine");
		reply_done(&r, seq, 0);
		bad += !kernel_send(k, &r);
	}
	tap_ok(bad == 0, "answers to all dumps");
}

static void test_read(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	nm_autobatch struct nm_nft_batch *txn = nm_nft_batch_new(7);
	const struct nm_nftables_element v[] = {
		element(NM_SET_PORTS, 1, "web"), element(NM_SET_OPEN, 9, "web")};
	static const enum nm_role holds[] = {NM_ROLE_NEW, NM_ROLE_NEW};
	char text[TEXT_MAX] = "";
	const struct nm_nftables_diff_output output = {.txn = txn, .note = note, .ctx = text};
	struct nm_err err;
	struct kernel k;

	if (!tap_ok(txn && make(&index, v, holds, 2) && kernel_open(&k), "read: preparation"))
		return;
	answer_dumps(&k, &v[0]);
	tap_ok(nm_nftables_compare_elements_read(&k.nl, NM_IPV4, &index, &output, &err) == 0,
		"all sets are read");
	tap_ok(index.v[0].present && index.v[0].right && !index.v[1].present, "what is known is marked");
	tap_is(text, "1 ports 'natmap:gone:80';1 ports '';1 ports 'natmap:short:80';1 localnet 'mine';",
		"what is not is stale");
	check_changes("read", txn,
		"delete natmap ports 99999999 ;delete natmap ports 99999999 ;delete natmap ports 1111 ;"
		"delete natmap localnet * ;");
	kernel_close(&k);
}

/* IPv6 has no sets for loopback: they are not asked for. */
static void test_read_ipv6(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	const struct nm_nftables_diff_output output = {.txn = NULL};
	struct nm_err err;
	struct kernel k;

	if (!tap_ok(make(&index, NULL, NULL, 0) && kernel_open(&k), "read IPv6: preparation"))
		return;
	for (uint32_t i = 1; i <= NM_SET_MAX - 2; i++) {
		struct reply r = {.len = 0};

		reply_done(&r, k.nl.seq + i, 0);
		tap_ok(kernel_send(&k, &r), "an empty set");
	}
	tap_ok(nm_nftables_compare_elements_read(&k.nl, NM_IPV6, &index, &output, &err) == 0,
		"that many are read");
	kernel_close(&k);
}

/* How many requests the kernel has got, and the keys they begin with. */
static const char *asked(const struct kernel *k, char text[static TEXT_MAX])
{
	struct reply r = {.len = 0};
	size_t used = 0;
	ssize_t n;

	text[0] = '\0';
	while ((n = recv(k->fd, r.bytes, sizeof(r.bytes), MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *msg = NULL;

		r.len = (size_t)n;
		while ((msg = reply_next(&r, msg)) && used < TEXT_MAX) {
			struct nm_attrs a = nm_attrs_of(msg, sizeof(struct nfgenmsg));

			a = nm_attrs_nested(a, NFTA_SET_ELEM_LIST_ELEMENTS);
			a = nm_attrs_nested(nm_attrs_nested(a, NFTA_LIST_ELEM), NFTA_SET_ELEM_KEY);
			a = nm_attrs_nested(a, NFTA_DATA_VALUE);
			used += (size_t)snprintf(
				text + used, TEXT_MAX - used, "%d ", a.len ? *(const uint8_t *)a.data : 0);
		}
	}
	return text;
}

static void check_look(bool all, size_t answers, const char *expected)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	const struct nm_nftables_element v[] = {element(NM_SET_PORTS, 1, "a"), element(NM_SET_PORTS, 2, "a"),
		element(NM_SET_PORTS, 3, "a"), element(NM_SET_PORTS, 3, "b"),
		element(NM_SET_LOCALNET, 4, "a")};
	static const enum nm_role holds[] = {
		NM_ROLE_NEW, NM_ROLE_PEER, NM_ROLE_REPLACED, NM_ROLE_NEW, NM_ROLE_NEW};
	const struct nm_nftables_element other = element(NM_SET_PORTS, 9, NULL);
	struct reply r = {.len = 0};
	char text[TEXT_MAX];
	struct nm_err err;
	struct kernel k;

	if (!tap_ok(make(&index, v, holds, 5) && kernel_open(&k), "look: preparation"))
		return;
	/* the first answer is one that was not asked for: nobody's */
	put_element(&r, k.nl.seq + 1, "ports", &other, 8, "mine");
	for (uint32_t i = 2; i < answers; i++)
		reply_error(&r, k.nl.seq + i, ENOENT);
	put_element(&r, k.nl.seq + (uint32_t)answers, "localnet", &v[4], 16, "natmap:a:80");
	tap_ok(kernel_send(&k, &r) && nm_nftables_compare_elements_get(&k.nl, &index, all, &err) == 0,
		"looked");
	tap_is(asked(&k, text), expected, "what was asked for%s", all ? ", of all" : "");
	tap_ok(index.v[4].present && index.v[4].right && !index.v[0].present && !index.v[2].present,
		"what is there is marked");
	kernel_close(&k);
}

/* More than one message has room for. */
static void test_look_many(void)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};
	static struct nm_nftables_element v[MANY];
	static enum nm_role holds[MANY];
	size_t present = 0;
	struct nm_err err;
	struct kernel k;

	for (size_t i = 0; i < MANY; i++) {
		v[i] = element(NM_SET_PORTS, (uint8_t)(i + 1), "a");
		holds[i] = NM_ROLE_REPLACED;
	}
	if (!tap_ok(make(&index, v, holds, MANY) && kernel_open(&k), "look for many: preparation"))
		return;
	for (size_t i = 0; i < MANY; i++) {
		struct reply r = {.len = 0};

		put_element(&r, k.nl.seq + 1 + (uint32_t)i, "ports", &v[i], 8, "natmap:a:80");
		present += kernel_send(&k, &r);
	}
	tap_ok(present == MANY && nm_nftables_compare_elements_get(&k.nl, &index, false, &err) == 0,
		"looked for many");
	present = 0;
	for (size_t i = 0; i < MANY; i++)
		present += index.v[i].present;
	tap_ok(present == MANY, "all of them are marked");
	kernel_close(&k);
}

int main(void)
{
	test_settle();
	test_settle_many();
	test_counters();
	test_remade();
	test_read();
	test_read_ipv6();
	check_look(false, 2, "3 4 ");
	check_look(true, 3, "1 3 4 ");
	test_look_many();
	return tap_done();
}
