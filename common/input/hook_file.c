#include "input/hook_file.h"

#include <string.h>

#include "base/io.h"
#include "input/json_value.h"

enum { FILE_MAX = 1024 * 1024 };

/* "hook.path" of a hook file, "hooks.STAGE[N].path" of a configuration. */
static bool is_program(const struct nm_json_event *e)
{
	const struct nm_json_step *path = e->path;

	return e->type == NM_JSON_STRING &&
		(nm_json_value_at(e, "hook", "path", NULL) ||
			(e->depth == 4 && !strcmp(path[0].key, "hooks") && path[2].is_index &&
				!strcmp(path[3].key, "path")));
}

/* A key of "when.annotations" is an expression, in which dots have a backslash. */
static bool is_condition(const struct nm_json_event *e)
{
	return e->depth == 3 && !strcmp(e->path[0].key, "when") && !strcmp(e->path[1].key, "annotations") &&
		strstr(e->path[2].key, "natmap");
}

static bool is_natmap(const char *program)
{
	const char *slash = strrchr(program, '/');

	return !strcmp(slash ? slash + 1 : program, "natmap");
}

static int on_value(void *ctx, const struct nm_json_event *e, struct nm_err *err)
{
	struct nm_hook_file *file = ctx;
	nm_autofree char *program = NULL;

	file->is_ours |= is_condition(e);
	if (!is_program(e))
		return 0;
	if (nm_json_value_string(e, NM_ERR_REFUSED, &program, err) < 0)
		return -1;
	if (file->program && !is_natmap(program))
		return 0;
	file->is_ours |= is_natmap(program);
	free(file->program);
	file->program = nm_steal(&program);
	return 0;
}

int nm_hook_file_read(const char *path, struct nm_hook_file *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_hook_file_done) struct nm_hook_file file = {0};
	nm_autofree char *text = NULL;
	size_t len;

	if (nm_io_read_file(path, FILE_MAX, &text, &len, err) < 0 ||
		nm_json_parse(text, len, false, on_value, &file, err) < 0)
		return nm_wrap(err, "hook file '%s'", path);
	*ret = nm_steal(&file);
	return 0;
}

void nm_hook_file_done(struct nm_hook_file *file)
{
	free(nm_steal(&file->program));
	file->is_ours = false;
}
