/* Finds the row for a path in the document, and refuses unknown and repeated keys. */
#include "input/config_schema.h"

#include <net/if.h>
#include <string.h>

#include "input/json_value.h"

int nm_config_schema_fail_expected(const struct nm_config_value *value, struct nm_err *err)
{
	char path[NM_JSON_PATH_MAX];

	return nm_fail(err, NM_ERR_CONFIG, "%s: expected %s", nm_json_value_path(value->event, path),
		value->row->expected);
}

bool nm_config_schema_is_interface(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < IF_NAMESIZE && !strpbrk(name, "/: \"'\\") && name[len - 1] != '+' &&
		strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* True when *path goes on with this step, which it then steps over. A key with a dot in it matches nothing.
 */
static bool take_step(const struct nm_json_step *step, const char **path)
{
	const char *text = step->is_index ? "[]" : step->key;
	size_t len = step->is_index ? strlen(text) : strcspn(*path, ".[");

	if (len == 0 || strlen(text) != len || strncmp(*path, text, len) != 0)
		return false;
	*path += len;
	*path += **path == '.';
	return true;
}

static bool is_at(const struct nm_json_event *event, const char *path)
{
	for (size_t i = 0; i < event->depth; i++)
		if (!take_step(&event->path[i], &path))
			return false;
	return *path == '\0';
}

static const struct nm_config_row *find_row(
	const struct nm_config_row *rows, const struct nm_json_event *event)
{
	for (; rows->path; rows++)
		if (is_at(event, rows->path))
			return rows;
	return NULL;
}

/* A new element of an array: none of its members has been read. */
static void begin_element(const struct nm_config_row *rows, const char *path, uint64_t *seen)
{
	size_t len = strlen(path);

	for (size_t i = 0; rows[i].path; i++)
		if (strncmp(rows[i].path, path, len) == 0 && rows[i].path[len] == '.')
			*seen &= ~(UINT64_C(1) << i);
}

static int read_value(struct nm_config_value *v, struct nm_err *err)
{
	bool is_string = v->row->type == NM_JSON_STRING;

	if (is_string && nm_json_value_string(v->event, NM_ERR_CONFIG, &v->text, err) < 0)
		return err->kind == NM_ERR_FAILED ? -1 : nm_config_schema_fail_expected(v, err);
	if (v->row->expected && v->row->type != v->event->type)
		return nm_config_schema_fail_expected(v, err);
	return v->row->read ? v->row->read(v, err) : 0;
}

int nm_config_schema_read(const struct nm_config_row *rows, uint64_t *seen, void *ctx,
	const struct nm_json_event *event, struct nm_err *err)
{
	struct nm_config_value v = {.row = find_row(rows, event), .event = event, .ctx = ctx};
	uint64_t bit;
	int rc;

	if (!v.row)
		return nm_json_value_fail(event, NM_ERR_CONFIG, "unknown key", err);
	bit = UINT64_C(1) << (v.row - rows);
	if (event->depth > 0 && event->path[event->depth - 1].is_index)
		begin_element(rows, v.row->path, seen);
	else if (*seen & bit)
		return nm_json_value_fail(event, NM_ERR_CONFIG, "given twice", err);
	*seen |= bit;
	rc = read_value(&v, err);
	free(v.text);
	return rc;
}
