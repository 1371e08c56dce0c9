/* Who may write to the file decides who may publish what. */
#include "input/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/io.h"

static int fail_config(const char *path, const char *why, struct nm_err *err)
{
	return nm_fail(err, NM_ERR_CONFIG, "configuration file '%s': %s", path, why);
}

static int check_file(int fd, const char *path, struct nm_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_config(path, strerror(errno), err);
	if (!S_ISREG(st.st_mode))
		return fail_config(path, "not a regular file", err);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fail_config(path, "belongs neither to root nor to the user natmap runs as", err);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return fail_config(path, "writable by others than its owner", err);
	return 0;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 || errno != ENOENT;
}

bool nm_config_file_may_have_sources(const char *path)
{
	nm_autofree char *text = NULL;
	struct nm_err err;
	size_t len;

	if (nm_io_read_file(path ? path : NM_CONFIG_PATH, NM_CONFIG_MAX, &text, &len, &err) < 0)
		return false;
	return memmem(text, len, "sources", strlen("sources")) || memchr(text, '\\', len);
}

static int load(struct nm_config *c, const char *path, struct nm_err *err)
{
	const char *name = path ? path : NM_CONFIG_PATH;
	/* a FIFO must not make the hook wait */
	nm_autoclose int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	nm_autofree char *text = NULL;
	size_t len;

	/* A dangling symbolic link is a lost configuration, not a missing one. */
	if (fd < 0 && errno == ENOENT && !path && !exists(name))
		return 0;
	if (fd < 0)
		return fail_config(name, strerror(errno), err);
	if (check_file(fd, name, err) < 0)
		return -1;
	if (nm_io_read_all(fd, NM_CONFIG_MAX, name, &text, &len, err) < 0) {
		if (err->kind == NM_ERR_REFUSED)
			err->kind = NM_ERR_CONFIG;
		return -1;
	}
	c->fingerprint = nm_hash(NM_HASH_BEGIN, text, len);
	return nm_config_parse(c, text, len, name, err);
}

int nm_config_file_load(struct nm_config *c, const char *path, struct nm_err *err)
{
	nm_config_init(c);
	if (load(c, path, err) == 0)
		return 0;
	nm_config_done(c);
	nm_config_init(c);
	return -1;
}
