/* The file is read through a window. The lock keeps it from changing meanwhile. */
#include "state/lines.h"

#include <stdio.h>

enum { CHUNK = 64 * 1024 }; /* fits the second level cache of small processors */

/* Hands the complete lines of buf over. Returns the bytes they take, or -1. */
static ssize_t each_complete_line(const char *buf, size_t len, uint64_t offset,
	nm_state_line_handler *handler, void *ctx, struct nm_err *err)
{
	const char *p = buf, *newline;

	while ((newline = memchr(p, '\n', len - (size_t)(p - buf)))) {
		if (handler(ctx, p, (size_t)(newline - p), offset + (uint64_t)(p - buf), err) < 0)
			return -1;
		p = newline + 1;
	}
	return p - buf;
}

int nm_state_lines_each(const struct nm_state *st, uint64_t from, uint64_t to, nm_state_line_handler *handler,
	void *ctx, struct nm_err *err)
{
	nm_autofree char *buf = from < to ? malloc(CHUNK) : NULL;
	size_t capacity = CHUNK;

	while (from < to) {
		size_t want = to - from < capacity ? (size_t)(to - from) : capacity;
		ssize_t n = buf ? pread(st->fd, buf, want, (off_t)from) : -1;
		ssize_t used = n > 0 ? each_complete_line(buf, (size_t)n, from, handler, ctx, err) : 0;

		if (n <= 0)
			return nm_state_file_fail(st, "reading", err);
		if (used < 0)
			return -1;
		from += (uint64_t)used;
		if (used > 0)
			continue;
		capacity *= 2;
		if (capacity > 2 * NM_STATE_LINE_MAX)
			return nm_fail(err, NM_ERR_FAILED, "reading '%s/state': a line is too long", st->dir);
		free(nm_steal(&buf));
		buf = malloc(capacity);
	}
	return 0;
}
