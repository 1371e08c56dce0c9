/* natmap reload: restores rules and settings. */
#include "admin/reload.h"
#include "host/sandbox.h"
#include "input/config_file.h"
#include "cmd.h"

int nm_cmd_reload(const struct nm_invocation *inv, struct nm_err *err)
{
	nm_autoconfig struct nm_config config = {0};
	bool force;

	if (nm_cmd_flag(inv, "--force", &force, err) < 0 || nm_sandbox_enter(true, err) < 0)
		return -1;
	if (nm_config_file_load(&config, inv->config_path, err) < 0 ||
		nm_config_require_statics(&config, err) < 0) {
		nm_reload_note_failure(inv->state_dir);
		return -1;
	}
	return nm_reload(&config, inv->state_dir, force, err);
}
