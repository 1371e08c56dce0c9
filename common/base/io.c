/* Bounded input and complete output on file descriptors. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FIRST_READ = 16 * 1024 };

ssize_t nm_io_read(int fd, void *buf, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, (char *)buf + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

int nm_io_read_upto(int fd, size_t max, const char *what, char **ret, size_t *ret_len, struct nm_err *err)
{
	nm_autofree char *buf = NULL;
	size_t used = 0, capacity = 0;

	do {
		size_t doubled = capacity ? capacity * 2 : FIRST_READ;
		char *grown = realloc(buf, doubled + 1);
		ssize_t n;

		if (!grown)
			return nm_fail_memory(err, what);
		buf = grown;
		capacity = doubled < max ? doubled : max;
		n = nm_io_read(fd, buf + used, capacity - used);
		if (n < 0)
			return nm_fail_errno(err, errno, "reading %s", what);
		used += (size_t)n;
	} while (used == capacity && used < max);
	buf[used] = '\0';
	*ret = nm_steal(&buf);
	*ret_len = used;
	return 0;
}

int nm_io_read_all(int fd, size_t max, const char *what, char **ret, size_t *ret_len, struct nm_err *err)
{
	nm_autofree char *buf = NULL;
	size_t len;

	if (nm_io_read_upto(fd, max + 1, what, &buf, &len, err) < 0)
		return -1;
	if (len > max)
		return nm_fail(err, NM_ERR_REFUSED, "reading %s: more than %zu bytes", what, max);
	*ret = nm_steal(&buf);
	*ret_len = len;
	return 0;
}

int nm_io_read_file(const char *path, size_t max, char **ret, size_t *ret_len, struct nm_err *err)
{
	nm_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return nm_fail_errno(err, errno, "reading '%s'", path);
	if (!S_ISREG(st.st_mode))
		return nm_fail(err, NM_ERR_FAILED, "reading '%s': not a regular file", path);
	return nm_io_read_all(fd, max, path, ret, ret_len, err);
}

int nm_io_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t nm_io_read_small(int dirfd, const char *path, char *buf, size_t size)
{
	nm_autoclose int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : nm_io_read(fd, buf, size - 1);

	if (n >= 0)
		buf[n] = '\0';
	return n;
}

int nm_io_socket(int family, int type, int protocol)
{
	return (int)syscall(SYS_socket, family, type, protocol);
}
