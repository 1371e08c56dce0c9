/* natmap gc: withdraws containers that are gone; prints their ids. */
#include <string.h>

#include "admin/gc.h"
#include "host/sandbox.h"
#include "cmd.h"

static int collect(const struct nm_invocation *inv, FILE *out, struct nm_err *err)
{
	struct nm_records withdrawn = {0};
	int rc = nm_gc(inv->state_dir, &withdrawn, err);

	for (size_t i = 0; i < withdrawn.n; i++)
		if (&withdrawn.v[i] == nm_records_newest(&withdrawn, withdrawn.v[i].id))
			fprintf(out, "%s\n", withdrawn.v[i].id);
	nm_records_done(&withdrawn);
	return rc;
}

int nm_cmd_gc(const struct nm_invocation *inv, FILE *out, struct nm_err *err)
{
	const char *id = NULL;

	if (nm_cmd_value(inv, "--id", &id, err) < 0 || nm_sandbox_enter(false, err) < 0)
		return -1;
	if (!id)
		return collect(inv, out, err);
	if (nm_cmd_check_id(id, err) < 0)
		return -1;
	return nm_gc_id(inv->state_dir, id, err) < 0 ? nm_wrap(err, "container '%s'", id) : 0;
}
