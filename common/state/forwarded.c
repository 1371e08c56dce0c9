/*
 * A line for each: boot, backend, family, number, whether it is bridged, name. No name of an interface has a
 * blank. The boot is that of the state's header, so that a file that outlived a boot counts for nothing. A
 * file of its own, because it belongs to no container: the last one that is withdrawn, whichever it is,
 * switches all of them off.
 */
#include "state/forwarded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "state/file.h"
#include "state/interfaces.h"

#define FILE_NAME "forwarding"
#define NEW_NAME  "forwarding.new"
/* In place of a name: static NAT needs the family. */
#define STATICS "/static"

enum { FILE_MAX = 1 << 20 };

void nm_forwarded_done(struct nm_forwarded *f)
{
	free(f->v);
	*f = (struct nm_forwarded){0};
}

int nm_forwarded_add(struct nm_forwarded *f, const struct nm_forwarded_interface *i, struct nm_err *err)
{
	if (nm_grow(f, "reading the interfaces that forward", err) < 0)
		return -1;
	f->v[f->n++] = *i;
	return 0;
}

const struct nm_forwarded_interface *nm_forwarded_find(
	const struct nm_forwarded *f, const struct nm_forwarded_interface *like)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].family == like->family &&
			nm_interfaces_same(f->v[i].name, f->v[i].index, like->name, like->index))
			return &f->v[i];
	return NULL;
}

uint64_t nm_forwarded_fingerprint(const struct nm_forwarded *f)
{
	uint64_t sum = f->statics | (f->n > 0 ? (uint64_t)f->backend << 8 : 0) | (uint64_t)f->damaged << 16;

	for (size_t i = 0; i < f->n; i++) {
		const struct nm_forwarded_interface *v = &f->v[i];
		const uint32_t what[] = {v->family, v->index, v->bridged};

		sum += nm_hash(nm_hash(NM_HASH_BEGIN, what, sizeof(what)), v->name, strlen(v->name));
	}
	return sum;
}

static int fail(const struct nm_state *st, const char *what, struct nm_err *err)
{
	return nm_fail_errno(err, errno, "%s '%s/%s'", what, st->dir, FILE_NAME);
}

static void tell_damaged(const struct nm_state *st, const char *why, struct nm_forwarded *ret)
{
	if (!ret->damaged)
		nm_log_notice("state file '%s/%s': %s, ignored: natmap's rules tell the interfaces", st->dir,
			FILE_NAME, why);
	ret->damaged = true;
}

/* It becomes part of a path. */
static bool is_interface(const char *name)
{
	return !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int read_line(
	const struct nm_state *st, const char *line, struct nm_forwarded *ret, struct nm_err *err)
{
	char boot[sizeof(st->self.boot)], backend[16], name[IF_NAMESIZE];
	struct nm_forwarded_interface i = {.index = 0};
	unsigned version, bridged;

	if (sscanf(line, "%39s %15s %u %u %u %15s", boot, backend, &version, &i.index, &bridged, name) != 6 ||
		(version != 4 && version != 6) || (strcmp(name, STATICS) != 0 && !is_interface(name)) ||
		!nm_backend_parse(backend, &ret->backend)) {
		tell_damaged(st, "a line is not as natmap writes it", ret);
		return 0;
	}
	if (strcmp(boot, st->self.boot) != 0)
		return 0;
	i.family = version == 4 ? NM_IPV4 : NM_IPV6;
	i.bridged = bridged;
	memcpy(i.name, name, sizeof(i.name));
	if (strcmp(name, STATICS) != 0)
		return nm_forwarded_add(ret, &i, err);
	ret->statics |= 1u << i.family;
	return 0;
}

/* *ret stays NULL when there is no file. */
static int read_text(const struct nm_state *st, char **ret, size_t *ret_len, struct nm_err *err)
{
	nm_autoclose int fd = openat(st->dirfd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat info;

	if (fd < 0)
		return errno == ENOENT ? 0 : nm_fail_errno(err, errno, "opening it");
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
		return nm_fail(err, NM_ERR_FAILED, "not a regular file");
	return nm_io_read_all(fd, FILE_MAX, "it", ret, ret_len, err);
}

int nm_forwarded_read(const struct nm_state *st, struct nm_forwarded *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_forwarded_done) struct nm_forwarded f = {0};
	nm_autofree char *text = NULL;
	struct nm_err why;
	size_t len = 0;

	if (read_text(st, &text, &len, &why) < 0)
		tell_damaged(st, why.msg, &f);
	if (len > 0 && strlen(text) != len)
		tell_damaged(st, "it has bytes that are no text", &f);
	for (char *rest = text, *line; len > 0 && (line = strsep(&rest, "\n")) && *line;)
		if (read_line(st, line, &f, err) < 0)
			return -1;
	*ret = nm_steal(&f);
	return 0;
}

static void print_line(const struct nm_state *st, FILE *out, enum nm_backend backend, enum nm_family family,
	unsigned index, bool bridged, const char *name)
{
	fprintf(out, "%s %s %d %u %d %s\n", st->self.boot, nm_backend_name(backend),
		family == NM_IPV4 ? 4 : 6, index, bridged, name);
}

/* NULL when memory is short. */
static char *print(const struct nm_state *st, const struct nm_forwarded *f, size_t *ret_len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);
	bool failed;

	if (!out)
		return NULL;
	nm_each_family(family, f->statics)
		print_line(st, out, f->backend, family, 0, false, STATICS);
	for (size_t i = 0; i < f->n; i++)
		print_line(st, out, f->backend, f->v[i].family, f->v[i].index, f->v[i].bridged, f->v[i].name);
	failed = ferror(out);
	if (fclose(out) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}

int nm_forwarded_write(const struct nm_state *st, const struct nm_forwarded *f, struct nm_err *err)
{
	nm_autoclose int fd = -1;
	nm_autofree char *text = NULL;
	size_t len;

	if (f->n == 0 && !f->statics)
		return unlinkat(st->dirfd, FILE_NAME, 0) < 0 && errno != ENOENT ? fail(st, "removing", err)
										: 0;
	text = print(st, f, &len);
	if (!text)
		return nm_fail_memory(err, "writing the interfaces that forward");
	fd = openat(st->dirfd, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || nm_io_write_all(fd, text, len) < 0 ||
		renameat(st->dirfd, NEW_NAME, st->dirfd, FILE_NAME) < 0)
		return fail(st, "writing", err);
	return 0;
}
