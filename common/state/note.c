/* A line of boot and text. The time is that of the file, which is made anew each time: natmap needs no clock.
 */
#include "state/note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "state/file.h"

enum { LINE_SIZE = NM_NOTE_SIZE + sizeof(((struct nm_state_header *)0)->boot) + 2 };

static int fail(const struct nm_state *st, const char *what, const char *name, struct nm_err *err)
{
	return nm_fail_errno(err, errno, "%s '%s/%s'", what, st->dir, name);
}

int nm_note_write(const struct nm_state *st, const char *name, const char *text, struct nm_err *err)
{
	nm_autoclose int fd = -1;
	char line[LINE_SIZE], new[32];
	int len;

	if (!text)
		return unlinkat(st->dirfd, name, 0) < 0 && errno != ENOENT ? fail(st, "removing", name, err)
									   : 0;
	len = snprintf(line, sizeof(line), "%s %.*s\n", st->self.boot, NM_NOTE_SIZE - 1, text);
	(void)snprintf(new, sizeof(new), "%s.new", name);
	fd = openat(st->dirfd, new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || nm_io_write_all(fd, line, (size_t)len) < 0 ||
		renameat(st->dirfd, new, st->dirfd, name) < 0)
		return fail(st, "writing", name, err);
	return 0;
}

bool nm_note_read(const struct nm_state *st, const char *name, char ret[static NM_NOTE_SIZE], time_t *ret_at)
{
	nm_autoclose int fd = openat(st->dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t boot_len = strlen(st->self.boot);
	char line[LINE_SIZE];
	struct stat info;
	ssize_t n;

	if (fd < 0 || fstat(fd, &info) < 0 || (n = nm_io_read(fd, line, sizeof(line) - 1)) < 0)
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, st->self.boot, boot_len) != 0 || line[boot_len] != ' ')
		return false;
	(void)snprintf(ret, NM_NOTE_SIZE, "%s", line + boot_len + 1);
	*ret_at = info.st_mtime;
	return true;
}
