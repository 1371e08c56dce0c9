/* natmap gc: withdraws containers that are gone; prints their ids. */
#include "admin/gc.h"
#include "host/sandbox.h"
#include "input/config_file.h"
#include "cmd.h"

/* The configuration shapes only the rules of containers that stay. */
static int collect(const struct nm_invocation *inv, struct nm_err *err)
{
	nm_autorecords struct nm_records withdrawn = {0};
	nm_autoconfig struct nm_config config = {0};
	struct nm_err trouble;
	bool loaded = nm_config_file_load(&config, inv->config_path, &trouble) == 0;

	if (nm_gc(loaded ? &config : NULL, inv->state_dir, &withdrawn, err) < 0)
		return -1;
	for (size_t i = 0; i < withdrawn.n; i++)
		fprintf(inv->out, "%s\n", withdrawn.v[i].id);
	return 0;
}

int nm_cmd_gc(const struct nm_invocation *inv, struct nm_err *err)
{
	const char *id = NULL;

	if (nm_cmd_value(inv, "--id", &id, err) < 0 || (id && nm_cmd_check_id(id, err) < 0) ||
		nm_sandbox_enter(false, err) < 0)
		return -1;
	if (!id)
		return collect(inv, err);
	return nm_gc_id(inv->state_dir, id, err) < 0 ? nm_wrap(err, "container '%s'", id) : 0;
}
