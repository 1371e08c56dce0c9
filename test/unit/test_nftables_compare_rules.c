/* nftables/compare_rules.c: the rules that are there against those that should be; and the changes. */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "host/attrs.h"
#include "nft/expr.h"
#include "nft/dump.h"
#include "nftables/compare_rules.h"
#include "kernel.h"
#include "tap.h"

enum { RULES_MAX = 128, TEXT_MAX = 1024 };

/* Lengths that have rules of the comments natmap:@masquerade/8 and natmap:@allowed/24. */
static const struct nm_nftables_prefix_lengths with_lens = {
	.masquerade = {[8] = true}, .allowed = {[24] = true}};
static const struct nm_nftables_prefix_lengths no_lens;
static const struct nm_rules no_statics;

/* What is there: rules by their numbers in `all`, the base with those lengths; each has its number + 1 as
 * handle. */
static struct nm_nftables_rules all;
struct there {
	size_t v[RULES_MAX], n;
	const char *first_comment; /* instead of that of the first rule; NULL: it is as it was */
};

static struct there everything(void)
{
	struct there t = {.n = all.n};

	for (size_t i = 0; i < t.n; i++)
		t.v[i] = i;
	return t;
}

static struct there without(size_t from, size_t n)
{
	struct there t = everything();

	memmove(&t.v[from], &t.v[from + n], (t.n - from - n) * sizeof(t.v[0]));
	t.n -= n;
	return t;
}

static size_t find(const char *chain)
{
	size_t i = 0;

	while (i < all.n && strcmp(all.v[i].chain, chain) != 0)
		i++;
	return i;
}

static void put_rule(struct reply *r, uint32_t seq, size_t i, const char *comment)
{
	struct nm_message *msg = reply_begin(r, seq, NFT_MSG_NEWRULE);
	const struct nm_nftables_rule *rule = &all.v[i];

	nm_message_put_string(msg, NFTA_RULE_CHAIN, rule->chain);
	nm_message_put_be64(msg, NFTA_RULE_HANDLE, i + 1);
	nm_message_put(msg, NFTA_RULE_EXPRESSIONS, rule->expressions, rule->len);
	if (comment[0])
		nm_expr_put_comment(msg, NFTA_RULE_USERDATA, comment);
	reply_end(r, msg);
}

static bool answer(const struct kernel *k, const struct there *t)
{
	struct reply r = {.len = 0};
	bool sent = true;

	for (size_t i = 0; i < t->n; i++) {
		r.len = 0;
		put_rule(&r, k->nl.seq + 1, t->v[i],
			!i && t->first_comment ? t->first_comment : all.v[t->v[i]].comment);
		sent &= kernel_send(k, &r);
	}
	r.len = 0;
	reply_done(&r, k->nl.seq + 1, 0);
	return sent && kernel_send(k, &r);
}

/* "+CHAIN 'COMMENT';" what is missing, "-..." what is stale. */
static int note(void *ctx, const struct nm_nftables_edit *edit, struct nm_err *err)
{
	char *text = ctx;
	size_t used = strlen(text);

	if (edit->is_element || (edit->kind != NM_EDIT_MISSING && edit->kind != NM_EDIT_STALE))
		return nm_fail(err, NM_ERR_FAILED, "no such difference");
	(void)snprintf(text + used, TEXT_MAX - used, "%c%s '%.*s';",
		edit->kind == NM_EDIT_MISSING ? '+' : '-', edit->where, (int)edit->tag_len, edit->tag);
	return 0;
}

/* The rules among the changes: "+CHAIN HANDLE;" before that one or, 0, at the end, and "-CHAIN HANDLE;". */
static void say_changes(struct nm_nft_batch *txn, char text[static TEXT_MAX])
{
	const struct nlmsghdr *msg = NULL;
	static struct reply sent;
	size_t used = 0;

	text[0] = '\0';
	if (nm_nft_batch_is_idle(txn))
		return;
	tap_ok(kernel_commit(txn, &sent), "changes are sent");
	while ((msg = reply_next(&sent, msg))) {
		struct nm_attrs attrs = nm_attrs_of(msg, sizeof(struct nfgenmsg));
		unsigned type = msg->nlmsg_type & 0xff;
		uint64_t number = 0;
		char chain[32] = "";

		if (type != NFT_MSG_NEWRULE && type != NFT_MSG_DELRULE)
			continue;
		(void)nm_attrs_string(attrs, NFTA_RULE_CHAIN, chain, sizeof(chain));
		(void)nm_attrs_get(attrs, type == NFT_MSG_NEWRULE ? NFTA_RULE_POSITION : NFTA_RULE_HANDLE,
			&number, sizeof(number));
		/* with a handle, appended is behind it */
		used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%c%s %llu;",
			type == NFT_MSG_NEWRULE && !number != !!(msg->nlmsg_flags & NLM_F_APPEND) ? "!" : "",
			type == NFT_MSG_NEWRULE ? '+' : '-', chain, (unsigned long long)be64toh(number));
	}
}

static void check(const char *name, const struct there *t, const struct nm_nftables_prefix_lengths *lengths,
	const struct nm_rules *statics, const char *notes, const char *changes)
{
	nm_autobatch struct nm_nft_batch *txn = nm_nft_batch_new(7);
	char text[TEXT_MAX] = "", sent[TEXT_MAX];
	const struct nm_nftables_diff_output output = {.txn = txn, .note = note, .ctx = text};
	struct nm_err err = {0};
	struct kernel k;

	if (!tap_ok(txn && kernel_open(&k) && answer(&k, t), "%s: preparation", name))
		return;
	tap_ok(nm_nftables_compare_rules(&k.nl, NM_IPV4, lengths, statics, false, &output, &err) == 0,
		"%s: compared", name);
	tap_is(text, notes, "%s: differences", name);
	say_changes(txn, sent);
	tap_is(sent, changes, "%s: changes", name);
	kernel_close(&k);
}

static struct there swapped(size_t i)
{
	struct there t = everything();

	t.v[i] = i + 1;
	t.v[i + 1] = i;
	return t;
}

static struct there twice(size_t i)
{
	struct there t = everything();

	memmove(&t.v[i + 1], &t.v[i], (t.n - i) * sizeof(t.v[0]));
	t.n++;
	return t;
}

#define MASQUERADED(sign) sign "masqueraded 'natmap:@masquerade/8';"
#define ALLOWED(sign)     sign "allowed 'natmap:@allowed/24';"
#define THRICE(what)      what what what

static void test_rules(void)
{
	const size_t lengths = find("masqueraded"), pass = find("pass"), output = find("output");
	struct there t = everything();
	char text[TEXT_MAX];

	check("all", &t, &with_lens, &no_statics, "", "");
	check("all, of which some are not asked for", &t, &no_lens, NULL, "", "");
	t = without(pass, 1);
	check("the only one of its chain is missing", &t, &with_lens, &no_statics, "+pass '';", "+pass 0;");
	t = without(output, 1);
	(void)snprintf(text, sizeof(text), "+output %zu;", output + 2);
	check("the first one is missing", &t, &with_lens, &no_statics, "+output '';", text);
	t = swapped(output);
	(void)snprintf(text, sizeof(text), "+output %zu;-output %zu;", output + 2, output + 1);
	check("two are swapped", &t, &with_lens, &no_statics, "+output '';-output '';", text);
	t = everything();
	t.first_comment = "mine";
	check("one has another comment", &t, &with_lens, &no_statics, "-guard 'mine';+guard '';",
		"-guard 1;+guard 2;");
	t = twice(pass);
	(void)snprintf(text, sizeof(text), "-pass %zu;", pass + 1);
	check("one is there twice", &t, &with_lens, &no_statics, "-pass '';", text);
	t = without(lengths, all.n - lengths);
	check("lengths are missing", &t, &with_lens, NULL,
		THRICE(ALLOWED("+") ALLOWED("+")) THRICE(MASQUERADED("+")),
		"+allowed 0;+allowed 0;+allowed 0;+allowed 0;+allowed 0;+allowed 0;"
		"+masqueraded 0;+masqueraded 0;+masqueraded 0;");
}

/* Lengths that nobody asks for go where statics tell that all is to be as it should, and stay else. */
static void test_stale_lens(void)
{
	char expected[TEXT_MAX] = "", *end = expected;
	const struct there t = everything();

	for (int chain = 0; chain < 2; chain++)
		for (size_t i = 0; i < all.n; i++)
			if (!strcmp(all.v[i].chain, chain ? "masqueraded" : "allowed"))
				end += sprintf(end, "-%s %zu;", all.v[i].chain, i + 1);
	check("lengths that are stale", &t, &no_lens, &no_statics,
		THRICE(ALLOWED("-") ALLOWED("-")) THRICE(MASQUERADED("-")), expected);
}

/* Nothing is read then: whatever is there goes with the table. */
static void test_anew(void)
{
	char text[TEXT_MAX] = "", asked[KERNEL_ASKED_SIZE];
	const struct nm_nftables_diff_output output = {.note = note, .ctx = text};
	const struct there t = everything();
	size_t missing = 0;
	struct nm_err err;
	struct kernel k;

	if (!tap_ok(kernel_open(&k) && answer(&k, &t), "anew: preparation"))
		return;
	tap_ok(nm_nftables_compare_rules(&k.nl, NM_IPV4, &no_lens, &no_statics, true, &output, &err) == 0,
		"anew: compared");
	for (const char *p = text; (p = strstr(p, ";")); p++)
		missing++;
	tap_ok(missing == find("masqueraded") && !strchr(text, '-'), "anew: all rules are missing");
	tap_is(kernel_asked(&k, asked), "", "anew: nothing is asked");
	kernel_close(&k);
}

int main(void)
{
	struct nm_err err;

	if (tap_ok(nm_nftables_chains_build(NM_IPV4, &with_lens, &all, &err) == 0 && all.n < RULES_MAX,
		    "the rules of the base")) {
		test_rules();
		test_stale_lens();
		test_anew();
	}
	nm_nftables_rules_done(&all);
	return tap_done();
}
