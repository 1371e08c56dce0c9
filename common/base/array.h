/* Arrays that grow by one element at a time. */
#ifndef NM_BASE_ARRAY_H
#define NM_BASE_ARRAY_H

#include <stddef.h>

#include "base/err.h"

/*
 * Makes room for one more element in a list: a structure with the members v (elements, owned, NULL at first),
 * n and capacity. what: the operation, for the message. 0, or -1 with *err and the list unchanged.
 */
#define nm_grow(list, what, err) \
	nm_array_grow(&(list)->v, (list)->n, &(list)->capacity, sizeof(*(list)->v), (what), (err))

/* nm_grow() without types: elements points to the member v, whose elements have size bytes each. */
int nm_array_grow(void *elements, size_t n, size_t *capacity, size_t size, const char *what,
	struct nm_err *err) NM_MUST_USE;

#endif
