/* nft/transaction.c: what others interrupt is read and decided again. */
#include "nft/transaction.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>

#include "kernel.h"
#include "tap.h"

/* Is interrupted so many times, then fails or comes out. */
struct script {
	unsigned interruptions, calls;
	bool fails;
};

static int play(struct script *s, struct nm_err *err)
{
	if (s->calls++ < s->interruptions)
		return nm_fail(err, NM_ERR_INTERRUPTED, "others changed it meanwhile");
	return s->fails ? nm_fail(err, NM_ERR_TAKEN, "no") : 0;
}

static int on_read(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	(void)nl;
	return play(ctx, err);
}

static int on_prepare(void *ctx, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	(void)attempt;
	return play(ctx, err);
}

static const struct {
	const char *name;
	struct script script;
	unsigned calls;
	const char *says; /* "": it comes out */
} rows[] = {
	{"at once", {0, 0, false}, 1, ""},
	{"a failure", {0, 0, true}, 1, "no"},
	{"interrupted once", {1, 0, false}, 2, ""},
	{"then a failure", {1, 0, true}, 2, "no"},
	{"15 times", {15, 0, false}, 16, ""},
	{"for ever", {99, 0, false}, 16, "others changed the ruleset 16 times meanwhile"},
};

static void check(const char *name, size_t i, int rc, const struct script *s, const struct nm_err *err)
{
	tap_ok(s->calls == rows[i].calls, "%s, %s: %u calls", name, rows[i].name, rows[i].calls);
	if (rows[i].says[0])
		tap_ok(rc < 0 && strstr(err->msg, rows[i].says) && err->kind != NM_ERR_INTERRUPTED,
			"%s, %s: fails with '%s'", name, rows[i].name, err->msg);
	else
		tap_ok(rc == 0, "%s, %s: comes out", name, rows[i].name);
}

/* The kernel tells its generation as often as it may be asked. */
static void answer_generations(struct kernel *k)
{
	for (uint32_t seq = k->nl.seq + 1; seq <= k->nl.seq + 16; seq++) {
		struct reply r = {.len = 0};
		struct nm_message *msg = reply_begin(&r, seq, NFT_MSG_NEWGEN);

		nm_message_put_be32(msg, NFTA_GEN_ID, seq);
		reply_end(&r, msg);
		tap_ok(kernel_send(k, &r), "a generation");
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct script read = rows[i].script, prepare = read;
		struct nm_err err = {.msg = ""};
		struct kernel k;
		struct nm_nft_generations moved = {0};
		uint32_t first;
		int rc;

		if (!tap_ok(kernel_open(&k), "preparation"))
			return tap_done();
		rc = nm_nft_transaction_read(&k.nl, on_read, &read, &err);
		check("read", i, rc, &read, &err);
		first = k.nl.seq + 1;
		answer_generations(&k);
		rc = nm_nft_transaction_run(&k.nl, NM_IPV4_BIT, false, on_prepare, &prepare, &moved, &err);
		check("run", i, rc, &prepare, &err);
		tap_ok(rc < 0 || (moved.before == first + prepare.calls - 1 && moved.after == moved.before),
			"run, %s: the generation of the last attempt, which had nothing to commit",
			rows[i].name);
		kernel_close(&k);
	}
	return tap_done();
}
