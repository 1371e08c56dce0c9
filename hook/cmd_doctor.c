/* natmap doctor: prints what on this host stops published ports from working, and the command against it. */
#include <string.h>

#include "admin/doctor.h"
#include "base/text.h"
#include "host/sandbox.h"
#include "input/config_file.h"
#include "state/state.h"
#include "cmd.h"

/* The command that calls this natmap, with its options. */
static void print_natmap(const struct nm_invocation *inv, struct nm_text *t)
{
	char word[NM_TEXT_WORD_SIZE];

	nm_text_put(t, "natmap");
	if (inv->config_path)
		nm_text_put(t, " --config %s", nm_text_word(inv->config_path, word));
	if (strcmp(inv->state_dir, NM_STATE_DIR) != 0)
		nm_text_put(t, " --state-dir %s", nm_text_word(inv->state_dir, word));
}

int nm_cmd_doctor(const struct nm_invocation *inv, struct nm_err *err)
{
	nm_autoconfig struct nm_config config = {0};
	char natmap[2 * NM_TEXT_WORD_SIZE + 64];
	struct nm_doctor d = {
		.config = &config, .state_dir = inv->state_dir, .natmap = natmap, .out = inv->out};
	size_t n;

	if (nm_cmd_no_more_than(inv, 0, err) < 0 || nm_sandbox_enter(true, err) < 0 ||
		nm_config_file_load(&config, inv->config_path, err) < 0)
		return -1;
	print_natmap(inv, &(struct nm_text){.buf = natmap, .size = sizeof(natmap)});
	n = nm_doctor_examine(&d);
	if (n == 0)
		return 0;
	return nm_fail(err, NM_ERR_FAILED, "%zu %s on this host %s published ports from working", n,
		n == 1 ? "thing" : "things", n == 1 ? "stops" : "stop");
}
