/*
 * The least that does to the kernel what `natmap hook createRuntime` does for a container: reads stdin, loads
 * the same system call filter, sends the same batch of rules to chains that are there, and leaves in the same
 * way. The filter and the batch come from natmap's own functions, so they are the same by construction. It
 * has no state, no lock, no JSON, no configuration, looks into no namespace, reads no chain and changes no
 * setting: what natmap needs more time for than this is what those cost.
 *
 * minimal add:    publishes 8080:80 of container "bench", 10.88.0.3/16 and fd00:88::3/64 on br0
 * minimal remove: takes that back (this is not measured)
 */
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "host/detach.h"
#include "host/sandbox.h"
#include "iptables/layout.h"
#include "iptables/table.h"
#include "nft/batch.h"
#include "nft/rules.h"

enum { STDIN_MAX = 65536 };

static const char id[] = "bench", guard[] = "@localnet/br0";

static int collect(struct nm_rules *own, struct nm_err *err)
{
	static const struct nm_layout_options options = {.localhost = true, .hairpin = true};
	static const struct nm_mapping mapping = {
		.families = NM_IPV4_BIT | NM_IPV6_BIT,
		.any_host = true,
		.protocol = IPPROTO_TCP,
		.host_port = 8080,
		.container_port = 80,
		.count = 1,
	};
	static const struct nm_publication pub = {
		.id = id,
		.families = NM_IPV4_BIT | NM_IPV6_BIT,
		.address = {{.addr = {NM_IPV4, {10, 88, 0, 3}}, .len = 16},
			{.addr = {NM_IPV6, {0xfd, 0, 0, 0x88, [15] = 3}}, .len = 64}},
		.mappings = &mapping,
		.n_mappings = 1,
	};

	if (nm_iptables_layout(&pub, &options, own, err) < 0)
		return -1;
	return nm_iptables_layout_guard(guard, own, err);
}

static int fill(struct nm_nft_batch *txn, const struct nm_rules *own, struct nm_err *err)
{
	for (size_t i = 0; i < own->n; i++) {
		const struct nm_rule *rule = &own->v[i];
		const struct nm_edit edit = {
			.place = {rule->family, rule->table, rule->chain}, .desired = rule, .add = true};

		if (nm_iptables_table_edit(txn, &edit, err) < 0)
			return -1;
	}
	return 0;
}

static int add(struct nm_netlink *nl, struct nm_err *err)
{
	nm_autobatch struct nm_nft_batch *txn = NULL;
	struct nm_rules own = {0};
	enum nm_nft_outcome outcome;
	uint32_t generation;

	if (collect(&own, err) < 0 || nm_nft_transaction_generation(nl, &generation, err) < 0)
		return -1;
	txn = nm_nft_batch_new(generation);
	if (!txn || fill(txn, &own, err) < 0 || nm_nft_batch_commit(txn, nl->fd, &outcome, err) < 0)
		return -1;
	nm_rules_done(&own);
	return outcome == NM_NFT_COMMITTED ? 0
					   : nm_fail(err, NM_ERR_FAILED, "the ruleset was changed meanwhile");
}

static int prepare(void *scope, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	struct nm_iptables_written written = {0};

	return nm_iptables_table_write(scope, attempt, &written, err);
}

static int take_back(struct nm_netlink *nl, struct nm_err *err)
{
	static const char *const owners[] = {id, guard};
	static const struct nm_rules none;
	struct nm_iptables_scope scope = {
		.desired = &none, .owners = owners, .n_owners = 2, .look_for_old = true};

	return nm_nft_transaction_run(nl, NM_IPV4_BIT | NM_IPV6_BIT, false, prepare, &scope, NULL, err);
}

int main(int argc, char **argv)
{
	nm_autofree char *text = NULL;
	struct nm_netlink nl;
	struct nm_err err = {0};
	bool adds = argc == 2 && !strcmp(argv[1], "add");
	size_t len;

	nm_sandbox_reset_signals();
	if (nm_io_read_all(STDIN_FILENO, STDIN_MAX, "stdin", &text, &len, &err) < 0 ||
		nm_sandbox_enter(true, &err) < 0 || nm_netlink_open(NETLINK_NETFILTER, &nl, &err) < 0 ||
		(adds ? add(&nl, &err) : take_back(&nl, &err)) < 0) {
		fprintf(stderr, "minimal: %s\n", err.msg);
		return 1;
	}
	nm_detach_keep(nl.fd);
	nm_detach_exit(0);
}
