/*
 * The canonical line of a container. Members come in one order and without blanks, so that grep finds them
 * and lines can be compared as bytes. What natmap itself finds them by is not here but in state/keys.c.
 */
#include "state/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/process.h"
#include "input/json.h"
#include "input/json_value.h"
#include "state/record_json.h"

void nm_record_done(struct nm_record *r)
{
	free(r->id);
	free(r->bundle);
	nm_prefixes_done(&r->allow);
	nm_mappings_done(&r->mappings);
	*r = (struct nm_record){0};
}

bool nm_record_names_family(const struct nm_record *r, enum nm_family family)
{
	for (size_t i = 0; i < r->mappings.n; i++)
		if (r->mappings.v[i].families == 1u << family)
			return true;
	return false;
}

/* Writes it as JSON and returns that, borrowed from w; NULL with *err. */
static const char *write_line(
	const struct nm_record *r, struct nm_json_writer *w, size_t *ret_len, struct nm_err *err)
{
	nm_json_write_object(w);
	nm_record_json_write(r, w);
	nm_json_write_object_end(w);
	return nm_json_writer_finish(w, ret_len, err);
}

int nm_record_same(const struct nm_record *a, const struct nm_record *b, bool *ret, struct nm_err *err)
{
	nm_autojsonwriter struct nm_json_writer *first = nm_json_writer_new(), *second = nm_json_writer_new();
	const char *x, *y;
	size_t len;

	x = write_line(a, first, &len, err);
	y = x ? write_line(b, second, &len, err) : NULL;
	if (!y)
		return -1;
	*ret = !strcmp(x, y);
	return 0;
}

int nm_record_copy(const struct nm_record *r, struct nm_record *ret, struct nm_err *err)
{
	nm_autojsonwriter struct nm_json_writer *w = nm_json_writer_new();
	const char *line;
	size_t len;

	line = write_line(r, w, &len, err);
	if (!line || nm_record_json_read(line, len, ret, err) < 0)
		return -1;
	ret->offset = r->offset;
	ret->size = r->size;
	return 0;
}

int nm_record_gone(const struct nm_record *r, bool *ret, struct nm_err *err)
{
	uint64_t start = 0;
	bool alive = true;

	if (r->pid && nm_process_start(r->pid, &start, &alive, err) < 0)
		return -1;
	*ret = r->pid && (!alive || (start && r->start && start != r->start));
	return 0;
}

bool nm_record_same_netns(const struct nm_record *a, const struct nm_record *b)
{
	return a->netns.ino && nm_nsid_equal(&a->netns, &b->netns);
}
