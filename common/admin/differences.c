#include "admin/differences.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

void nm_differences_cut(struct nm_differences *d, size_t n)
{
	while (d->n > n)
		free(d->v[--d->n].text);
}

void nm_differences_done(struct nm_differences *d)
{
	nm_differences_cut(d, 0);
	free(d->v);
	*d = (struct nm_differences){0};
}

int nm_differences_add(struct nm_differences *d, struct nm_err *err, const char *kind, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (nm_grow(d, "recording a difference", err) < 0)
		return -1;
	va_start(ap, fmt);
	n = vasprintf(&d->v[d->n].text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return nm_fail_memory(err, "recording a difference");
	d->v[d->n].kind = kind;
	d->v[d->n++].n_rules = 1;
	return 0;
}
