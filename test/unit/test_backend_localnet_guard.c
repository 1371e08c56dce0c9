/* backend/localnet_guard.c: guards are looked for in a whole dump. */
#include "backend/localnet_guard.h"

#include <linux/netfilter/nf_tables.h>

#include "kernel.h"
#include "tap.h"

/* Nothing comes in the first dump, which is interrupted; the rule of the second has no handle. */
static bool answer(struct kernel *k)
{
	struct reply r = {.len = 0};

	if (!kernel_open(k))
		return false;
	reply_done(&r, k->nl.seq + 1, NLM_F_DUMP_INTR);
	if (!kernel_send(k, &r))
		return false;
	r.len = 0;
	reply_end(&r, reply_begin(&r, k->nl.seq + 2, NFT_MSG_NEWRULE));
	reply_done(&r, k->nl.seq + 2, 0);
	reply_done(&r, k->nl.seq + 3, 0);
	return kernel_send(k, &r);
}

static void test_interrupted(void)
{
	static const struct nm_records *const no_lists[] = {NULL};
	struct nm_desired desired = {.rules = {0}};
	struct nm_err err = {.msg = ""};
	struct kernel k;
	size_t kept;

	if (!tap_ok(answer(&k), "preparation"))
		return;
	tap_ok(nm_localnet_guard_release(&k.nl, no_lists, NM_BACKEND_IPTABLES, &desired, &kept, &err) < 0,
		"what comes after an interruption is read");
	tap_is(err.msg, "reading the rules of table 'raw': a rule without handle in the kernel's reply",
		"and judged");
	kernel_close(&k);
	nm_desired_done(&desired);
}

int main(void)
{
	test_interrupted();
	return tap_done();
}
