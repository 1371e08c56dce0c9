#include "state/interfaces.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"

/* The needs as characters, so that elements are text. */
enum { FIRST_NEED = '0' };

/* How an element names the interface. */
enum naming {
	BY_NAME = '=',
	BY_NAME_ALONE = '?', /* its number is unknown */
	BY_INDEX = '/',
};

void nm_interfaces_done(struct nm_interfaces *list)
{
	free(list->v);
	*list = (struct nm_interfaces){0};
}

static void print(char buf[static NM_INTERFACES_SIZE], unsigned need, enum naming naming, const char *name)
{
	(void)snprintf(buf, NM_INTERFACES_SIZE, "%c%c%s", FIRST_NEED + (int)need, naming, name);
}

static void print_index(char buf[static NM_INTERFACES_SIZE], unsigned need, unsigned index)
{
	(void)snprintf(buf, NM_INTERFACES_SIZE, "%c%c%u", FIRST_NEED + (int)need, BY_INDEX, index);
}

static int add(
	struct nm_interfaces *list, unsigned need, const char *interface, unsigned index, struct nm_err *err)
{
	if (!interface[0])
		return 0;
	if (nm_grow(list, "reading the state", err) < 0)
		return -1;
	print(list->v[list->n++], need, BY_NAME, interface);
	if (nm_grow(list, "reading the state", err) < 0)
		return -1;
	if (index)
		print_index(list->v[list->n++], need, index);
	else
		print(list->v[list->n++], need, BY_NAME_ALONE, interface);
	return 0;
}

int nm_interfaces_add(struct nm_interfaces *list, const struct nm_record *r, struct nm_err *err)
{
	const char *localnet = r->localnet;
	unsigned index = r->localnet_index;

	if (add(list, NM_NEEDS_LOCALNET, localnet, index, err) < 0 ||
		add(list, NM_NEEDS_LOCALNET_IN + r->backend, localnet, index, err) < 0 ||
		(r->localnet_set && add(list, NM_NEEDS_LOCALNET_SET, localnet, index, err) < 0))
		return -1;
	return add(list, NM_NEEDS_HAIRPIN, r->bridge_port, r->bridge_port_index, err);
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

static bool has(const struct nm_interfaces *list, const char *key)
{
	return list->n > 0 && bsearch(key, list->v, list->n, sizeof(*list->v), compare) != NULL;
}

bool nm_interfaces_has_name(const struct nm_interfaces *list, unsigned need, const char *interface)
{
	char key[NM_INTERFACES_SIZE];

	print(key, need, BY_NAME, interface);
	return has(list, key);
}

bool nm_interfaces_has(const struct nm_interfaces *list, unsigned need, const char *interface, unsigned index)
{
	char key[NM_INTERFACES_SIZE];

	if (!index)
		return nm_interfaces_has_name(list, need, interface);
	print_index(key, need, index);
	if (has(list, key))
		return true;
	print(key, need, BY_NAME_ALONE, interface);
	return has(list, key);
}

bool nm_interfaces_same(const char *name, unsigned index, const char *other, unsigned other_index)
{
	if (!name[0] || !other[0])
		return false;
	return index && other_index ? index == other_index : !strcmp(name, other);
}
