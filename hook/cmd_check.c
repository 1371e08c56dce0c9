/* natmap check: prints each difference between kernel, state and configuration in one line. */
#include "admin/check.h"
#include "base/log.h"
#include "host/sandbox.h"
#include "input/config_file.h"
#include "input/json.h"
#include "cmd.h"

enum { LINE_SIZE = 4096 };

static void print_text(const struct nm_differences *d, FILE *out)
{
	char line[LINE_SIZE];

	for (size_t i = 0; i < d->n; i++)
		fprintf(out, "%s\n", nm_log_escape(d->v[i].text, line, sizeof(line)));
}

static int print_json(const struct nm_differences *d, const struct nm_invocation *inv, struct nm_err *err)
{
	nm_autojsonwriter struct nm_json_writer *w = nm_json_writer_new();

	nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
	nm_json_write_begin(w, "differences", NM_JSON_ARRAY);
	for (size_t i = 0; i < d->n; i++) {
		nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
		nm_json_write_member(w, "kind", d->v[i].kind);
		nm_json_write_member(w, "text", d->v[i].text);
		nm_json_write_end(w, NM_JSON_OBJECT);
	}
	nm_json_write_end(w, NM_JSON_ARRAY);
	nm_json_write_end(w, NM_JSON_OBJECT);
	return nm_cmd_print_json(inv, w, err);
}

int nm_cmd_check(const struct nm_invocation *inv, struct nm_err *err)
{
	NM_CLEANUP(nm_differences_done) struct nm_differences found = {0};
	nm_autoconfig struct nm_config config = {0};
	bool json;

	if (nm_cmd_flag(inv, "--json", &json, err) < 0 || nm_sandbox_enter(true, err) < 0 ||
		nm_config_file_load(&config, inv->config_path, err) < 0 ||
		nm_config_require_statics(&config, err) < 0 ||
		nm_check(&config, inv->state_dir, &found, err) < 0)
		return -1;
	if (!json)
		print_text(&found, inv->out);
	else if (print_json(&found, inv, err) < 0)
		return -1;
	return found.n > 0 ? nm_fail(err, NM_ERR_DIFFERS, "%zu differences", found.n) : 0;
}
