/* Arrays that grow by one element at a time. */
#ifndef NM_BASE_ARRAY_H
#define NM_BASE_ARRAY_H

#include <stddef.h>

#include "base/err.h"

/*
 * Makes room for one more element in a list, a structure with the members v (owned elements, NULL at first),
 * n of them and capacity. what: what is tried, for the message. 0, or -1 with *err and the list as it was.
 */
#define nm_grow(list, what, err) \
	nm_array_grow(&(list)->v, (list)->n, &(list)->capacity, sizeof(*(list)->v), (what), (err))

/* The same without types: elements points to the pointer to them, each of size bytes. */
int nm_array_grow(void *elements, size_t n, size_t *capacity, size_t size, const char *what,
	struct nm_err *err) NM_MUST_USE;

#endif
