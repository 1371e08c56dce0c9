/* natmap remove: withdraws ports of a running container, or all of them. */
#include "admin/add_remove.h"
#include "host/sandbox.h"
#include "input/config_file.h"
#include "cmd.h"

/* The ports that stay need the configuration. */
static int remove_some(const struct nm_invocation *inv, const char *id, const char *specs, struct nm_err *err)
{
	NM_CLEANUP(nm_mappings_done) struct nm_mappings mappings = {0};
	nm_autoconfig struct nm_config config = {0};

	if (nm_config_file_load(&config, inv->config_path, err) < 0 ||
		nm_mappings_parse(specs, &mappings, err) < 0)
		return -1;
	return nm_add_remove_remove(id, &mappings, &config, inv->state_dir, err);
}

/* Only a container whose network is natmap's needs the configuration. */
static int remove_all(const struct nm_invocation *inv, const char *id, struct nm_err *err)
{
	nm_autoconfig struct nm_config config = {0};
	bool is_read = nm_config_file_load(&config, inv->config_path, err) == 0;

	return nm_add_remove_remove(id, NULL, is_read ? &config : NULL, inv->state_dir, err);
}

int nm_cmd_remove(const struct nm_invocation *inv, struct nm_err *err)
{
	const char *id = inv->argc > 0 ? inv->argv[0] : NULL;
	nm_autofree char *specs = NULL;
	int rc;

	if (!id)
		return nm_fail(err, NM_ERR_CONFIG, "container id missing: see natmap help remove");
	if (id[0] == '-')
		return nm_cmd_unexpected(id, err);
	if (nm_cmd_check_id(id, err) < 0 || nm_cmd_join(inv, 1, &specs, err) < 0 ||
		nm_sandbox_enter(false, err) < 0)
		return -1;
	rc = inv->argc > 1 ? remove_some(inv, id, specs, err) : remove_all(inv, id, err);
	return rc < 0 ? nm_wrap(err, "container '%s'", id) : 0;
}
