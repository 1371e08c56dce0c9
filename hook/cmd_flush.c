/* natmap flush: removes all that natmap made, and prints what stays. */
#include "admin/flush.h"
#include "host/forwarding.h"
#include "host/sandbox.h"
#include "cmd.h"

static void print_left(const struct nm_flush_left *left, FILE *out)
{
	static const char *const programs[NM_FAMILY_MAX] = {"iptables", "ip6tables"};

	nm_each_family(f, NM_BOTH_FAMILIES) {
		for (enum nm_table t = 0; t < NM_TABLE_MAX; t++)
			if (left->iptables.chain[f][t])
				fprintf(out, "chain NATMAP stays: others use it; see %s -t %s -S\n",
					programs[f], nm_rule_table_name(t));
		if (left->forwarding[f])
			fprintf(out, "forwarding stays on: %s = 1\n", nm_forwarding_global_key[f]);
	}
}

int nm_cmd_flush(const struct nm_invocation *inv, struct nm_err *err)
{
	struct nm_flush_left left;
	bool force;

	if (nm_cmd_flag(inv, "--force", &force, err) < 0 || nm_sandbox_enter(false, err) < 0 ||
		nm_flush(inv->state_dir, force, &left, err) < 0)
		return -1;
	print_left(&left, inv->out);
	return 0;
}
