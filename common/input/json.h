/* JSON: a bounded callback parser and a canonical writer. input/json.c is the only file that knows yajl. */
#ifndef NM_INPUT_JSON_H
#define NM_INPUT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NM_JSON_DEPTH_MAX 64
#define NM_JSON_KEY_MAX   256

enum nm_json_type {
	NM_JSON_NULL,
	NM_JSON_BOOL,
	NM_JSON_NUMBER,
	NM_JSON_STRING,
	NM_JSON_OBJECT,
	NM_JSON_ARRAY
};

/* One step of the path from the root to a value: a key of an object, or an index of an array. */
struct nm_json_step {
	bool is_index;
	size_t index;
	char key[NM_JSON_KEY_MAX]; /* decoded, NUL-terminated; "" stands in for a key that is too long or has
				      a NUL */
};

struct nm_json_event {
	enum nm_json_type type; /* OBJECT and ARRAY: their begin; each member is an event of its own */
	const struct nm_json_step *path; /* borrowed during the call */
	size_t depth;                    /* steps in path; 0 is the root */
	const char *text; /* STRING: decoded bytes; NUMBER: as written; else NULL. Not NUL-terminated, may
			     hold NUL */
	size_t len;
	bool truth; /* BOOL */
};

/* Called for each value in document order. 0 goes on, -1 with *err ends the parse. */
typedef int nm_json_handler(void *ctx, const struct nm_json_event *event, struct nm_err *err);

/*
 * Parses exactly one JSON text of len bytes, at most NM_JSON_DEPTH_MAX deep. Strings need not be UTF-8 and
 * numbers may have any size: input/json_value.h checks them. comments: allow slash-star and slash-slash
 * comments. 0, or -1 with *err: the handler's own, NM_ERR_REFUSED "not valid JSON: ..." with the line, or
 * NM_ERR_FAILED (memory).
 */
int nm_json_parse(const char *text, size_t len, bool comments, nm_json_handler *handler, void *ctx,
	struct nm_err *err) NM_MUST_USE;

/* Writes canonical JSON (no blanks, UTF-8 as is) into its own memory. nm_json_writer_finish() reports errors
 * of all calls before. */
struct nm_json_writer;
struct nm_json_writer *nm_json_writer_new(
	void); /* NULL when memory is short; the functions below accept NULL */
void nm_json_writer_free(struct nm_json_writer **w);
#define nm_autojsonwriter NM_CLEANUP(nm_json_writer_free)
/* Begin and end an OBJECT or ARRAY: a member with this key; NULL: the root or an element. */
void nm_json_write_begin(struct nm_json_writer *w, const char *key, enum nm_json_type type);
void nm_json_write_end(struct nm_json_writer *w, enum nm_json_type type);
/* Writes an element of an array. */
void nm_json_write_string(struct nm_json_writer *w, const char *s);
/* Write a member of an object. */
void nm_json_write_member(struct nm_json_writer *w, const char *key, const char *value);
void nm_json_write_integer(struct nm_json_writer *w, const char *key, int64_t v);
void nm_json_write_bool(struct nm_json_writer *w, const char *key, bool v);
/* The text so far, NUL-terminated, borrowed until the next call on w. NULL with *err when anything failed. */
const char *nm_json_writer_finish(struct nm_json_writer *w, size_t *ret_len, struct nm_err *err) NM_MUST_USE;

#endif
