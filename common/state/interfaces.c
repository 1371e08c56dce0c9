#include "state/interfaces.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"

/* The needs as characters, so that elements are text. */
enum { FIRST_NEED = '0' };

void nm_interfaces_done(struct nm_interfaces *list)
{
	free(list->v);
	*list = (struct nm_interfaces){0};
}

static void print(char *buf, unsigned need, const char *interface)
{
	(void)snprintf(buf, IF_NAMESIZE + 1, "%c%s", FIRST_NEED + (int)need, interface);
}

static int add(struct nm_interfaces *list, unsigned need, const char *interface, struct nm_err *err)
{
	if (!interface[0])
		return 0;
	if (nm_grow(list, "reading the state", err) < 0)
		return -1;
	print(list->v[list->n++], need, interface);
	return 0;
}

int nm_interfaces_add(struct nm_interfaces *list, const struct nm_record *r, struct nm_err *err)
{
	if (add(list, NM_NEEDS_LOCALNET, r->localnet, err) < 0 ||
		add(list, NM_NEEDS_LOCALNET_IN + r->backend, r->localnet, err) < 0 ||
		(r->localnet_set && add(list, NM_NEEDS_LOCALNET_SET, r->localnet, err) < 0))
		return -1;
	return add(list, NM_NEEDS_HAIRPIN, r->bridge_port, err);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

void nm_interfaces_sort(struct nm_interfaces *list)
{
	if (list->n > 0)
		qsort(list->v, list->n, sizeof(*list->v), compare);
}

bool nm_interfaces_has(const struct nm_interfaces *list, unsigned need, const char *interface)
{
	char key[IF_NAMESIZE + 1];

	print(key, need, interface);
	return list->n > 0 && bsearch(key, list->v, list->n, sizeof(*list->v), compare) != NULL;
}
