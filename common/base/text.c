/* Text in pieces: sizes are such that nothing is ever cut, and if they were not, nothing would overflow. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

void nm_text_put(struct nm_text *t, const char *fmt, ...)
{
	size_t room = t->size - t->used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->used, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->used += (size_t)n < room ? (size_t)n : room - 1;
}
