/* natmap remove: withdraws ports of a running container, or all of them. */
#include "admin/add_remove.h"
#include "host/sandbox.h"
#include "input/oci_state.h"
#include "cmd.h"

/* The rules of what stays follow the configuration; without any, it does not matter. */
static int remove_some(const struct nm_invocation *inv, const char *id, const char *specs, struct nm_err *err)
{
	struct nm_mappings mappings = {0};
	struct nm_config config;
	int rc;

	nm_config_init(&config);
	rc = nm_config_load(&config, inv->config_path, err);
	if (rc == 0)
		rc = nm_mappings_parse(specs, &mappings, err);
	if (rc == 0)
		rc = nm_add_remove_remove(id, &mappings, &config, inv->state_dir, err);
	nm_mappings_done(&mappings);
	nm_config_done(&config);
	return rc;
}

int nm_cmd_remove(const struct nm_invocation *inv, FILE *out, struct nm_err *err)
{
	const char *id = inv->argc > 0 ? inv->argv[0] : NULL;
	nm_autofree char *specs = NULL;
	int rc;

	(void)out;
	if (!id)
		return nm_fail(err, NM_ERR_CONFIG, "container id missing: see natmap help remove");
	if (id[0] == '-')
		return nm_fail(err, NM_ERR_CONFIG, "option '%s' is unknown: see natmap help remove", id);
	if (nm_oci_state_id_invalid(id))
		return nm_fail(err, NM_ERR_CONFIG, "container id '%s' %s", id, nm_oci_state_id_invalid(id));
	if (nm_cmd_join(inv, 1, &specs, err) < 0 || nm_sandbox_enter(false, err) < 0)
		return -1;
	rc = inv->argc > 1 ? remove_some(inv, id, specs, err)
			   : nm_add_remove_remove(id, NULL, NULL, inv->state_dir, err);
	return rc < 0 ? nm_wrap(err, "container '%s'", id) : 0;
}
