/* nftables/schema.c: whose a table is, and whether it is as natmap makes it. */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>

#include "model/rule.h"
#include "nftables/schema.h"
#include "kernel.h"
#include "tap.h"

enum { RULES_MAX = 3 };

static const struct {
	const char *name;
	bool there, made;             /* as the table's comment tells */
	const char *rules[RULES_MAX]; /* comments; "": none; NULL: no rule */
	bool ours;
} tables[] = {
	{"no table", false, false, {NULL}, false},
	{"a table with the comment", true, true, {NULL}, true},
	{"one of an older kernel, with the comment at a rule", true, false, {NM_TAG_MADE}, true},
	{"... behind others'", true, false, {"", "mine", NM_TAG_MADE}, true},
	{"... before others'", true, false, {NM_TAG_MADE, "mine", ""}, true},
	{"somebody else's table without rules", true, false, {NULL}, false},
	{"... with rules", true, false, {"", "mine"}, false},
	{"... with comments like it", true, false, {"natmap:@mad", "natmap:@made2", "natmap:@mode"}, false},
};

/* The rules are asked for where the table does not tell. */
static bool answer_find(struct kernel *k, size_t row)
{
	struct reply r = {.len = 0};

	if (!kernel_open(k))
		return false;
	if (!tables[row].there)
		reply_error(&r, k->nl.seq + 1, ENOENT);
	else
		reply_table(&r, k->nl.seq + 1,
			&(struct nm_nft_table){.name = NM_NFTABLES_TABLE, .made = tables[row].made});
	if (!kernel_send(k, &r) || !tables[row].there || tables[row].made)
		return true;
	r.len = 0;
	for (size_t i = 0; i < RULES_MAX && tables[row].rules[i]; i++)
		reply_rule(&r, k->nl.seq + 2, tables[row].rules[i][0] ? tables[row].rules[i] : NULL);
	reply_done(&r, k->nl.seq + 2, 0);
	return kernel_send(k, &r);
}

static void check_find(size_t row, enum nm_family family)
{
	static const char *const refusals[] = {"nft table ip natmap is there, and not natmap's",
		"nft table ip6 natmap is there, and not natmap's"};
	const bool ours = tables[row].ours, foreign = tables[row].there && !ours;
	const char *name = tables[row].name;
	bool got_found = !ours, got_foreign = !foreign;
	struct nm_err err = {0};
	struct kernel k;
	int rc;

	if (!tap_ok(answer_find(&k, row), "%s: preparation", name))
		return;
	tap_ok(nm_nftables_schema_find_table(&k.nl, family, &got_found, &got_foreign, &err) == 0 &&
			got_found == ours && got_foreign == foreign,
		"%s: ours, somebody else's or none", name);
	kernel_close(&k);
	got_found = !ours;
	if (!tap_ok(answer_find(&k, row), "%s: again", name))
		return;
	rc = nm_nftables_schema_find_table(&k.nl, family, &got_found, NULL, &err);
	tap_ok(rc == (foreign ? -1 : 0) && got_found == ours, "%s: in the way or not", name);
	tap_is(foreign ? err.msg : refusals[family], refusals[family], "%s: refusal", name);
	kernel_close(&k);
}

static void test_find(void)
{
	bool found, foreign;
	char asked[KERNEL_ASKED_SIZE];
	struct reply r = {.len = 0};
	struct nm_err err = {0};
	struct kernel k;

	for (size_t row = 0; row < sizeof(tables) / sizeof(*tables); row++)
		for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
			check_find(row, f);
	if (tap_ok(answer_find(&k, 2) &&
			    nm_nftables_schema_find_table(&k.nl, NM_IPV6, &found, &foreign, &err) == 0,
		    "found"))
		tap_is(kernel_asked(&k, asked), "1 10 natmap;7 all 10 natmap;", "by asking");
	kernel_close(&k);
	if (!kernel_open(&k))
		return;
	reply_error(&r, k.nl.seq + 1, EPERM);
	tap_ok(kernel_send(&k, &r) &&
			nm_nftables_schema_find_table(&k.nl, NM_IPV4, &found, &foreign, &err) < 0,
		"a refusal is none");
	tap_is(err.msg, "looking for table 'natmap': Operation not permitted", "but an error");
	kernel_close(&k);
}

/* NULL: none of that kind. */
struct form {
	const char *name;
	const struct nm_nft_table *table;
	struct nm_nft_chain chains[2];
	struct nm_nft_set sets[2];
	const char *wrong;
	bool loaded;
};

#define BASE(n, t, h, p) \
	.table = "natmap", .name = (n), .is_base = true, .type = (t), .hook = (h), .priority = (p)
#define CHAIN(n)        .table = "natmap", .name = (n)
#define SET(n, f, k, d) .table = "natmap", .name = (n), .flags = (f), .key_size = (k), .data_size = (d)
#define FORWARD         BASE("forward", "filter", 2, -1)

static const struct nm_nft_table awake = {.name = "natmap"}, dormant = {.name = "natmap", .is_dormant = true};

/* Of IPv4. Flags: 2 constant, 4 intervals, 8 map, 0x10 timeouts, 0x20 from rules. */
static const struct form forms[] = {
	{"nothing", NULL, {{0}}, {{0}}, "", false},
	{"a table", &awake, {{0}}, {{0}}, "", false},
	{"a table asleep", &dormant, {{0}}, {{0}}, "table 'natmap'", false},
	{"chains", &awake, {{FORWARD}, {CHAIN("pass"), .use = 7}}, {{0}}, "", false},
	{"another hook", NULL, {{BASE("forward", "filter", 1, -1)}}, {{0}}, "chain 'forward'", false},
	{"another priority", NULL, {{BASE("forward", "filter", 2, 0)}}, {{0}}, "chain 'forward'", false},
	{"the contrary priority", NULL, {{BASE("forward", "filter", 2, 1)}}, {{0}}, "chain 'forward'", false},
	{"another type", NULL, {{BASE("output", "route", 3, -99)}}, {{0}}, "chain 'output'", false},
	{"a policy", NULL, {{FORWARD, .drops = true}}, {{0}}, "chain 'forward'", false},
	{"no hook", NULL, {{CHAIN("forward")}}, {{0}}, "chain 'forward'", false},
	{"a hook where none is", NULL, {{BASE("pass", "filter", 2, -1)}}, {{0}}, "chain 'pass'", false},
	{"the second is wrong", NULL, {{FORWARD}, {CHAIN("guard")}}, {{0}}, "chain 'guard'", false},
	{"the first of two that are wrong", NULL, {{CHAIN("output")}, {CHAIN("guard")}}, {{0}},
		"chain 'output'", false},
	{"somebody else's chain", NULL, {{BASE("mine", "filter", 2, -1), .drops = true}}, {{0}}, "", false},
	{"a chain of another table", NULL, {{.table = "filter", .name = "forward"}}, {{0}}, "", false},
	{"sets", &awake, {{0}}, {{SET("open", 0, 16, 0)}, {SET("localnet", 0, 16, 0), .has_userdata = true}},
		"", false},
	{"maps", &awake, {{0}}, {{SET("ports", 8, 8, 8)}, {SET("host_ports", 8, 12, 8)}}, "", false},
	{"a longer key", NULL, {{0}}, {{SET("open", 0, 20, 0)}}, "set 'open'", false},
	{"a shorter key of a map", NULL, {{0}}, {{SET("ports", 8, 4, 8)}}, "map 'ports'", false},
	{"less data", NULL, {{0}}, {{SET("ports", 8, 8, 4)}}, "map 'ports'", false},
	{"a set for a map", NULL, {{0}}, {{SET("ports", 0, 8, 0)}}, "map 'ports'", false},
	{"no map's flag", NULL, {{0}}, {{SET("ports", 0, 8, 8)}}, "map 'ports'", false},
	{"a map for a set", NULL, {{0}}, {{SET("open", 8, 16, 4)}}, "set 'open'", false},
	{"a map's flag", NULL, {{0}}, {{SET("open", 8, 16, 0)}}, "set 'open'", false},
	{"intervals", NULL, {{0}}, {{SET("open", 4, 16, 0)}}, "set 'open'", false},
	{"a map of intervals", NULL, {{0}}, {{SET("ports", 12, 8, 8)}}, "map 'ports'", false},
	{"a constant", NULL, {{0}}, {{SET("open", 2, 16, 0)}}, "set 'open'", false},
	{"flags that take nothing", NULL, {{0}}, {{SET("open", 0x30, 16, 0)}}, "", false},
	{"somebody else's set", NULL, {{0}}, {{SET("mine", 12, 1, 1), .has_userdata = true}}, "", false},
	{"a set of another table", NULL, {{0}}, {{.table = "filter", .name = "ports", .has_userdata = true}},
		"", false},
	{"chain and set", NULL, {{CHAIN("guard")}}, {{SET("open", 2, 16, 0)}}, "chain 'guard'", false},
	{"table and chain", &dormant, {{CHAIN("guard")}}, {{0}}, "table 'natmap'", false},
	{"loaded", &awake, {{0}}, {{SET("ports", 8, 8, 8), .has_userdata = true}}, "", true},
	{"one of two loaded", &awake, {{0}},
		{{SET("host_ports", 8, 12, 8), .has_userdata = true}, {SET("ports", 8, 8, 8)}}, "", true},
	{"loaded, and wrong", NULL, {{0}}, {{SET("ports", 8, 8, 4), .has_userdata = true}}, "map 'ports'",
		true},
};

static bool answer_form(struct kernel *k, const struct form *form)
{
	struct reply r = {.len = 0};
	bool sent;

	if (!kernel_open(k))
		return false;
	if (form->table)
		reply_table(&r, k->nl.seq + 1, form->table);
	else
		reply_error(&r, k->nl.seq + 1, ENOENT);
	sent = kernel_send(k, &r);
	r.len = 0;
	for (int i = 0; i < 2 && form->chains[i].name; i++)
		reply_chain(&r, k->nl.seq + 2, &form->chains[i]);
	reply_done(&r, k->nl.seq + 2, 0);
	sent &= kernel_send(k, &r);
	r.len = 0;
	for (int i = 0; i < 2 && form->sets[i].name; i++)
		reply_set(&r, k->nl.seq + 3, &form->sets[i]);
	reply_done(&r, k->nl.seq + 3, 0);
	return sent && kernel_send(k, &r);
}

static void test_forms(void)
{
	char asked[KERNEL_ASKED_SIZE];

	nm_each(row, forms) {
		struct nm_nftables_schema form = {.wrong = "?", .loaded = !row->loaded};
		struct nm_err err = {0};
		struct kernel k;

		if (!tap_ok(answer_form(&k, row), "form, %s: preparation", row->name))
			continue;
		tap_ok(nm_nftables_schema_read(&k.nl, NM_IPV4, &form, &err) == 0, "form, %s: read",
			row->name);
		tap_is(form.wrong, row->wrong, "form, %s: what is wrong", row->name);
		tap_ok(form.loaded == row->loaded, "form, %s: loaded or not", row->name);
		tap_is(kernel_asked(&k, asked), "1 2 natmap;4 all 2;10 all 2;", "form, %s: asked", row->name);
		kernel_close(&k);
	}
}

/* The message as a dump has it. */
static const struct nm_nftables_prefix_lengths no_lengths;

static void copy(struct reply *r, uint32_t seq, const struct nlmsghdr *msg)
{
	struct nlmsghdr *to = reply_at(r, r->len);

	memcpy(to, msg, msg->nlmsg_len);
	to->nlmsg_seq = seq;
	to->nlmsg_flags = NLM_F_MULTI;
	r->len += NLMSG_ALIGN(to->nlmsg_len);
}

/* What nm_nftables_schema_ensure() creates is as it should be, told back as it was sent. */
static void test_ensured(enum nm_family family)
{
	nm_autobatch struct nm_nft_batch *txn = nm_nft_batch_new(7);
	static struct reply sent, replies[3];
	const struct nlmsghdr *msg = NULL;
	struct nm_nftables_schema form;
	bool ready;
	struct nm_err err;
	struct kernel k;

	memset(replies, 0, sizeof(replies));
	ready = txn && nm_nftables_schema_ensure(txn, family, &no_lengths, &err) == 0 &&
		kernel_commit(txn, &sent) && kernel_open(&k);
	if (!tap_ok(ready, "a table of our own: preparation"))
		return;
	while ((msg = reply_next(&sent, msg))) {
		unsigned type = msg->nlmsg_type & 0xff;
		unsigned i = type == NFT_MSG_NEWTABLE ? 0 : type == NFT_MSG_NEWCHAIN ? 1 : 2;

		copy(&replies[i], k.nl.seq + 1 + i, msg);
	}
	for (uint32_t i = 0; i < 3; i++) {
		if (i)
			reply_done(&replies[i], k.nl.seq + 1 + i, 0);
		else
			reply_at(&replies[i], 0)->nlmsg_flags = 0;
		ready &= kernel_send(&k, &replies[i]);
	}
	tap_ok(ready && nm_nftables_schema_read(&k.nl, family, &form, &err) == 0 && !form.loaded,
		"a table of our own is read");
	tap_is(form.wrong, "", "it is as it should be");
	kernel_close(&k);
}

/* What the kernel refuses; and others have changed something meanwhile. */
static void test_trouble(void)
{
	bool sent = true;
	struct reply r = {.len = 0};
	struct nm_nftables_schema form;
	struct nm_err err = {0};
	struct kernel k;

	if (!tap_ok(kernel_open(&k), "preparation"))
		return;
	reply_error(&r, k.nl.seq + 1, EPERM);
	tap_ok(kernel_send(&k, &r) && nm_nftables_schema_read(&k.nl, NM_IPV4, &form, &err) < 0, "a refusal");
	tap_is(err.msg, "looking for table 'natmap': Operation not permitted", "it says why");
	for (uint32_t i = 1; i <= 2; i++) {
		r.len = 0;
		if (i == 1)
			reply_table(&r, k.nl.seq + i, &awake);
		else
			reply_done(&r, k.nl.seq + i, NLM_F_DUMP_INTR);
		sent &= kernel_send(&k, &r);
	}
	tap_ok(sent && nm_nftables_schema_read(&k.nl, NM_IPV4, &form, &err) < 0 &&
			err.kind == NM_ERR_INTERRUPTED,
		"others' changes fail");
	kernel_close(&k);
}

int main(void)
{
	test_find();
	test_forms();
	test_ensured(NM_IPV4);
	test_ensured(NM_IPV6);
	test_trouble();
	return tap_done();
}
