/*
 * How the state file works.
 *
 * The first line names the format, the boot, the network namespace and the PID namespace of the file. Every
 * other line is a record. It begins with {"live":1, or, once it is retired, with {"live":0, - one byte,
 * changed in place by one pwrite(), so that retiring needs no space and cannot be half done. A record is
 * added by one write at the end; the next writer overwrites what a killed one has left there without a
 * newline.
 *
 * A search must not read 10,000 records. When there are 32 KiB of lines after the last block, the next writer
 * ends a block: it appends a line with the offset of the block's first line, the network namespace of its
 * live records, if they have only one, and a filter of all their keys (state/keys.c). Then it writes the
 * offset of that line, ten digits that are changed in place, into the line of the previous block or, for the
 * first block, into the header. A writer killed in between leaves a line that searches skip. A retired record
 * leaves its keys behind, which only makes a search read its block. So a hook reads 4 KiB for each hundred
 * records, and the lines that concern it.
 *
 * When retired lines are the larger part, the live ones are copied to a new file that is renamed over the old
 * one. At least as many bytes have been appended since the last copy as are copied, so that each container's
 * share of all copying is no more than its own line, however many there are. The header counts the retired
 * bytes; a line that a killed writer did not count only takes up space.
 *
 * Records are written before the kernel is changed and retired after it, so the live lines cover at least
 * everything in the kernel. Two live lines of one id are the old and the new state of a change that was
 * killed: both count.
 *
 * The lock is a file of its own, which natmap never removes, because the state file is replaced.
 *
 * Who opens a file of an older format to write to it first writes it again in this one, so that an older
 * natmap refuses what it would only half understand.
 */
#include "state/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/log.h"
#include "input/json.h"
#include "state/block.h"
#include "state/file.h"
#include "state/keys.h"
#include "state/record_json.h"

enum { BLOCK_MIN = 32 * 1024, GARBAGE_MIN = 64 * 1024 };

/* The byte in which a live line differs from a retired one. */
#define LIVE_BYTE (sizeof("{\"live\":") - 1)

/* natmap's own changes show in the size and the header, whose clock's tick they may share with others. */
uint64_t nm_state_identity(const struct nm_state *st)
{
	struct stat i;

	if (fstat(st->fd, &i) < 0)
		return 0;
	return nm_hash(NM_HASH_BEGIN,
		(const uint64_t[]){i.st_dev, i.st_ino, (uint64_t)i.st_size, (uint64_t)i.st_mtim.tv_sec,
			(uint64_t)i.st_mtim.tv_nsec, (uint64_t)i.st_ctim.tv_sec, (uint64_t)i.st_ctim.tv_nsec,
			st->header.retired, st->header.blocks},
		9 * sizeof(uint64_t));
}

int nm_state_make_directory(const char *dir, struct nm_err *err)
{
	return mkdir(dir, 0700) < 0 && errno != EEXIST
		? nm_fail_errno(err, errno, "creating directory '%s'", dir)
		: 0;
}

void nm_state_unlock(struct nm_state *st)
{
	if (st && st->lockfd >= 0)
		(void)flock(st->lockfd, LOCK_UN); /* fails only for a bad fd */
}

bool nm_state_lock_again(struct nm_state *st)
{
	return flock(st->lockfd, LOCK_EX | LOCK_NB) == 0 && nm_state_identity(st) == st->opened;
}

void nm_state_close(struct nm_state **st)
{
	if (!*st)
		return;
	nm_state_file_close(*st);
	free((*st)->dir);
	free(nm_steal(st));
}

void nm_state_lock_waits(const struct nm_state *st, struct nm_lock_waits *ret)
{
	nm_lock_waits_read(st->lockfd, ret);
}

bool nm_state_is_empty(const struct nm_state *st)
{
	return st->end == st->begin;
}

bool nm_state_same_pidns(const struct nm_state *st)
{
	return st->same_pidns;
}

/* Writes whole lines at the end. On failure the file is as before. */
static int write_lines(struct nm_state *st, const char *text, size_t len, struct nm_err *err)
{
	ssize_t n = pwrite(st->fd, text, len, (off_t)st->end);

	if (n == (ssize_t)len) {
		st->end += len;
		return 0;
	}
	if (n >= 0)
		errno = ENOSPC;
	nm_state_file_fail(st, "writing", err);
	if (ftruncate(st->fd, (off_t)st->end) < 0)
		nm_log_notice("state file '%s/state': a torn line stays at its end, ignored: the next one "
			      "overwrites it",
			st->dir);
	return -1;
}

/* Of a block, from its records. */
struct block {
	char *filter;
	struct nm_nsid netns;
	bool has_netns, mixed;
};

static int on_block_line(void *ctx, const char *line, size_t len, uint64_t offset, struct nm_err *err)
{
	nm_autorecord struct nm_record r = {0};
	struct block *block = ctx;

	(void)offset;
	if (!nm_record_json_is(line, len, NM_RECORD_LIVE))
		return 0;
	if (nm_record_json_read(line, len, &r, err) < 0)
		return err->kind == NM_ERR_REFUSED ? 0 : -1;
	nm_state_keys_add(&r, block->filter, NM_BLOCK_FILTER_DIGITS);
	block->mixed |= block->has_netns && !nm_nsid_equal(&block->netns, &r.netns);
	block->netns = r.netns;
	block->has_netns = true;
	return 0;
}

/* Writes the offset of a block's line into the line before, where searches find it. */
static int link_block(struct nm_state *st, uint64_t at, struct nm_err *err)
{
	char digits[NM_OFFSET_DIGITS];

	if (!st->last_block) {
		st->header.blocks = at;
		return nm_state_file_write_header(st, err);
	}
	nm_state_block_print_offset(at, digits);
	if (pwrite(st->fd, digits, sizeof(digits), (off_t)(st->last_block + NM_BLOCK_NEXT_AT)) !=
		(ssize_t)sizeof(digits))
		return nm_state_file_fail(st, "writing", err);
	return 0;
}

static int print_block(struct nm_state *st, char line[static NM_BLOCK_SIZE], struct nm_err *err)
{
	struct block block = {.filter = line + NM_BLOCK_FILTER_AT};

	nm_state_block_print(st->open_block, line);
	if (nm_state_file_each_line(st, st->open_block, st->end, on_block_line, &block, err) < 0)
		return -1;
	if (!block.mixed)
		nm_state_block_print_netns(&block.netns, line + NM_BLOCK_NETNS_AT);
	return 0;
}

/* The last search has met none of the blocks: another natmap's, or moved by somebody who edited the file. */
static bool has_lost_blocks(const struct nm_state *st)
{
	return st->open_block && !st->last_block && st->header.blocks;
}

/* Ends a block when it is large enough. After a failure searches read each line from there on. */
static void end_block(struct nm_state *st)
{
	char block[NM_BLOCK_SIZE];
	uint64_t at = st->end;
	struct nm_err err;

	if (!st->open_block || st->end - st->open_block < BLOCK_MIN || st->end > NM_OFFSET_MAX ||
		has_lost_blocks(st))
		return;
	if (print_block(st, block, &err) < 0 || write_lines(st, block, sizeof(block), &err) < 0 ||
		link_block(st, at, &err) < 0) {
		st->open_block = 0;
		return;
	}
	st->last_block = at;
	st->open_block = st->end;
}

/* The record's line with its newline, for free(), or NULL with *err. */
static char *print_record(
	const struct nm_state *st, const struct nm_record *r, size_t *ret_len, struct nm_err *err)
{
	nm_autojsonwriter struct nm_json_writer *w = nm_json_writer_new();
	char filter[NM_RECORD_FILTER_SIZE], handles[NM_HANDLES_STRLEN], *line = NULL;
	const char *text;
	size_t len;

	nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
	nm_json_write_integer(w, "live", 1);
	nm_json_write_member(w, "filter", nm_state_keys_print_filter(r, filter));
	nm_record_json_write(r, w);
	if (r->handles.n > 0)
		nm_json_write_member(w, NM_RECORD_HANDLES, nm_handles_print(&r->handles, handles));
	nm_json_write_end(w, NM_JSON_OBJECT);
	text = nm_json_writer_finish(w, &len, err);
	if (!text)
		nm_wrap(err, "writing '%s/state'", st->dir);
	else if (len >= NM_STATE_LINE_MAX)
		nm_fail(err, NM_ERR_REFUSED, "writing '%s/state': %zu bytes are too long a record", st->dir,
			len);
	else if (asprintf(&line, "%s\n", text) < 0) {
		nm_fail_memory(err, "writing the state");
		line = NULL;
	}
	*ret_len = len + 1;
	return line;
}

int nm_state_append(struct nm_state *st, struct nm_record *r, struct nm_err *err)
{
	nm_autofree char *line = NULL;
	struct stat info;
	size_t len;

	if (st->header.format < NM_STATE_FORMAT)
		return nm_fail(err, NM_ERR_FAILED,
			"writing '%s/state': it has the format of an older natmap and cannot be converted",
			st->dir);
	line = print_record(st, r, &len, err);
	if (!line)
		return -1;
	if (fstat(st->fd, &info) < 0 || info.st_nlink == 0)
		return nm_fail(err, NM_ERR_FAILED, "writing '%s/state': somebody has removed it", st->dir);
	end_block(st);
	r->offset = st->end;
	r->size = len;
	return write_lines(st, line, len, err);
}

/* A line that was killed while it was written over has handles that are not those of its rules: who deletes
 * by them looks first. */
void nm_state_write_handles(struct nm_state *st, const struct nm_record *r)
{
	static const char before[] = "\"" NM_RECORD_HANDLES "\":\"", after[] = "\"}\n";
	const size_t before_len = sizeof(before) - 1, after_len = sizeof(after) - 1;
	char text[NM_HANDLES_STRLEN], found[NM_HANDLES_STRLEN + sizeof(before) + sizeof(after)];
	size_t len = strlen(nm_handles_print(&r->handles, text)), size = before_len + len + after_len;
	off_t at = (off_t)(r->offset + r->size - size);

	if (len == 0 || r->size <= size || pread(st->fd, found, size, at) != (ssize_t)size ||
		memcmp(found, before, before_len) != 0 ||
		memcmp(found + before_len + len, after, after_len) != 0 ||
		!memcmp(found + before_len, text, len))
		return;
	if (pwrite(st->fd, text, len, at + (off_t)before_len) != (ssize_t)len)
		nm_log_debug(
			"state file '%s/state': the handles of container '%s' are not recorded: its rules "
			"are looked for when they go",
			st->dir, r->id);
}

int nm_state_retire(struct nm_state *st, const struct nm_record *r, struct nm_err *err)
{
	struct nm_err ignored;

	if (pwrite(st->fd, "0", 1, (off_t)(r->offset + LIVE_BYTE)) != 1)
		return nm_state_file_fail(st, "writing", err);
	st->header.retired += r->size;
	if (nm_state_file_write_header(st, &ignored) < 0)
		nm_log_notice("state file '%s/state': does not count a retired line, ignored: that only "
			      "delays compaction",
			st->dir);
	return 0;
}

/* A file that was not installed must not take up space. */
static void copy_done(struct nm_state *copy)
{
	if (copy->fd >= 0 && ftruncate(copy->fd, 0) < 0)
		nm_log_notice("state file '%s/state.new': takes up space, ignored", copy->dir);
	nm_cleanup_close(&copy->fd);
}

static int on_copied_line(void *ctx, const char *line, size_t len, uint64_t offset, struct nm_err *err)
{
	(void)offset;
	if (nm_record_json_is(line, len, NM_RECORD_RETIRED) || nm_state_block_is(line, len))
		return 0;
	end_block(ctx);
	return write_lines(ctx, line, len + 1, err); /* line[len] is the newline */
}

static int on_readable_line(void *ctx, const char *line, size_t len, uint64_t offset, struct nm_err *err)
{
	nm_autorecord struct nm_record r = {0};

	if (nm_record_json_read(line, len, &r, err) < 0)
		return err->kind == NM_ERR_REFUSED ? 0 : -1;
	return on_copied_line(ctx, line, len, offset, err);
}

/* Damaged lines stay, for nm_state_damaged(). */
static int on_older_line(void *ctx, const char *line, size_t len, uint64_t offset, struct nm_err *err)
{
	nm_autorecord struct nm_record r = {0};
	nm_autofree char *converted = NULL;
	size_t converted_len;

	if (!nm_record_json_is(line, len, NM_RECORD_LIVE))
		return on_copied_line(ctx, line, len, offset, err);
	if (nm_record_json_read(line, len, &r, err) < 0)
		return err->kind == NM_ERR_REFUSED ? on_copied_line(ctx, line, len, offset, err) : -1;
	converted = print_record(ctx, &r, &converted_len, err);
	return converted ? on_copied_line(ctx, converted, converted_len - 1, offset, err) : -1;
}

/* The pids stay those of the file's PID namespace. */
static int rewrite(struct nm_state *st, nm_state_file_on_line *copy_line, struct nm_err *err)
{
	NM_CLEANUP(copy_done) struct nm_state copy = {.fd = -1};
	struct nm_state like = *st;

	like.self.pidns = st->header.pidns;
	if (nm_state_file_start(&like, &copy, err) < 0)
		return -1;
	copy.self = st->self;
	copy.same_pidns = st->same_pidns;
	if (nm_state_file_each_line(st, st->begin, st->end, copy_line, &copy, err) < 0)
		return -1;
	return nm_state_file_install(st, &copy, err);
}

/* A failure is a notice, since who only retires records needs no space on the disk and no new format. */
static void convert(struct nm_state *st)
{
	int64_t format = st->header.format;
	struct nm_err err;

	if (rewrite(st, on_older_line, &err) < 0)
		nm_log_notice("%s, ignored: the file keeps format %" PRId64, err.msg, format);
}

size_t nm_state_damaged(const struct nm_state *st)
{
	return st->damaged;
}

void nm_state_forget_damaged(struct nm_state *st)
{
	struct nm_err err;

	if (st->damaged && rewrite(st, on_readable_line, &err) < 0)
		nm_log_notice("compacting: %s, ignored: only the damaged lines stay", err.msg);
}

void nm_state_compact(struct nm_state *st)
{
	uint64_t retired = st->header.retired;
	struct nm_err err;

	if (!has_lost_blocks(st) && (retired < GARBAGE_MIN || 2 * retired < st->end - st->begin))
		return;
	if (rewrite(st, on_copied_line, &err) < 0)
		nm_log_notice("compacting: %s, ignored: it still works", err.msg);
}

int nm_state_open(const char *dir, enum nm_state_access access, unsigned timeout_ms, struct nm_state **ret,
	struct nm_err *err)
{
	nm_autostate struct nm_state *st = malloc(sizeof(*st));

	if (st)
		*st = (struct nm_state){.dir = strdup(dir), .dirfd = -1, .lockfd = -1, .fd = -1};
	if (!st || !st->dir)
		return nm_fail_memory(err, "opening the state");
	if (nm_state_file_open(st, access, timeout_ms, err) < 0)
		return -1;
	if (st->fd >= 0 && access != NM_STATE_READ && st->header.format < NM_STATE_FORMAT)
		convert(st);
	st->opened = nm_state_identity(st);
	*ret = st->fd >= 0 ? nm_steal(&st) : NULL;
	return 0;
}
