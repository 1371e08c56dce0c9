#include "state/interfaces.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"

/* What is needed is told by one character: these, or the number of the backend for route_localnet. */
enum { HAIRPIN = 'h', LOCALNET_SET = 's', LOCALNET = '0' };

void nm_interfaces_done(struct nm_interfaces *list)
{
	free(list->v);
	*list = (struct nm_interfaces){0};
}

static int add(struct nm_interfaces *list, int what, const char *interface, struct nm_err *err)
{
	if (nm_grow(list, "reading the state", err) < 0)
		return -1;
	(void)snprintf(list->v[list->n++], sizeof(*list->v), "%c%s", what, interface);
	return 0;
}

int nm_interfaces_add(struct nm_interfaces *list, const struct nm_record *r, struct nm_err *err)
{
	if (r->localnet[0] && add(list, LOCALNET + (int)r->backend, r->localnet, err) < 0)
		return -1;
	if (r->localnet[0] && r->localnet_set && add(list, LOCALNET_SET, r->localnet, err) < 0)
		return -1;
	return r->bridge_port[0] ? add(list, HAIRPIN, r->bridge_port, err) : 0;
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

static bool has(const struct nm_interfaces *list, int what, const char *interface)
{
	char key[IF_NAMESIZE + 1];

	(void)snprintf(key, sizeof(key), "%c%s", what, interface);
	return list->n > 0 && bsearch(key, list->v, list->n, sizeof(*list->v), compare) != NULL;
}

bool nm_interfaces_need_localnet(
	const struct nm_interfaces *list, const char *interface, enum nm_backend backend)
{
	return has(list, LOCALNET + (int)backend, interface);
}

bool nm_interfaces_set_localnet(const struct nm_interfaces *list, const char *interface)
{
	return has(list, LOCALNET_SET, interface);
}

bool nm_interfaces_need_hairpin(const struct nm_interfaces *list, const char *bridge_port)
{
	return has(list, HAIRPIN, bridge_port);
}
