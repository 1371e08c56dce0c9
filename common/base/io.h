/* Complete reads and writes: EINTR and short transfers are handled here. */
#ifndef NM_BASE_IO_H
#define NM_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Reads size bytes, fewer at the end of fd. Returns the number of bytes, or -1 with errno set. */
ssize_t nm_io_read(int fd, void *buf, size_t size) NM_MUST_USE;

/* Reads fd to its end. 0 with *ret (owned, NUL-terminated beyond *ret_len); -1 with *err naming what: a read
 * error, memory, or NM_ERR_REFUSED when there are more than max bytes. */
int nm_io_read_all(
	int fd, size_t max, const char *what, char **ret, size_t *ret_len, struct nm_err *err) NM_MUST_USE;

/* Like nm_io_read_all(), but stops after max (at least 1) bytes without an error. */
int nm_io_read_upto(
	int fd, size_t max, const char *what, char **ret, size_t *ret_len, struct nm_err *err) NM_MUST_USE;

/* Reads a regular file to its end, of at most max bytes: nothing else, which could wait for somebody. 0 with
 * *ret as nm_io_read_all(), or -1 with *err that names the file. */
int nm_io_read_file(
	const char *path, size_t max, char **ret, size_t *ret_len, struct nm_err *err) NM_MUST_USE;

/* Writes all of it. 0, or -1 with errno set. */
int nm_io_write_all(int fd, const void *data, size_t len) NM_MUST_USE;

/* Reads a file (of /proc, say) relative to dirfd to its end or size - 1 bytes, and terminates the text.
 * Returns the number of bytes, or -1 with errno set. */
ssize_t nm_io_read_small(int dirfd, const char *path, char *buf, size_t size) NM_MUST_USE;

/* socket(2) by the call of that name, and not, as the libcs of i386 and s390x do it, by socketcall(2), whose
 * arguments no filter can see (sandbox.c). */
int nm_io_socket(int family, int type, int protocol) NM_MUST_USE;

#endif
