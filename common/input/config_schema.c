/* Finds the row for a place in the document: which key it is, whether it may be there, and once only. */
#include "input/config_schema.h"

#include <string.h>

#include "input/json_value.h"

int nm_config_schema_fail_expected(
	const struct nm_config_row *row, const struct nm_json_event *event, struct nm_err *err)
{
	char path[NM_JSON_PATH_MAX];

	return nm_fail(err, NM_ERR_CONFIG, "%s: expected %s", nm_json_value_path(event, path), row->expected);
}

int nm_config_schema_string(
	const struct nm_config_row *row, const struct nm_json_event *event, char **ret, struct nm_err *err)
{
	if (nm_json_value_string(event, NM_ERR_CONFIG, ret, err) == 0)
		return 0;
	return err->kind == NM_ERR_FAILED ? -1 : nm_config_schema_fail_expected(row, event, err);
}

int nm_config_schema_read_object(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err)
{
	(void)l;
	return event->type == NM_JSON_OBJECT ? 0 : nm_config_schema_fail_expected(row, event, err);
}

int nm_config_schema_read_array(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err)
{
	(void)l;
	return event->type == NM_JSON_ARRAY ? 0 : nm_config_schema_fail_expected(row, event, err);
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
	const struct nm_config_table *table, const struct nm_json_event *event)
{
	for (size_t i = 0; i < table->n; i++)
		if (is_at(event, table->rows[i].path))
			return &table->rows[i];
	return NULL;
}

/* Its members are seen for the first time again. */
static void begin_element(const struct nm_config_table *table, const char *path, uint64_t *seen)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < table->n; i++)
		if (strncmp(table->rows[i].path, path, len) == 0 && table->rows[i].path[len] == '.')
			*seen &= ~(UINT64_C(1) << i);
}

int nm_config_schema_read(const struct nm_config_table *table, uint64_t *seen, struct nm_config_loader *l,
	const struct nm_json_event *event, struct nm_err *err)
{
	const struct nm_config_row *row = find_row(table, event);
	char path[NM_JSON_PATH_MAX];
	uint64_t bit;

	if (!row)
		return nm_fail(err, NM_ERR_CONFIG, "%s: unknown key", nm_json_value_path(event, path));
	bit = UINT64_C(1) << (row - table->rows);
	if (event->depth > 0 && event->path[event->depth - 1].is_index)
		begin_element(table, row->path, seen);
	else if (*seen & bit)
		return nm_fail(err, NM_ERR_CONFIG, "%s: given twice", nm_json_value_path(event, path));
	*seen |= bit;
	return row->read(l, row, event, err);
}
