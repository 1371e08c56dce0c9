/* natmap reload: crash recovery. */
#include "admin/reload.h"
#include "host/sandbox.h"
#include "input/config.h"
#include "cmd.h"

int nm_cmd_reload(const struct nm_invocation *inv, FILE *out, struct nm_err *err)
{
	struct nm_config config;
	bool force = false;
	int rc;

	(void)out;
	if (nm_cmd_flag(inv, "--force", &force, err) < 0 || nm_sandbox_enter(false, err) < 0)
		return -1;
	nm_config_init(&config);
	rc = nm_config_load(&config, inv->config_path, err);
	if (rc == 0)
		rc = nm_config_require_statics(&config, err);
	if (rc == 0)
		rc = nm_reload(&config, inv->state_dir, force, err);
	nm_config_done(&config);
	return rc;
}
