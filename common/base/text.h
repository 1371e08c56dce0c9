/* Text put together in a buffer of the caller. Pure. */
#ifndef NM_BASE_TEXT_H
#define NM_BASE_TEXT_H

#include <stddef.h>

struct nm_text {
	char *buf; /* borrowed, NUL-terminated after the first nm_text_put() */
	size_t size, used;
};

/* Appends; what has no room is cut off. */
void nm_text_put(struct nm_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
