/* Tables of configuration keys, for input/config*.c only. A key without a row is an error. */
#ifndef NM_INPUT_CONFIG_SCHEMA_H
#define NM_INPUT_CONFIG_SCHEMA_H

#include "input/config.h"
#include "input/json.h"

struct nm_config_loader {
	struct nm_config *config;
	struct nm_port_set reserved;
	uint64_t seen, statics_seen; /* one bit for each row of their tables */
};

struct nm_config_row;
typedef int nm_config_reader(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err);

struct nm_config_row {
	const char *path; /* an element of an array is "list[]", a member of an object in it "list[].key" */
	nm_config_reader *read;
	const char *expected;       /* NULL for read_unsigned, which says it by min and max */
	size_t offset;              /* of the member of struct nm_config that it sets, if it is a plain one */
	const char *const *choices; /* read_choice: the names of 0, 1, ..., then NULL */
	int64_t min, max;           /* read_unsigned */
};

#define NM_CONFIG_ROW(at, reader, what, ...)                                \
	{                                                                   \
		.path = at, .read = reader, .expected = what, ##__VA_ARGS__ \
	}

#define NM_CONFIG_ROWS_MAX 64 /* bits of seen */

struct nm_config_table {
	const struct nm_config_row *rows;
	size_t n;
};

/* Finds the row of the event and lets it read. *seen refuses what is given twice. */
int nm_config_schema_read(const struct nm_config_table *table, uint64_t *seen, struct nm_config_loader *l,
	const struct nm_json_event *event, struct nm_err *err) NM_MUST_USE;

/* What readers have in common: */

/* The row's "expected ...". Returns -1. */
int nm_config_schema_fail_expected(
	const struct nm_config_row *row, const struct nm_json_event *event, struct nm_err *err);

/* The string, or the row's own message. 0 with *ret owned by the caller, or -1 with *err. */
int nm_config_schema_string(const struct nm_config_row *row, const struct nm_json_event *event, char **ret,
	struct nm_err *err) NM_MUST_USE;

nm_config_reader nm_config_schema_read_object,
	nm_config_schema_read_array; /* what is in them comes as further events */

#endif
