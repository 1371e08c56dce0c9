/*
 * Searching the state. A block whose filter has no key of the query is skipped. Lines of other blocks, and
 * those after the last block, are tested by filters of their own, and parsed if they pass.
 *
 * When an editor has moved lines, that is noticed: the line of a block must be where the previous block says,
 * and must say where the previous block ends. From the first one that does not, all lines are read.
 */
#include "state/search.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "state/block.h"
#include "state/file.h"
#include "state/keys.h"
#include "state/record_json.h"

struct search {
	struct nm_state *st;
	const struct nm_records *except;
	struct nm_state_keys keys; /* what is still looked for */
	struct nm_records *found;
};

static bool is_excepted(const struct nm_records *except, uint64_t offset)
{
	for (size_t i = 0; except && i < except->n; i++)
		if (except->v[i].offset == offset)
			return true;
	return false;
}

typedef int read_line(const char *line, size_t len, struct nm_record *ret, struct nm_err *err);

/* Without an id where the line is damaged. */
static int read_record(struct search *search, read_line *read, const char *line, size_t len, uint64_t offset,
	struct nm_record *ret, struct nm_err *err)
{
	struct nm_state *st = search->st;

	if (read(line, len, ret, err) < 0) {
		if (err->kind != NM_ERR_REFUSED)
			return -1;
		st->damaged++;
		nm_log_notice("state file '%s/state': the line at byte %" PRIu64
			      " is damaged, ignored: the others are not",
			st->dir, offset);
		return 0;
	}
	ret->offset = offset;
	ret->size = len + 1;
	return 0;
}

static int add_record(
	struct search *search, const char *line, size_t len, uint64_t offset, struct nm_err *err)
{
	nm_autorecord struct nm_record r = {0};

	if (read_record(search, nm_record_json_read, line, len, offset, &r, err) < 0)
		return -1;
	if (!r.id)
		return 0;
	nm_state_keys_drop_found(&search->keys, &r);
	return nm_records_add(search->found, &r, err);
}

/*
 * Another network namespace may have had the number of the query's before, and its containers have left
 * ports to an address that is this one's now: all of them are gone, and their records are older than any of
 * this namespace. So one that is there ends the search for them.
 */
static int judge_neighbour(
	struct search *search, const struct nm_record *r, bool *ret_gone, struct nm_err *err)
{
	enum nm_record_process process = NM_PROCESS_UNKNOWN;

	if (nm_record_process(r, &process, err) < 0)
		return -1;
	*ret_gone = process == NM_PROCESS_GONE;
	search->keys.settled = process == NM_PROCESS_THERE;
	return 0;
}

/* The ports, which may be thousands, are read only of a neighbour that is gone. */
static int add_part(struct search *search, unsigned fit, const char *line, size_t len, uint64_t offset,
	struct nm_err *err)
{
	nm_autorecord struct nm_record r = {0};
	bool gone = false;

	if (read_record(search, nm_record_json_read_part, line, len, offset, &r, err) < 0)
		return -1;
	if (!r.id)
		return 0;
	if (fit & NM_FIT_AS_NEIGHBOUR && judge_neighbour(search, &r, &gone, err) < 0)
		return -1;
	if (gone)
		return add_record(search, line, len, offset, err);
	if (!(fit & NM_FIT_BY_SETTING))
		return 0;
	nm_state_keys_drop_found(&search->keys, &r);
	return nm_records_add(search->found, &r, err);
}

static int on_line(void *ctx, const char *line, size_t len, uint64_t offset, struct nm_err *err)
{
	struct search *search = ctx;
	unsigned fit = NM_FIT_BY_OTHER;

	if (nm_record_json_is(line, len, NM_RECORD_RETIRED) || nm_state_block_is(line, len) ||
		is_excepted(search->except, offset))
		return 0;
	if (nm_record_json_is(line, len, NM_RECORD_LIVE))
		fit = nm_state_keys_fit(&search->keys, line, len);
	if (!fit)
		return 0;
	return fit & NM_FIT_BY_OTHER ? add_record(search, line, len, offset, err)
				     : add_part(search, fit, line, len, offset, err);
}

/* Reads the line at the offset `at` if it is that of a block that begins at `begin`. */
static bool read_block(const struct nm_state *st, uint64_t at, uint64_t begin,
	char line[static NM_BLOCK_SIZE], uint64_t *ret_next)
{
	return at > begin && at + NM_BLOCK_SIZE <= st->end &&
		pread(st->fd, line, NM_BLOCK_SIZE, (off_t)at) == (ssize_t)NM_BLOCK_SIZE &&
		nm_state_block_read(line, begin, ret_next);
}

int nm_state_search(
	struct nm_state *st, const struct nm_state_query *query, struct nm_records *ret, struct nm_err *err)
{
	struct search search = {.st = st, .except = query->except, .found = ret};
	uint64_t from = st->begin, next = st->header.blocks;
	char block[NM_BLOCK_SIZE];

	nm_state_keys_compile(query, &search.keys);
	search.keys.settled = !st->same_pidns; /* else no process can be judged */
	st->damaged = 0;
	st->last_block = 0;
	for (uint64_t at = next; read_block(st, at, from, block, &next); at = next) {
		if (nm_state_keys_meet(&search.keys, block) &&
			nm_state_file_each_line(st, from, at, on_line, &search, err) < 0)
			return -1;
		st->last_block = at;
		from = at + NM_BLOCK_SIZE;
	}
	st->open_block = from;
	return nm_state_file_each_line(st, from, st->end, on_line, &search, err);
}
