/* Lists of records from the state file, where an id may occur twice: the larger offset was written later. */
#include "state/records.h"

#include <string.h>

#include "base/array.h"

void nm_records_done(struct nm_records *r)
{
	for (size_t i = 0; i < r->n; i++)
		nm_record_done(&r->v[i]);
	free(r->v);
	*r = (struct nm_records){0};
}

int nm_records_add(struct nm_records *list, struct nm_record *r, struct nm_err *err)
{
	if (nm_grow(list, "reading the state", err) < 0)
		return -1;
	list->v[list->n++] = nm_steal(r);
	return 0;
}

static int compare_localnet(const void *a, const void *b)
{
	const struct nm_record *const *x = a, *const *y = b;
	int by_name = strcmp((*x)->localnet, (*y)->localnet);

	return by_name ? by_name : *x < *y ? -1 : *x > *y;
}

int nm_records_each_localnet(
	const struct nm_records *list, nm_records_on_record *handler, void *ctx, struct nm_err *err)
{
	nm_autofree const struct nm_record **sorted = calloc(list->n + 1, sizeof(*sorted));
	const char *last = "";

	if (!sorted)
		return nm_fail_memory(err, "sorting the records");
	for (size_t i = 0; i < list->n; i++)
		sorted[i] = &list->v[i];
	qsort(sorted, list->n, sizeof(*sorted), compare_localnet);
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(sorted[i]->localnet, last) != 0 && handler(ctx, sorted[i], err) < 0)
			return -1;
		last = sorted[i]->localnet;
	}
	return 0;
}

const struct nm_record *nm_records_newest(const struct nm_records *list, const char *id)
{
	const struct nm_record *newest = NULL;

	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i].id, id) && (!newest || list->v[i].offset > newest->offset))
			newest = &list->v[i];
	return newest;
}

static int compare(const void *a, const void *b)
{
	const struct nm_record *x = a, *y = b;
	int by_id = strcmp(x->id, y->id);

	if (by_id)
		return by_id;
	return x->offset > y->offset ? -1 : x->offset < y->offset;
}

void nm_records_sort(struct nm_records *list)
{
	if (list->n > 0)
		qsort(list->v, list->n, sizeof(*list->v), compare);
}

void nm_records_keep_newest(struct nm_records *list)
{
	size_t kept = 0;

	nm_records_sort(list);
	for (size_t i = 0; i < list->n; i++) {
		if (kept > 0 && !strcmp(list->v[kept - 1].id, list->v[i].id))
			nm_record_done(&list->v[i]);
		else
			list->v[kept++] = list->v[i];
	}
	list->n = kept;
}

/* Moves the last record into its place. */
static void drop(struct nm_records *list, size_t i)
{
	nm_record_done(&list->v[i]);
	list->v[i] = list->v[--list->n];
}

void nm_records_drop(struct nm_records *list, uint64_t offset)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].offset == offset)
			drop(list, i--);
}

void nm_records_keep_id(struct nm_records *list, const char *id)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].id, id) != 0)
			drop(list, i--);
}
