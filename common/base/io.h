/* Reading and writing whole things, whatever EINTR and short transfers do. */
#ifndef NM_BASE_IO_H
#define NM_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Reads fd to its end. 0 with *ret (owned, NUL-terminated beyond *ret_len); -1 with *err naming what: a read
 * error, memory, or NM_ERR_REFUSED when there are more than max bytes. */
int nm_io_read_all(
	int fd, size_t max, const char *what, char **ret, size_t *ret_len, struct nm_err *err) NM_MUST_USE;

/* Reads at most max (at least 1) bytes of fd, otherwise like nm_io_read_all(); there may be more when it is
 * max. */
int nm_io_read_upto(
	int fd, size_t max, const char *what, char **ret, size_t *ret_len, struct nm_err *err) NM_MUST_USE;

/* Writes all of it. 0, or -1 with errno set. */
int nm_io_write_all(int fd, const void *data, size_t len) NM_MUST_USE;

/* Reads up to size - 1 bytes of the small file (of /proc, say) relative to dirfd, and terminates them.
 * Returns the number of bytes, or -1 with errno set. */
ssize_t nm_io_read_small(int dirfd, const char *path, char *buf, size_t size) NM_MUST_USE;

/* socket(2) by the call of that name, and not, as the libcs of i386 and s390x do it, by socketcall(2), whose
 * arguments no filter can see (sandbox.c). */
int nm_io_socket(int family, int type, int protocol) NM_MUST_USE;

#endif
