/*
 * Directory, lock and file of the state. No symbolic link is followed, and what others can write to is not
 * trusted. A file is made beside the old one and renamed, so that there is never half a header.
 *
 * The directory and the lock may be removed or replaced at any moment. A lock excludes others only while they
 * find the same file under its path: this is checked once it is held, and if it fails all is opened again.
 */
#include "state/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "state/lock.h"

enum { UUID_LEN = 36, OPEN_TRIES = 100 };
enum { CHUNK = 64 * 1024 }; /* fits the second level cache of small processors */

int nm_state_file_fail(const struct nm_state *st, const char *what, struct nm_err *err)
{
	return nm_fail_errno(err, errno, "%s '%s/state'", what, st->dir);
}

static bool is_private(int fd, mode_t type, struct stat *info)
{
	return fstat(fd, info) == 0 && (info->st_mode & S_IFMT) == type && info->st_uid == geteuid() &&
		!(info->st_mode & (S_IWGRP | S_IWOTH));
}

/* Who can move the directory can put another one in its place: another lock, and a state of nobody. */
static bool can_be_moved(int dirfd)
{
	struct stat parent;

	if (fstatat(dirfd, "..", &parent, 0) < 0)
		return true;
	return (parent.st_uid != 0 && parent.st_uid != geteuid()) ||
		(parent.st_mode & (S_IWGRP | S_IWOTH) && !(parent.st_mode & S_ISVTX));
}

/* Leaves st->dirfd at -1 when there is no directory. */
static int open_dir(struct nm_state *st, enum nm_state_access access, struct nm_err *err)
{
	struct stat info;

	if (access >= NM_STATE_CREATE && nm_state_make_directory(st->dir, err) < 0)
		return -1;
	/* O_PATH: nm_sandbox_confine() allows it */
	st->dirfd = open(st->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (st->dirfd < 0 && errno == ENOENT)
		return 0;
	if (st->dirfd < 0)
		return nm_fail_errno(err, errno, "opening directory '%s'", st->dir);
	if (!is_private(st->dirfd, S_IFDIR, &info))
		return nm_fail(err, NM_ERR_FAILED,
			"opening directory '%s': not one that only its user can write to", st->dir);
	if (can_be_moved(st->dirfd))
		return nm_fail(err, NM_ERR_FAILED,
			"opening directory '%s': others can move it, since they can write to the one that it "
			"is in",
			st->dir);
	return 0;
}

/* *ret_fd is -1 when there is no such file. */
static int open_file(const struct nm_state *st, const char *name, int flags, int *ret_fd, struct nm_err *err)
{
	*ret_fd = openat(st->dirfd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (*ret_fd < 0 && errno != ENOENT)
		return nm_fail_errno(err, errno, "opening '%s/%s'", st->dir, name);
	return 0;
}

/* Whoever can open the lock, if only to read, can hold it for ever. */
static int check_lock(const struct nm_state *st, struct nm_err *err)
{
	struct stat info;

	if (is_private(st->lockfd, S_IFREG, &info) && !(info.st_mode & (S_IRGRP | S_IROTH)))
		return 0;
	return nm_fail(err, NM_ERR_FAILED,
		"opening '%s/lock': not a file that only its user can open; run: chmod 600 '%s/lock'",
		st->dir, st->dir);
}

/* Leaves st->lockfd at -1 when there is no state and none is to be made. */
static int take_lock(
	struct nm_state *st, enum nm_state_access access, unsigned timeout_ms, struct nm_err *err)
{
	struct stat info;
	bool create =
		access >= NM_STATE_CREATE || fstatat(st->dirfd, "state", &info, AT_SYMLINK_NOFOLLOW) == 0;

	if (open_file(st, "lock", O_RDWR | (create ? O_CREAT : 0), &st->lockfd, err) < 0)
		return -1;
	if (st->lockfd < 0)
		return 0;
	if (check_lock(st, err) < 0)
		return -1;
	return nm_lock_take(st->lockfd, access == NM_STATE_READ, timeout_ms, st->dir, err);
}

/* True when the lock is the one that others find. */
static bool is_current(const struct nm_state *st)
{
	char name[PATH_MAX];
	struct stat held, found;

	(void)snprintf(name, sizeof(name), "%s/lock", st->dir);
	return fstat(st->lockfd, &held) == 0 && lstat(name, &found) == 0 && held.st_dev == found.st_dev &&
		held.st_ino == found.st_ino;
}

/* Makes the header of a new file, with the boot and the namespaces of this process. */
static int make_header(struct nm_state_header *ret, struct nm_err *err)
{
	static const char boot_id[] = "/proc/sys/kernel/random/boot_id";

	if (nm_io_read_small(AT_FDCWD, boot_id, ret->boot, sizeof(ret->boot)) < 0)
		return nm_fail_errno(err, errno, "reading '%s'", boot_id);
	ret->boot[strcspn(ret->boot, "\n")] = '\0';
	if (strlen(ret->boot) != UUID_LEN) /* another id would make the state one of another boot */
		return nm_fail(err, NM_ERR_FAILED, "reading '%s': not a UUID", boot_id);
	ret->format = NM_STATE_FORMAT;
	return nm_netns_self("net", &ret->netns, err) < 0 ? -1 : nm_netns_self("pid", &ret->pidns, err);
}

static uint64_t at_most_ten_digits(uint64_t n)
{
	return n < NM_OFFSET_MAX ? n : NM_OFFSET_MAX;
}

size_t nm_state_file_print_header(const struct nm_state_header *h, char buf[static NM_STATE_HEADER_SIZE])
{
	return (size_t)snprintf(buf, NM_STATE_HEADER_SIZE,
		"{\"natmap\":%" PRId64 ",\"boot\":\"%s\",\"netns\":\"%" PRIu64 ":%" PRIu64
		"\",\"pidns\":\"%" PRIu64 ":%" PRIu64 "\",\"retired\":\"%010" PRIu64
		"\",\"blocks\":\"%010" PRIu64 "\"}\n",
		h->format, h->boot, h->netns.dev, h->netns.ino, h->pidns.dev, h->pidns.ino,
		at_most_ten_digits(h->retired), at_most_ten_digits(h->blocks));
}

/* No JSON parser reads it: at this point nothing in the file is trusted. */
int nm_state_file_parse_header(const char *line, struct nm_state_header *ret)
{
	struct nm_state_header h = {0};
	char printed[NM_STATE_HEADER_SIZE];
	size_t len;
	int n;

	n = sscanf(line,
		"{\"natmap\":%" SCNd64 ",\"boot\":\"%39[0-9a-f-]\",\"netns\":\"%" SCNu64 ":%" SCNu64
		"\",\"pidns\":\"%" SCNu64 ":%" SCNu64 "\",\"retired\":\"%" SCNu64 "\",\"blocks\":\"%" SCNu64,
		&h.format, h.boot, &h.netns.dev, &h.netns.ino, &h.pidns.dev, &h.pidns.ino, &h.retired,
		&h.blocks);
	if (n < 1 || h.format < 1)
		return -1;
	len = nm_state_file_print_header(&h, printed);
	/* what was printed differently cannot be written over in place */
	if (h.format <= NM_STATE_FORMAT && (n != 8 || strncmp(line, printed, len) != 0))
		return -1;
	*ret = h;
	return 0;
}

int nm_state_file_write_header(struct nm_state *st, struct nm_err *err)
{
	char line[NM_STATE_HEADER_SIZE];
	size_t len = nm_state_file_print_header(&st->header, line);

	return pwrite(st->fd, line, len, 0) == (ssize_t)len ? 0 : nm_state_file_fail(st, "writing", err);
}

int nm_state_file_start(const struct nm_state *st, struct nm_state *ret, struct nm_err *err)
{
	char line[NM_STATE_HEADER_SIZE];
	size_t len = nm_state_file_print_header(&st->self, line);
	nm_autoclose int fd = -1;

	if (open_file(st, "state.new", O_RDWR | O_CREAT | O_TRUNC, &fd, err) < 0)
		return -1;
	if (fd < 0 || nm_io_write_all(fd, line, len) < 0)
		return nm_state_file_fail(st, "creating", err);
	*ret = *st;
	ret->fd = nm_steal_fd(&fd);
	ret->header = st->self;
	ret->same_pidns = true;
	ret->begin = ret->end = ret->open_block = len;
	ret->last_block = 0;
	return 0;
}

int nm_state_file_install(struct nm_state *st, struct nm_state *new, struct nm_err *err)
{
	if (renameat(st->dirfd, "state.new", st->dirfd, "state") < 0)
		return nm_state_file_fail(st, "replacing", err);
	nm_cleanup_close(&st->fd);
	*st = *new;
	st->replaced = true;
	new->fd = -1;
	return 0;
}

/* Sets st->end to where the last complete line of a file of size bytes ends. */
static int find_end(struct nm_state *st, uint64_t size, struct nm_err *err)
{
	char buf[4096];

	while (size > st->begin) {
		uint64_t from = size > sizeof(buf) ? size - sizeof(buf) : 0;
		ssize_t n = pread(st->fd, buf, (size_t)(size - from), (off_t)from);
		const char *newline = n > 0 ? memrchr(buf, '\n', (size_t)n) : NULL;

		if (n < 0)
			return nm_state_file_fail(st, "reading", err);
		if (newline) {
			st->end = from + (uint64_t)(newline - buf) + 1;
			return 0;
		}
		size = from;
	}
	st->end = st->begin;
	return 0;
}

/* Looks at the file behind st->fd. *ret_ours is false for one of another boot, or whose damage is forgiven.
 */
static int examine(struct nm_state *st, bool forgive_damage, bool *ret_ours, struct nm_err *err)
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
		return nm_state_file_fail(st, "reading", err);
	line[n] = '\0';
	if (nm_state_file_parse_header(line, &h) < 0 && forgive_damage)
		return 0;
	if (nm_state_file_parse_header(line, &h) < 0)
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
	st->header = h;
	st->same_pidns = nm_nsid_equal(&h.pidns, &st->self.pidns);
	st->begin = strcspn(line, "\n") + 1;
	return find_end(st, (uint64_t)info.st_size, err);
}

/* Leaves st->fd at -1 when there is no state and none is to be made. */
static int open_state(struct nm_state *st, enum nm_state_access access, struct nm_err *err)
{
	bool ours = false;

	if (make_header(&st->self, err) < 0 ||
		open_file(st, "state", access == NM_STATE_READ ? O_RDONLY : O_RDWR, &st->fd, err) < 0)
		return -1;
	if (st->fd >= 0 && examine(st, access == NM_STATE_FORCE, &ours, err) < 0)
		return -1;
	if (ours)
		return 0;
	nm_cleanup_close(&st->fd);
	if (access < NM_STATE_CREATE)
		return 0;
	if (nm_state_file_start(st, st, err) < 0)
		return -1;
	st->created = true;
	return renameat(st->dirfd, "state.new", st->dirfd, "state") < 0
		? nm_state_file_fail(st, "replacing", err)
		: 0;
}

static int open_all(struct nm_state *st, enum nm_state_access access, unsigned timeout_ms, struct nm_err *err)
{
	if (open_dir(st, access, err) < 0)
		return -1;
	if (st->dirfd >= 0 && take_lock(st, access, timeout_ms, err) < 0)
		return -1;
	return st->lockfd >= 0 ? open_state(st, access, err) : 0;
}

int nm_state_file_open(
	struct nm_state *st, enum nm_state_access access, unsigned timeout_ms, struct nm_err *err)
{
	for (int i = 0; i < OPEN_TRIES; i++) {
		int rc = open_all(st, access, timeout_ms, err);

		if (st->lockfd >= 0 ? is_current(st) : rc < 0 || access < NM_STATE_CREATE)
			return rc;
		nm_state_file_close(st);
	}
	return nm_fail(err, NM_ERR_FAILED, "opening directory '%s': others keep removing it", st->dir);
}

void nm_state_file_close(struct nm_state *st)
{
	nm_state_unlock(st);
	nm_cleanup_close(&st->fd);
	nm_cleanup_close(&st->lockfd);
	nm_cleanup_close(&st->dirfd);
}

/* Hands the complete lines of buf over. Returns the bytes they take, or -1. */
static ssize_t each_complete_line(const char *buf, size_t len, uint64_t offset,
	nm_state_file_on_line *handler, void *ctx, struct nm_err *err)
{
	const char *p = buf, *newline;

	while ((newline = memchr(p, '\n', len - (size_t)(p - buf)))) {
		if (handler(ctx, p, (size_t)(newline - p), offset + (uint64_t)(p - buf), err) < 0)
			return -1;
		p = newline + 1;
	}
	return p - buf;
}

int nm_state_file_each_line(const struct nm_state *st, uint64_t from, uint64_t to,
	nm_state_file_on_line *handler, void *ctx, struct nm_err *err)
{
	nm_autofree char *buf = from < to ? malloc(CHUNK) : NULL;
	size_t capacity = CHUNK;

	while (from < to) {
		size_t want = to - from < capacity ? (size_t)(to - from) : capacity;
		ssize_t n = buf ? pread(st->fd, buf, want, (off_t)from) : -1;
		ssize_t used = n > 0 ? each_complete_line(buf, (size_t)n, from, handler, ctx, err) : 0;

		if (n <= 0)
			return nm_state_file_fail(st, "reading", err);
		if (used < 0)
			return -1;
		from += (uint64_t)used;
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
