/* The path of a JSON event, and its value as a C type. Pure. */
#ifndef NM_INPUT_JSON_VALUE_H
#define NM_INPUT_JSON_VALUE_H

#include "input/json.h"

/* True when the path to the value is exactly these keys: nm_json_value_at(event, "annotations",
 * "io.natmap.ports", NULL). */
bool nm_json_value_at(const struct nm_json_event *event, ...) __attribute__((sentinel));

#define NM_JSON_PATH_MAX 512
/* Prints the path to the value: "static.dnat[2].ports"; "document" for the root. Cut when too long. Returns
 * buf. */
const char *nm_json_value_path(const struct nm_json_event *event, char buf[static NM_JSON_PATH_MAX]);

/* Fails with "PATH: WHY". Returns -1. */
int nm_json_value_fail(
	const struct nm_json_event *event, enum nm_err_kind kind, const char *why, struct nm_err *err);

/* Copies a string value. 0 with *ret owned by the caller, or -1 with *err: of the given kind, with the path,
 * when the value is not a string, not UTF-8, or has control characters or a NUL; NM_ERR_FAILED for memory. */
int nm_json_value_string(
	const struct nm_json_event *event, enum nm_err_kind kind, char **ret, struct nm_err *err) NM_MUST_USE;

/* A number without fraction or exponent in min..max. 0, or -1 with *err of the given kind that names the
 * path. */
int nm_json_value_integer(const struct nm_json_event *event, int64_t min, int64_t max, enum nm_err_kind kind,
	int64_t *ret, struct nm_err *err) NM_MUST_USE;

#endif
