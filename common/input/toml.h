/* The strings of a TOML document: as much of it as the configurations of container runtimes need. Pure. */
#ifndef NM_INPUT_TOML_H
#define NM_INPUT_TOML_H

#include <stdbool.h>

enum nm_toml_kind {
	NM_TOML_ASSIGNMENT, /* its value begins; its strings follow */
	NM_TOML_STRING,     /* the value, or an element of it */
	NM_TOML_OTHER,      /* an element of an array that is no string, as it is written */
};

struct nm_toml_event {
	enum nm_toml_kind kind;
	const char
		*table;  /* as it is written, without quotes and blanks: plugins.io.containerd.grpc.v1.cri */
	const char *key; /* in the same form */
	const char *value; /* NULL: NM_TOML_ASSIGNMENT */
};

typedef void nm_toml_handler(void *ctx, const struct nm_toml_event *event);

/* Whether the event is of this key, with its table's name and a dot before it. */
bool nm_toml_is(const struct nm_toml_event *event, const char *name);

/* Calls handler for all assignments in turn. Changes text. Returns false when there is something that it does
 * not understand, as a string of several lines; what comes before that it has told. */
bool nm_toml_parse(char *text, nm_toml_handler *handler, void *ctx);

#endif
