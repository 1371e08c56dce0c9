/* What check finds: a list of texts, each with its kind. */
#ifndef NM_ADMIN_DIFFERENCES_H
#define NM_ADMIN_DIFFERENCES_H

#include <stddef.h>

#include "base/err.h"

struct nm_difference {
	const char *kind; /* of nm_check_kinds, borrowed */
	char *text;       /* owned */
	size_t n_rules;   /* that it tells of, if it is about rules */
};

/* Begins as zeros. */
struct nm_differences {
	struct nm_difference *v; /* owned */
	size_t n, capacity;
};

/* Appends one. -1 with *err (memory). */
int nm_differences_add(struct nm_differences *d, struct nm_err *err, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Forgets all behind the first n. */
void nm_differences_cut(struct nm_differences *d, size_t n);
void nm_differences_done(struct nm_differences *d);

#endif
