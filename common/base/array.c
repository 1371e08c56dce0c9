/* Capacity doubles, so that n elements are copied n times at most. */
#include "base/array.h"

#include <string.h>

enum { FIRST_CAPACITY = 8 };

int nm_array_grow(
	void *elements, size_t n, size_t *capacity, size_t size, const char *what, struct nm_err *err)
{
	size_t wanted = *capacity ? *capacity * 2 : FIRST_CAPACITY;
	void *old, *grown;

	if (n < *capacity)
		return 0;
	memcpy(&old, elements, sizeof(old)); /* a pointer of another type must not be read as void * */
	grown = reallocarray(old, wanted, size);
	if (!grown)
		return nm_fail_memory(err, what);
	memcpy(elements, &grown, sizeof(grown));
	*capacity = wanted;
	return 0;
}
