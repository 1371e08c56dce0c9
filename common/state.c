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
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "io.h"
#include "json.h"
#include "lock.h"
#include "log.h"
#include "state_header.h"

enum { CHUNK = 64 * 1024, GARBAGE_MIN = 64 * 1024 };

#define LIVE_LEN (sizeof(NM_RECORD_LIVE) - 1)
/* The byte in which a live line differs from a retired one. */
#define LIVE_BYTE (sizeof("{\"live\":") - 1)

struct nm_state {
	char *dir;
	int dirfd, lockfd, fd;
	struct nm_state_header self;
	bool same_pidns;
	uint64_t begin;      /* of the first record */
	uint64_t end;        /* behind the last complete line */
	uint64_t live, dead; /* bytes of records that nm_state_find() has met */
};

static int fail(const struct nm_state *st, const char *what, struct nm_err *err)
{
	return nm_fail_errno(err, errno, "%s '%s/state'", what, st->dir);
}

static bool is_private(int fd, mode_t type, struct stat *info)
{
	return fstat(fd, info) == 0 && (info->st_mode & S_IFMT) == type && info->st_uid == geteuid() &&
		!(info->st_mode & (S_IWGRP | S_IWOTH));
}

static int open_dir(struct nm_state *st, enum nm_state_access access, struct nm_err *err)
{
	struct stat info;

	if (access == NM_STATE_CREATE && mkdir(st->dir, 0700) < 0 && errno != EEXIST)
		return nm_fail_errno(err, errno, "creating directory '%s'", st->dir);
	st->dirfd = open(st->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (st->dirfd < 0 && errno == ENOENT && access != NM_STATE_CREATE)
		return 0;
	if (st->dirfd < 0)
		return nm_fail_errno(err, errno, "opening directory '%s'", st->dir);
	if (!is_private(st->dirfd, S_IFDIR, &info))
		return nm_fail(err, NM_ERR_FAILED,
			"opening directory '%s': not one that only its user can write to", st->dir);
	return 0;
}

/* Returns the descriptor, or -1 with errno. */
static int open_file(const struct nm_state *st, const char *name, int flags)
{
	return openat(st->dirfd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

static int take_lock(
	struct nm_state *st, enum nm_state_access access, unsigned timeout_ms, struct nm_err *err)
{
	char name[256];

	(void)snprintf(name, sizeof(name), "%s/lock", st->dir);
	st->lockfd = open_file(st, "lock", O_RDWR | (access == NM_STATE_READ ? 0 : O_CREAT));
	if (st->lockfd < 0 && errno == ENOENT)
		return 0;
	if (st->lockfd < 0)
		return nm_fail_errno(err, errno, "opening '%s'", name);
	return nm_lock_take(st->lockfd, access != NM_STATE_READ, timeout_ms, name, err);
}

static void adopt_file(struct nm_state *st, int fd, uint64_t begin, uint64_t end)
{
	if (st->fd >= 0)
		close(st->fd);
	st->fd = fd;
	st->same_pidns = true;
	st->begin = begin;
	st->end = end;
}

/* Starts the file that will replace the state. Returns the descriptor, or -1 with errno. */
static int start_new(const struct nm_state *st, uint64_t *ret_begin)
{
	char line[NM_STATE_HEADER_SIZE];
	nm_autoclose int fd = open_file(st, "state.new", O_RDWR | O_CREAT | O_TRUNC);

	*ret_begin = nm_state_header_print(&st->self, line);
	if (fd < 0 || nm_io_write_all(fd, line, *ret_begin) < 0)
		return -1;
	return nm_steal_fd(&fd);
}

static int install_new(struct nm_state *st)
{
	return renameat(st->dirfd, "state.new", st->dirfd, "state");
}

static int create(struct nm_state *st, struct nm_err *err)
{
	uint64_t begin;
	nm_autoclose int fd = start_new(st, &begin);

	if (fd < 0 || install_new(st) < 0)
		return fail(st, "creating", err);
	adopt_file(st, nm_steal_fd(&fd), begin, begin);
	return 0;
}

/* Sets st->end to where the last complete line of a file of size bytes ends. */
static int find_end(struct nm_state *st, uint64_t size, struct nm_err *err)
{
	char buf[4096];

	while (size > st->begin) {
		uint64_t from = size > sizeof(buf) ? size - sizeof(buf) : 0;
		ssize_t n = pread(st->fd, buf, size - from, (off_t)from);
		const char *newline = n > 0 ? memrchr(buf, '\n', (size_t)n) : NULL;

		if (n < 0)
			return fail(st, "reading", err);
		if (newline) {
			st->end = from + (uint64_t)(newline - buf) + 1;
			return 0;
		}
		size = from;
	}
	st->end = st->begin;
	return 0;
}

/* Looks at the file behind st->fd. *ret_ours is false for one of another boot. */
static int examine(struct nm_state *st, bool *ret_ours, struct nm_err *err)
{
	char line[NM_STATE_HEADER_SIZE];
	struct nm_state_header h;
	struct stat info;
	ssize_t n;

	if (!is_private(st->fd, S_IFREG, &info))
		return nm_fail(err, NM_ERR_FAILED,
			"opening '%s/state': not a file that only its user can write to", st->dir);
	n = pread(st->fd, line, sizeof(line) - 1, 0);
	if (n < 0)
		return fail(st, "reading", err);
	line[n] = '\0';
	if (nm_state_header_parse(line, &h) < 0)
		return nm_fail(err, NM_ERR_FAILED, "reading '%s/state': its first line is damaged", st->dir);
	if (h.format > NM_STATE_FORMAT)
		return nm_fail(err, NM_ERR_FAILED,
			"reading '%s/state': format %" PRId64 " is newer than this natmap", st->dir,
			h.format);
	*ret_ours = !strcmp(h.boot, st->self.boot);
	if (!*ret_ours)
		return 0;
	if (!nm_nsid_equal(&h.netns, &st->self.netns))
		return nm_fail(err, NM_ERR_FAILED,
			"reading '%s/state': it is of another network namespace; use --state-dir for this "
			"one",
			st->dir);
	st->same_pidns = nm_nsid_equal(&h.pidns, &st->self.pidns);
	st->begin = strcspn(line, "\n") + 1;
	return find_end(st, (uint64_t)info.st_size, err);
}

/* Leaves st->fd at -1 when there is nothing to open. */
static int open_state(struct nm_state *st, enum nm_state_access access, struct nm_err *err)
{
	bool ours = false;

	if (nm_state_header_self(&st->self, err) < 0)
		return -1;
	st->fd = open_file(st, "state", access == NM_STATE_READ ? O_RDONLY : O_RDWR);
	if (st->fd < 0 && errno != ENOENT)
		return fail(st, "opening", err);
	if (st->fd >= 0 && examine(st, &ours, err) < 0)
		return -1;
	if (ours)
		return 0;
	if (access == NM_STATE_CREATE)
		return create(st, err);
	if (st->fd >= 0)
		close(st->fd);
	st->fd = -1;
	return 0;
}

int nm_state_open(const char *dir, enum nm_state_access access, unsigned timeout_ms, struct nm_state **ret,
	struct nm_err *err)
{
	nm_autostate struct nm_state *st = calloc(1, sizeof(*st));

	if (!st || !(st->dir = strdup(dir))) {
		free(nm_steal(&st));
		return nm_fail(err, NM_ERR_FAILED, "opening directory '%s': out of memory", dir);
	}
	st->dirfd = st->lockfd = st->fd = -1;
	if (open_dir(st, access, err) < 0)
		return -1;
	if (st->dirfd >= 0 && take_lock(st, access, timeout_ms, err) < 0)
		return -1;
	if (st->lockfd >= 0 && open_state(st, access, err) < 0)
		return -1;
	*ret = st->fd >= 0 ? nm_steal(&st) : NULL;
	return 0;
}

void nm_state_unlock(struct nm_state *st)
{
	if (st->lockfd >= 0)
		nm_lock_release(st->lockfd);
}

void nm_state_close(struct nm_state *st)
{
	if (!st)
		return;
	nm_state_unlock(st);
	for (int *fd = (int[]){st->fd, st->lockfd, st->dirfd, -2}; *fd != -2; fd++)
		if (*fd >= 0)
			close(*fd);
	free(st->dir);
	free(st);
}

bool nm_state_same_pidns(const struct nm_state *st)
{
	return st->same_pidns;
}

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
			return fail(st, "reading", err);
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
	const struct nm_state_query *query;
	struct nm_records *found;
};

static int examine_line(
	struct nm_state *st, const char *line, size_t len, uint64_t offset, void *ctx, struct nm_err *err)
{
	const struct search *search = ctx;
	struct nm_record r;

	if (is_retired(line, len)) {
		st->dead += len + 1;
		return 0;
	}
	st->live += len + 1;
	if (is_live(line, len) && !nm_state_query_fits(search->query, line, len))
		return 0;
	if (!is_live(line, len) || nm_record_read(line, len, &r, err) < 0) {
		nm_log_notice("state file '%s/state': the line at byte %" PRIu64
			      " is damaged, ignored: natmap check tells more",
			st->dir, offset);
		return 0;
	}
	r.offset = offset;
	if (nm_records_add(search->found, &r, err) < 0) {
		nm_record_done(&r);
		return -1;
	}
	return 0;
}

int nm_state_find(
	struct nm_state *st, const struct nm_state_query *query, struct nm_records *ret, struct nm_err *err)
{
	struct search search = {.query = query, .found = ret};

	st->live = st->dead = 0;
	return each_line(st, examine_line, &search, err);
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
		return fail(st, "writing", err);
	return 0;
}

struct copy {
	int fd;
	uint64_t end;
};

static int copy_line(
	struct nm_state *st, const char *line, size_t len, uint64_t offset, void *ctx, struct nm_err *err)
{
	struct copy *copy = ctx;

	(void)offset;
	if (is_retired(line, len))
		return 0;
	/* line[len] is the newline */
	if (nm_io_write_all(copy->fd, line, len + 1) < 0)
		return fail(st, "compacting", err);
	copy->end += len + 1;
	return 0;
}

void nm_state_compact(struct nm_state *st)
{
	struct nm_err err;
	uint64_t begin;
	nm_autoclose int fd = -1;
	struct copy copy;

	if (st->dead < GARBAGE_MIN || st->dead < st->live)
		return;
	fd = start_new(st, &begin);
	copy = (struct copy){.fd = fd, .end = begin};
	if (fd < 0 || each_line(st, copy_line, &copy, &err) < 0 || install_new(st) < 0) {
		nm_log_notice("state file '%s/state': not compacted, ignored: it still works", st->dir);
		return;
	}
	adopt_file(st, nm_steal_fd(&fd), begin, copy.end);
}
