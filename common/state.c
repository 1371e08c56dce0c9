/*
 * How the state file works.
 *
 * The first line says to which format, boot, network namespace and PID namespace the file belongs. Every
 * other line is a record; it begins with {"live":1, or, once it does not count any more, with {"live":0, -
 * one byte, changed in place by one pwrite(), so that taking a record back cannot fail for want of space and
 * cannot be half done. A record is added by one write at the end; what a killed writer left there without a
 * newline is overwritten by the next one. When retired lines prevail, the live ones are copied to a new file
 * that is renamed over the old one.
 *
 * Records are written before the kernel is changed and retired after it, so the live lines name at least all
 * that is in the kernel. Two live lines of one id are the old and the new state of a change that was cut
 * short: both count.
 *
 * The lock is on a file of its own, because the state file is replaced; that file is never removed.
 */
#include "state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io.h"
#include "json.h"
#include "log.h"
#include "state_file.h"

enum { CHUNK = 64 * 1024, GARBAGE_MIN = 64 * 1024 };

#define LIVE_LEN (sizeof(NM_RECORD_LIVE) - 1)
/* The byte in which a live line differs from a retired one. */
#define LIVE_BYTE (sizeof("{\"live\":") - 1)

static bool is_live(const char *line, size_t len)
{
	return len > LIVE_LEN && !memcmp(line, NM_RECORD_LIVE, LIVE_LEN);
}

static bool is_retired(const char *line, size_t len)
{
	return len > LIVE_LEN && !memcmp(line, NM_RECORD_RETIRED, LIVE_LEN);
}

/* Called for each line without its newline. */
typedef int line_handler(
	struct nm_state *st, const char *line, size_t len, uint64_t offset, void *ctx, struct nm_err *err);

/* Hands the complete lines of buf over. Returns the bytes they take, or -1. */
static ssize_t each_complete_line(struct nm_state *st, const char *buf, size_t len, uint64_t offset,
	line_handler *handler, void *ctx, struct nm_err *err)
{
	const char *p = buf, *newline;

	while ((newline = memchr(p, '\n', len - (size_t)(p - buf)))) {
		if (handler(st, p, (size_t)(newline - p), offset + (uint64_t)(p - buf), ctx, err) < 0)
			return -1;
		p = newline + 1;
	}
	return p - buf;
}

/* Goes through the records in memory that does not grow with the file but with its longest line. */
static int each_line(struct nm_state *st, line_handler *handler, void *ctx, struct nm_err *err)
{
	nm_autofree char *buf = malloc(CHUNK);
	size_t capacity = CHUNK;
	uint64_t offset = st->begin;

	while (offset < st->end) {
		size_t want = st->end - offset < capacity ? (size_t)(st->end - offset) : capacity;
		ssize_t n = buf ? pread(st->fd, buf, want, (off_t)offset) : -1;
		ssize_t used = n > 0 ? each_complete_line(st, buf, (size_t)n, offset, handler, ctx, err) : 0;

		if (n <= 0)
			return nm_state_fail(st, "reading", err);
		if (used < 0)
			return -1;
		offset += (uint64_t)used;
		if (used > 0)
			continue;
		capacity *= 2;
		if (capacity > 2 * NM_STATE_LINE_MAX)
			return nm_fail(err, NM_ERR_FAILED, "reading '%s/state': a line is too long", st->dir);
		free(nm_steal(&buf));
		buf = malloc(capacity);
	}
	return 0;
}

struct search {
	struct nm_state_query query; /* what is still looked for */
	struct nm_state_patterns patterns;
	struct nm_records *found;
};

static bool is_excepted(const struct nm_records *except, uint64_t offset)
{
	for (size_t i = 0; except && i < except->n; i++)
		if (except->v[i].offset == offset)
			return true;
	return false;
}

/* One user of an interface is enough: there may be thousands. */
static void stop_looking_for_interfaces(struct search *search, const struct nm_record *r)
{
	struct nm_state_query *q = &search->query;

	if (q->localnet && !strcmp(q->localnet, r->localnet) && (!q->set || r->localnet_set) &&
		q->backend == r->backend)
		q->localnet = NULL;
	if (q->bridge_port && !strcmp(q->bridge_port, r->bridge_port) && (!q->set || r->hairpin_set))
		q->bridge_port = NULL;
	nm_state_query_compile(q, &search->patterns);
}

static int examine_live(struct nm_state *st, const char *line, size_t len, uint64_t offset,
	struct search *search, struct nm_err *err)
{
	struct nm_record r;

	if (nm_record_read(line, len, &r, err) < 0) {
		if (err->kind != NM_ERR_REFUSED)
			return -1;
		st->damaged++;
		nm_log_notice("state file '%s/state': the line at byte %" PRIu64
			      " is damaged, ignored: the others are not",
			st->dir, offset);
		return 0;
	}
	r.offset = offset;
	stop_looking_for_interfaces(search, &r);
	if (nm_records_add(search->found, &r, err) < 0) {
		nm_record_done(&r);
		return -1;
	}
	return 0;
}

static int examine_line(
	struct nm_state *st, const char *line, size_t len, uint64_t offset, void *ctx, struct nm_err *err)
{
	struct search *search = ctx;

	if (is_retired(line, len)) {
		st->dead += len + 1;
		return 0;
	}
	st->live += len + 1;
	if (is_excepted(search->query.except, offset) ||
		(is_live(line, len) && !nm_state_patterns_fit(&search->patterns, line, len)))
		return 0;
	return examine_live(st, line, len, offset, search, err);
}

int nm_state_find(
	struct nm_state *st, const struct nm_state_query *query, struct nm_records *ret, struct nm_err *err)
{
	struct search search = {.query = *query, .found = ret};

	nm_state_query_compile(query, &search.patterns);
	st->live = st->dead = st->damaged = 0;
	return each_line(st, examine_line, &search, err);
}

size_t nm_state_damaged(const struct nm_state *st)
{
	return st->damaged;
}

int nm_state_append(struct nm_state *st, struct nm_record *r, struct nm_err *err)
{
	nm_autojsonw struct nm_jsonw *w = nm_jsonw_new();
	nm_autofree char *line = NULL;
	const char *text;
	size_t len;
	ssize_t n;

	nm_jsonw_object(w);
	nm_jsonw_string(w, "live");
	nm_jsonw_integer(w, 1);
	nm_record_write(r, w);
	nm_jsonw_object_end(w);
	text = nm_jsonw_finish(w, &len, err);
	if (!text)
		return nm_wrap(err, "writing '%s/state'", st->dir);
	if (len >= NM_STATE_LINE_MAX)
		return nm_fail(err, NM_ERR_REFUSED, "writing '%s/state': %zu bytes are too long a record",
			st->dir, len);
	if (asprintf(&line, "%s\n", text) < 0)
		return nm_fail_errno(err, ENOMEM, "writing '%s/state'", st->dir);
	n = pwrite(st->fd, line, len + 1, (off_t)st->end);
	if (n != (ssize_t)len + 1) {
		int error = n < 0 ? errno : ENOSPC;

		if (ftruncate(st->fd, (off_t)st->end) < 0)
			nm_log_notice("state file '%s/state': a torn line stays at its end, ignored: the "
				      "next one overwrites it",
				st->dir);
		return nm_fail_errno(err, error, "writing '%s/state'", st->dir);
	}
	r->offset = st->end;
	st->end += len + 1;
	return 0;
}

int nm_state_retire(struct nm_state *st, const struct nm_record *r, struct nm_err *err)
{
	if (pwrite(st->fd, "0", 1, (off_t)(r->offset + LIVE_BYTE)) != 1)
		return nm_state_fail(st, "writing", err);
	return 0;
}

struct copy {
	int fd;
	bool readable_only;
	uint64_t end;
};

static int copy_line(
	struct nm_state *st, const char *line, size_t len, uint64_t offset, void *ctx, struct nm_err *err)
{
	struct copy *copy = ctx;
	struct nm_record r;

	(void)offset;
	if (is_retired(line, len))
		return 0;
	if (copy->readable_only) {
		if (nm_record_read(line, len, &r, err) < 0)
			return err->kind == NM_ERR_REFUSED ? 0 : -1;
		nm_record_done(&r);
	}
	/* line[len] is the newline */
	if (nm_io_write_all(copy->fd, line, len + 1) < 0)
		return nm_state_fail(st, "compacting", err);
	copy->end += len + 1;
	return 0;
}

static int rewrite(struct nm_state *st, bool readable_only, struct nm_err *err)
{
	uint64_t begin;
	nm_autoclose int fd = nm_state_start_new(st, &begin);
	struct copy copy = {.fd = fd, .readable_only = readable_only, .end = begin};
	int rc = fd < 0 ? nm_state_fail(st, "compacting", err) : each_line(st, copy_line, &copy, err);

	if (rc == 0 && nm_state_install_new(st) < 0)
		rc = nm_state_fail(st, "compacting", err);
	if (rc == 0)
		nm_state_adopt_file(st, nm_steal_fd(&fd), begin, copy.end);
	else if (fd >= 0 && ftruncate(fd, 0) < 0)
		nm_log_notice("state file '%s/state.new': takes up space, ignored", st->dir);
	return rc;
}

int nm_state_rewrite(struct nm_state *st, struct nm_err *err)
{
	return rewrite(st, true, err);
}

void nm_state_compact(struct nm_state *st)
{
	struct nm_err err;

	/* with a header of ours, pids of another namespace would be taken for those of this one */
	if (!st->same_pidns || st->dead < GARBAGE_MIN || st->dead < st->live)
		return;
	if (rewrite(st, false, &err) < 0)
		nm_log_notice("%s, ignored: it still works", err.msg);
}
