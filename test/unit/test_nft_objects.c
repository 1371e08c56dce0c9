/* nft/objects.c: tables, chains and sets as the kernel tells them, and as it should not. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/dump.h"
#include "nft/expr.h"
#include "kernel.h"
#include "tap.h"

enum { TEXT_MAX = 512 };

struct seen {
	char text[TEXT_MAX];
	bool fails;
};

static int __attribute__((format(printf, 3, 4)))
say(struct seen *seen, struct nm_err *err, const char *fmt, ...)
{
	size_t used = strlen(seen->text);
	va_list ap;

	if (seen->fails)
		return nm_fail(err, NM_ERR_FAILED, "no");
	va_start(ap, fmt);
	(void)vsnprintf(seen->text + used, TEXT_MAX - used, fmt, ap);
	va_end(ap);
	return 0;
}

static int take_set(void *ctx, const struct nm_nft_set *s, struct nm_err *err)
{
	return say(ctx, err, "%s %s 0x%x %u:%u%s;", s->table, s->name, s->flags, s->key_size, s->data_size,
		s->has_userdata ? " userdata" : "");
}

static int take_chain(void *ctx, const struct nm_nft_chain *c, struct nm_err *err)
{
	return say(ctx, err, "%u %s %s %s'%s' %u %d%s use %u%s;", c->nfproto, c->table, c->name,
		c->is_base ? "hook " : "", c->type, c->hook, c->priority, c->drops ? " drops" : "", c->use,
		c->made ? " made" : "");
}

static int take_table(void *ctx, const struct nm_nft_table *t, struct nm_err *err)
{
	return say(ctx, err, "%u %s%s use %u%s;", t->nfproto, t->name, t->is_dormant ? " dormant" : "",
		t->use, t->made ? " made" : "");
}

enum kind { TABLE, CHAIN, SET };

static int each(struct kernel *k, enum kind kind, struct seen *seen, struct nm_err *err)
{
	const struct nm_nft_objects_handler handlers[] = {
		[TABLE] = {.table = take_table, .ctx = seen},
		[CHAIN] = {.chain = take_chain, .ctx = seen},
		[SET] = {.set = take_set, .ctx = seen},
	};

	return nm_nft_objects_each(&k->nl, NFPROTO_IPV6, handlers[kind], err);
}

/* says: the error; "": none. */
static void check_each(enum kind kind, const char *name, const struct reply *r, struct seen *seen,
	const char *expected, const char *says)
{
	static const char *const requests[] = {"1 all 10;", "4 all 10;", "10 all 10;"};
	char asked[KERNEL_ASKED_SIZE];
	struct nm_err err = {0};
	struct kernel k;
	int rc;

	if (!tap_ok(kernel_open(&k) && kernel_send(&k, r), "%s: preparation", name))
		return;
	rc = each(&k, kind, seen, &err);
	tap_is(rc < 0 ? err.msg : "", says, "%s: comes out", name);
	tap_is(seen->text, expected, "%s: what", name);
	tap_is(kernel_asked(&k, asked), requests[kind], "%s: asked", name);
	seen->text[0] = '\0';
	kernel_close(&k);
}

static const struct nm_nft_set sets[] = {
	{"natmap", "open", 0, 16, 0, false},
	{"natmap", "ports", 0x8, 8, 20, true},
	{"mine", "all", 0xffffffff, UINT32_MAX, UINT32_MAX, false},
	{"mine", "nothing", 0, 0, 0, false},
};
static const struct nm_nft_chain chains[] = {
	{NFPROTO_IPV4, "natmap", "forward", true, "filter", 2, -1, false, 7, true},
	{NFPROTO_IPV6, "natmap", "pass", false, "", 0, 0, false, 0, false},
	{NFPROTO_INET, "mine", "late", true, "route", 3, INT32_MAX, true, UINT32_MAX, false},
	{NFPROTO_INET, "mine", "early", true, "nat", 0, INT32_MIN, false, 0, false},
};
static const struct nm_nft_table tables[] = {
	{NFPROTO_IPV4, "natmap", 28, false, true},
	{NFPROTO_INET, "mine", 0, true, false},
};

/* The sequence number of a first request. */
static uint32_t first_seq(void)
{
	struct kernel k;
	uint32_t seq = 0;

	if (kernel_open(&k)) {
		seq = k.nl.seq + 1;
		kernel_close(&k);
	}
	return seq;
}

static void test_told(void)
{
	const uint32_t seq = first_seq();
	struct reply r = {.len = 0};
	struct seen seen = {.text = ""};

	nm_each(set, sets)
		reply_set(&r, seq, set);
	reply_done(&r, seq, 0);
	check_each(SET, "sets", &r, &seen,
		"natmap open 0x0 16:0;natmap ports 0x8 8:20 userdata;"
		"mine all 0xffffffff 4294967295:4294967295;mine nothing 0x0 0:0;",
		"");
	r.len = 0;
	nm_each(chain, chains)
		reply_chain(&r, seq, chain);
	reply_done(&r, seq, 0);
	check_each(CHAIN, "chains", &r, &seen,
		"2 natmap forward hook 'filter' 2 -1 use 7 made;10 natmap pass '' 0 0 use 0;"
		"1 mine late hook 'route' 3 2147483647 drops use 4294967295;"
		"1 mine early hook 'nat' 0 -2147483648 use 0;",
		"");
	r.len = 0;
	nm_each(table, tables)
		reply_table(&r, seq, table);
	reply_done(&r, seq, 0);
	check_each(TABLE, "tables", &r, &seen, "2 natmap use 28 made;1 mine dormant use 0;", "");
}

/* Other messages are passed over, in each kind of dump. */
static void test_others(void)
{
	static const char *const expected[] = {
		"1 mine dormant use 0;", "10 natmap pass '' 0 0 use 0;", "natmap open 0x0 16:0;"};
	const uint32_t seq = first_seq();
	struct reply r = {.len = 0};
	struct seen seen = {.text = ""};

	reply_table(&r, seq, &tables[1]);
	reply_chain(&r, seq, &chains[1]);
	reply_set(&r, seq, &sets[0]);
	reply_rule(&r, seq, NULL);
	reply_done(&r, seq, 0);
	for (enum kind kind = TABLE; kind <= SET; kind++)
		check_each(kind, "all kinds", &r, &seen, expected[kind], "");
	r.len = 0;
	reply_done(&r, seq, 0);
	for (enum kind kind = TABLE; kind <= SET; kind++)
		check_each(kind, "nothing", &r, &seen, "", "");
}

/* refused: else it has no name */
static void check_failure(enum kind kind, const char *name, const struct reply *r, bool refused)
{
	static const char *const what[] = {"table", "chain", "set"};
	struct seen seen = {.text = ""};
	char refusal[128], text[128];

	(void)snprintf(refusal, sizeof(refusal), "reading the %ss of nf_tables: Operation not permitted",
		what[kind]);
	(void)snprintf(text, sizeof(text),
		"reading the %ss of nf_tables: a %s without name in the kernel's reply", what[kind],
		what[kind]);
	check_each(kind, name, r, &seen, "", refused ? refusal : text);
}

static void reply_nameless(struct reply *r, uint32_t seq, enum kind kind, bool has_table)
{
	const char *table = has_table ? "natmap" : NULL, *name = has_table ? NULL : "name";

	r->len = 0;
	if (kind == TABLE)
		reply_table(r, seq, &(struct nm_nft_table){.name = NULL});
	else if (kind == CHAIN)
		reply_chain(r, seq, &(struct nm_nft_chain){.table = table, .name = name});
	else
		reply_set(r, seq, &(struct nm_nft_set){.table = table, .name = name});
}

static void test_failures(void)
{
	const uint32_t seq = first_seq();
	struct reply r = {.len = 0};
	struct seen seen = {.text = "", .fails = true};

	for (enum kind kind = TABLE; kind <= SET; kind++) {
		reply_nameless(&r, seq, kind, true);
		check_failure(kind, "no name", &r, false);
		reply_nameless(&r, seq, kind, false);
		check_failure(kind, "no table", &r, false);
		r.len = 0;
		reply_error(&r, seq, EPERM);
		check_failure(kind, "refused", &r, true);
	}
	r.len = 0;
	reply_error(&r, seq, EPERM);
	/* of which there is no positive number */
	((struct nlmsgerr *)NLMSG_DATA(reply_at(&r, 0)))->error = INT_MIN;
	check_each(TABLE, "refused with no error number", &r, &seen, "",
		"reading the tables of nf_tables: Protocol error");
	r.len = 0;
	reply_set(&r, seq, &sets[0]);
	check_each(SET, "who takes it fails", &r, &seen, "", "reading the sets of nf_tables: no");
}

/* Numbers of another size, and user data without anything. */
static void test_damaged(void)
{
	const uint32_t seq = first_seq();
	struct reply r = {.len = 0};
	struct seen seen = {.text = ""};
	struct nm_message *msg = reply_begin(&r, seq, NFT_MSG_NEWSET);

	nm_message_put_string(msg, NFTA_SET_TABLE, "natmap");
	nm_message_put_string(msg, NFTA_SET_NAME, "ports");
	nm_message_put(msg, NFTA_SET_FLAGS, &(uint16_t){0xffff}, sizeof(uint16_t));
	nm_message_put_be64(msg, NFTA_SET_KEY_LEN, UINT64_MAX);
	nm_message_put(msg, NFTA_SET_DATA_LEN, NULL, 0);
	nm_message_put(msg, NFTA_SET_USERDATA, NULL, 0);
	reply_end(&r, msg);
	reply_done(&r, seq, 0);
	check_each(SET, "damaged", &r, &seen, "natmap ports 0x0 0:0;", "");
}

/* Comments that are not natmap's; flags of tables that do not put them to sleep. */
static void test_made(void)
{
	static const char *const comments[] = {"natmap:@mad", "natmap:@madeX", "natmap:@mad\1", "", "mine"};
	const uint32_t seq = first_seq();
	struct reply r = {.len = 0};
	struct seen seen = {.text = ""};

	nm_each(comment, comments) {
		struct nm_message *msg = reply_begin(&r, seq, NFT_MSG_NEWTABLE);

		nm_message_put_string(msg, NFTA_TABLE_NAME, "t");
		nm_message_put_be32(msg, NFTA_TABLE_FLAGS, ~(uint32_t)NFT_TABLE_F_DORMANT);
		nm_expr_put_comment(msg, NFTA_TABLE_USERDATA, *comment);
		reply_end(&r, msg);
	}
	reply_done(&r, seq, 0);
	check_each(TABLE, "comments", &r, &seen, "0 t use 0;0 t use 0;0 t use 0;0 t use 0;0 t use 0;", "");
}

/* What has been handed over may not be all there was. */
static void test_interrupted(void)
{
	struct reply r = {.len = 0};
	struct seen seen = {.text = ""};
	struct nm_err err;
	struct kernel k;

	if (!tap_ok(kernel_open(&k), "preparation"))
		return;
	reply_set(&r, k.nl.seq + 1, &sets[0]);
	reply_done(&r, k.nl.seq + 1, NLM_F_DUMP_INTR);
	tap_ok(kernel_send(&k, &r) && each(&k, SET, &seen, &err) < 0 && err.kind == NM_ERR_INTERRUPTED,
		"an interrupted dump fails");
	tap_is(err.msg, "reading the sets of nf_tables: others changed it meanwhile", "and says why");
	kernel_close(&k);
}

/* error_number 0: it is there. */
static void check_get(enum kind kind, int error_number, const char *expected, const char *says)
{
	const struct nm_nft_place place = {NFPROTO_IPV4, "natmap", kind == TABLE ? NULL : "forward"};
	struct reply r = {.len = 0};
	struct seen seen = {.text = ""};
	const struct nm_nft_objects_handler handler = {
		.table = take_table, .chain = take_chain, .ctx = &seen};
	char asked[KERNEL_ASKED_SIZE];
	struct nm_err err = {0};
	struct kernel k;
	int rc;

	if (!tap_ok(kernel_open(&k), "preparation"))
		return;
	if (error_number)
		reply_error(&r, k.nl.seq + 1, error_number);
	else if (kind == TABLE)
		reply_table(&r, k.nl.seq + 1, &tables[0]);
	else
		reply_chain(&r, k.nl.seq + 1, &chains[0]);
	tap_ok(kernel_send(&k, &r), "an answer about one");
	rc = nm_nft_objects_get(&k.nl, place, handler, &err);
	tap_is(rc < 0 ? err.msg : "", says, "comes out");
	tap_is(seen.text, expected, "what it is");
	tap_is(kernel_asked(&k, asked), kind == TABLE ? "1 2 natmap;" : "4 2 natmap forward;", "asked");
	kernel_close(&k);
}

static void check_has(int error_number, bool expected, bool fails)
{
	static const struct nm_nft_place natmap = {NFPROTO_IPV4, "natmap", NULL};
	struct reply r = {.len = 0};
	bool got = !expected;
	struct nm_err err;
	struct kernel k;

	if (!tap_ok(kernel_open(&k), "preparation"))
		return;
	if (error_number)
		reply_error(&r, k.nl.seq + 1, error_number);
	else
		reply_table(&r, k.nl.seq + 1, &tables[0]);
	tap_ok(kernel_send(&k, &r) && nm_nft_objects_has(&k.nl, natmap, &got, &err) == (fails ? -1 : 0) &&
			(fails || got == expected),
		"whether a table is there, error %d", error_number);
	kernel_close(&k);
}

int main(void)
{
	test_told();
	test_others();
	test_failures();
	test_damaged();
	test_made();
	test_interrupted();
	check_get(TABLE, 0, "2 natmap use 28 made;", "");
	check_get(TABLE, ENOENT, "", "");
	check_get(TABLE, EPERM, "", "looking for table 'natmap': Operation not permitted");
	check_get(CHAIN, 0, "2 natmap forward hook 'filter' 2 -1 use 7 made;", "");
	check_get(CHAIN, ENOENT, "", "");
	check_get(CHAIN, EPERM, "", "looking for chain 'forward': Operation not permitted");
	check_has(0, true, false);
	check_has(ENOENT, false, false);
	check_has(EPERM, false, true);
	return tap_done();
}
