/* natmap gc: withdraws containers that are gone; prints their ids. */
#include "admin/gc.h"
#include "host/sandbox.h"
#include "cmd.h"

/* The configuration shapes only the rules of containers that stay. */
static int collect(const struct nm_invocation *inv, FILE *out, struct nm_err *err)
{
	struct nm_records withdrawn = {0};
	struct nm_config config;
	struct nm_err trouble;
	bool loaded;
	int rc;

	nm_config_init(&config);
	loaded = nm_config_load(&config, inv->config_path, &trouble) == 0;
	rc = nm_gc(loaded ? &config : NULL, inv->state_dir, &withdrawn, err);
	for (size_t i = 0; i < withdrawn.n; i++)
		fprintf(out, "%s\n", withdrawn.v[i].id);
	nm_records_done(&withdrawn);
	nm_config_done(&config);
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
