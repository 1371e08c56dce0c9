/* base/io.c: short transfers, interruptions, errors and bounds. read(2) and write(2) of SCRIPTED do what a
 * row says. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tap.h"

enum { SCRIPTED = 1000, STEPS_MAX = 8, BYTES_MAX = 100000 };

/* What the calls of read() or write() do, one after the other: transfer so many bytes at most, or fail with
 * -errno. 0: the end of the file, and of the row. */
static const int *step;
static char bytes[BYTES_MAX + 1]; /* what is there to read, or has been written */
static size_t n_bytes, at;

static ssize_t take_step(size_t size)
{
	ssize_t n = step ? *step : (ssize_t)size;

	if (n < 0) {
		errno = -*step++;
		return -1;
	}
	step += step && n > 0;
	return n < (ssize_t)size ? n : (ssize_t)size;
}

ssize_t read(int fd, void *buf, size_t size)
{
	ssize_t n;

	if (fd != SCRIPTED)
		return syscall(SYS_read, fd, buf, size);
	n = take_step(size < n_bytes - at ? size : n_bytes - at);
	if (n > 0)
		memcpy(buf, bytes + at, (size_t)n);
	at += n > 0 ? (size_t)n : 0;
	return n;
}

ssize_t write(int fd, const void *buf, size_t size)
{
	ssize_t n;

	if (fd != SCRIPTED)
		return syscall(SYS_write, fd, buf, size);
	n = take_step(size);
	if (n > 0)
		memcpy(bytes + at, buf, (size_t)n);
	at += n > 0 ? (size_t)n : 0;
	return n;
}

/* The last buffer's size. */
static size_t room;
static bool fails;

void *realloc(void *old, size_t size)
{
	void *p = fails ? NULL : malloc(size);
	size_t kept = old && p ? malloc_usable_size(old) : 0;

	room = size;
	if (!p)
		return NULL;
	if (old)
		memcpy(p, old, kept < size ? kept : size);
	free(old);
	return p;
}

static void script(const int *steps, const char *text)
{
	step = steps;
	at = 0;
	n_bytes = text ? strlen(text) : 0;
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, text ? text : "", n_bytes);
}

static void test_read(void)
{
	static const struct {
		const char *name;
		int steps[STEPS_MAX];
		size_t size;
		int result;
		const char *expected;
	} rows[] = {
		{"all at once", {9, 0}, 9, 6, "abcdef"},
		{"in parts", {1, 2, 9, 0}, 9, 6, "abcdef"},
		{"no more than wanted", {9, 9}, 4, 4, "abcd"},
		{"no more than wanted, in parts", {2, 9, -EIO}, 4, 4, "abcd"},
		{"exactly what is there", {6, -EIO}, 6, 6, "abcdef"},
		{"nothing wanted", {-EIO}, 0, 0, ""},
		{"interrupted", {-EINTR, 3, -EINTR, 3, 0}, 9, 6, "abcdef"},
		{"an error at first", {-EIO}, 9, -1, ""},
		{"an error then", {3, -EIO}, 9, -1, "abc"},
	};

	nm_each(row, rows) {
		char buf[16] = "";
		ssize_t n;

		script(row->steps, "abcdef");
		errno = 0;
		n = nm_io_read(SCRIPTED, buf, row->size);
		tap_ok(n == row->result && (n >= 0 || errno == EIO), "read: %s", row->name);
		tap_is(buf, row->expected, "its bytes");
	}
}

static void test_write(void)
{
	static const struct {
		const char *name;
		int steps[STEPS_MAX], result;
		const char *expected;
	} rows[] = {
		{"all at once", {9, -EIO}, 0, "abcdef"},
		{"in parts", {1, 2, 9, -EIO}, 0, "abcdef"},
		{"but for one byte", {5, 1, -EIO}, 0, "abcdef"},
		{"interrupted", {-EINTR, 3, -EINTR, 3, -EIO}, 0, "abcdef"},
		{"an error at first", {-EIO}, -1, ""},
		{"an error then", {3, -EIO}, -1, "abc"},
	};

	nm_each(row, rows) {
		int rc;

		script(row->steps, NULL);
		errno = 0;
		rc = nm_io_write_all(SCRIPTED, "abcdef", 6);
		tap_ok(rc == row->result && (rc == 0 || errno == EIO), "write: %s", row->name);
		tap_is(bytes, row->expected, "its bytes");
	}
}

/* A file of so many bytes, no two parts of which are the same. */
static void fill(size_t len)
{
	script(NULL, NULL);
	n_bytes = len;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(1 + i % 251);
}

/* Sizes around those of the buffer, which begins with 16 KiB and doubles. */
static void test_bounds(void)
{
	static const struct {
		size_t len, max;
	} rows[] = {{0, 1}, {1, 1}, {2, 1}, {5, 100}, {16383, 99999}, {16384, 99999}, {16385, 99999},
		{16384, 16384}, {16385, 16384}, {16384, 16383}, {16383, 16384}, {32768, 99999},
		{32769, 99999}, {32769, 32768}, {99999, 99999}, {100000, 99999}, {40000, 20000}};
	char expected[128];

	nm_each(row, rows) {
		size_t len = 0, wanted = row->len < row->max ? row->len : row->max;
		char *text = NULL;
		struct nm_err err = {0};
		int rc;

		fill(row->len);
		rc = nm_io_read_upto(SCRIPTED, row->max, "it", &text, &len, &err);
		tap_ok(rc == 0 && len == wanted && !memcmp(text, bytes, len) && !text[len] && at == wanted &&
				room > len,
			"%zu bytes, up to %zu", row->len, row->max);
		free(text);
		text = NULL;
		fill(row->len);
		rc = nm_io_read_all(SCRIPTED, row->max, "it", &text, &len, &err);
		if (row->len <= row->max)
			tap_ok(rc == 0 && len == row->len && !memcmp(text, bytes, len) && !text[len],
				"all %zu of them", row->len);
		(void)snprintf(expected, sizeof(expected), "reading it: more than %zu bytes", row->max);
		if (row->len > row->max &&
			tap_ok(rc == -1 && err.kind == NM_ERR_REFUSED && !text, "no more than %zu", row->max))
			tap_is(err.msg, expected, "and it says so");
		free(text);
	}
}

static void test_errors(void)
{
	static const int interrupted[] = {3, -EIO};
	struct nm_err err = {0};
	char wanted[64];
	char *text = NULL;
	size_t len;

	script(interrupted, "abcdef");
	tap_ok(nm_io_read_upto(SCRIPTED, 100, "it", &text, &len, &err) == -1 && !text,
		"an error is one of all");
	(void)snprintf(wanted, sizeof(wanted), "reading it: %s", strerror(EIO));
	tap_is(err.msg, wanted, "and says what");
	script(interrupted, "abcdef");
	tap_ok(nm_io_read_all(SCRIPTED, 100, "it", &text, &len, &err) == -1 && !text, "likewise");
	fails = true;
	tap_ok(nm_io_read_upto(SCRIPTED, 100, "it", &text, &len, &err) == -1 && !text, "no memory");
	tap_is(err.msg, "it: out of memory", "and it says so");
	fails = false;
}

static char folder[] = "/tmp/nm-io-XXXXXX", path[64];

static void make_file(const char *name, const char *text)
{
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	tap_ok(fd >= 0 && nm_io_write_all(fd, text, strlen(text)) == 0, "the test's own file");
	close(fd);
}

static void test_files(void)
{
	char *text = NULL, expected[128];
	struct nm_err err = {0};
	size_t len = 0;

	make_file("f", "abc");
	tap_ok(nm_io_read_file(path, 3, &text, &len, &err) == 0 && len == 3, "a file");
	tap_is(text, "abc", "its bytes");
	free(text);
	tap_ok(nm_io_read_file(path, 2, &text, &len, &err) == -1 && err.kind == NM_ERR_REFUSED,
		"of too many bytes");
	(void)unlink(path);
	tap_ok(nm_io_read_file(path, 3, &text, &len, &err) == -1 && err.kind == NM_ERR_FAILED, "no file");
	(void)snprintf(expected, sizeof(expected), "reading '%s': No such file or directory", path);
	tap_is(err.msg, expected, "and it says so");
	tap_ok(mkfifo(path, 0600) == 0, "a FIFO");
	tap_ok(nm_io_read_file(path, 3, &text, &len, &err) == -1 && err.kind == NM_ERR_FAILED,
		"is not waited for");
	(void)snprintf(expected, sizeof(expected), "reading '%s': not a regular file", path);
	tap_is(err.msg, expected, "and it says so");
	(void)unlink(path);
}

static void test_small(void)
{
	static const struct {
		size_t size;
		ssize_t result;
		const char *expected;
	} rows[] = {{8, 6, "abcdef"}, {7, 6, "abcdef"}, {6, 5, "abcde"}, {1, 0, ""}};
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char buf[9];

	make_file("s", "abcdef");
	nm_each(row, rows) {
		memset(buf, 'x', sizeof(buf));
		tap_ok(nm_io_read_small(dir, "s", buf, row->size) == row->result && buf[row->size] == 'x',
			"into %zu bytes", row->size);
		tap_is(buf, row->expected, "what fits");
	}
	(void)unlink(path);
	errno = 0;
	tap_ok(nm_io_read_small(dir, "s", buf, sizeof(buf)) == -1 && errno == ENOENT, "no file");
	close(dir);
}

/* Then a file may be number 0. */
static void test_closed_input(void)
{
	int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
	char *text = NULL, buf[9] = "";
	struct nm_err err;
	size_t len = 0;

	make_file("c", "abc");
	(void)close(STDIN_FILENO);
	tap_ok(nm_io_read_file(path, 3, &text, &len, &err) == 0 && len == 3,
		"without standard input, a file");
	free(text);
	tap_ok(nm_io_read_small(AT_FDCWD, path, buf, sizeof(buf)) == 3, "and a small one");
	if (input >= 0)
		(void)dup2(input, STDIN_FILENO);
	(void)unlink(path);
}

static void test_socket(void)
{
	int fd = nm_io_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), type = 0;
	socklen_t len = sizeof(type);

	tap_ok(fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_DGRAM,
		"a socket");
	close(fd);
	tap_ok(nm_io_socket(-1, SOCK_DGRAM, 0) == -1, "and none of no family");
}

int main(void)
{
	test_read();
	test_write();
	test_bounds();
	test_errors();
	if (!tap_ok(mkdtemp(folder) != NULL, "a folder"))
		return tap_done();
	test_files();
	test_small();
	test_closed_input();
	test_socket();
	(void)rmdir(folder);
	return tap_done();
}
