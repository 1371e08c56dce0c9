/* Tables of configuration keys, for input/config*.c only. A key without a row is an error. */
#ifndef NM_INPUT_CONFIG_SCHEMA_H
#define NM_INPUT_CONFIG_SCHEMA_H

#include "input/config.h"
#include "input/json.h"

/* A value of the document, for the reader of its row. */
struct nm_config_value {
	const struct nm_config_row *row;
	const struct nm_json_event *event;
	char *text; /* of a STRING; owned by nm_config_schema_read(), unless the reader steals it */
	void *ctx;
};

typedef int nm_config_reader(struct nm_config_value *value, struct nm_err *err);

struct nm_config_row {
	const char *path; /* an element of an array is "list[]", a member of an object in it "list[].key" */
	enum nm_json_type type;
	nm_config_reader *read;     /* NULL: each member or element is an event of its own */
	const char *expected;       /* for the message; NULL for a NUMBER, whose reader prints min and max */
	size_t offset;              /* of the member that the reader sets */
	const char *const *choices; /* read_choice: the names of 0, 1, ..., then NULL */
	int64_t min, max;           /* read_unsigned */
};

#define NM_CONFIG_ROW(at, kind, reader, what, ...)                                                  \
	{                                                                                           \
		.path = at, .type = NM_JSON_##kind, .read = reader, .expected = what, ##__VA_ARGS__ \
	}

#define NM_CONFIG_ROWS_MAX 64 /* bits of seen, and the last row has no path */

/* Finds the row of the event, checks the type and calls its reader. *seen has the rows read so far: a second
 * time is an error. */
int nm_config_schema_read(const struct nm_config_row *rows, uint64_t *seen, void *ctx,
	const struct nm_json_event *event, struct nm_err *err) NM_MUST_USE;

/* True for what the kernel takes as the name of an interface, and iptables prints and reads without quotes or
 * meaning: "eth+" is a wildcard to it. */
bool nm_config_schema_is_interface(const char *name);

/* For readers: the row's "PATH: expected ...". Returns -1. */
int nm_config_schema_fail_expected(const struct nm_config_value *value, struct nm_err *err);

#endif
