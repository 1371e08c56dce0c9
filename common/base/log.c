/*
 * Notices, audit lines and the final error: a bounded queue in memory and its delivery to syslog and stderr.
 *
 * libc's syslog() is not used: it waits for a reader, and a hook that waits for syslogd holds up a container.
 * Datagrams that do not go at once are dropped. Everything is escaped before it is queued or printed.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/io.h"
#include "base/text.h"

enum { QUEUE_SIZE = 16 * 1024, LINE_MAX_SIZE = 2048 };

static const struct sockaddr_un dev_log = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};

/* Lines one behind the other: a byte of priority, the text, a NUL. */
static struct {
	size_t used;
	unsigned dropped;
	char bytes[QUEUE_SIZE];
} queue;

static bool verbose_on;

void nm_log_set_verbose(bool verbose)
{
	verbose_on = verbose;
}

/* Characters that show nothing or turn the direction of text around: they could forge what a line says. */
static bool is_invisible(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x00, 0x1f}, {0x7f, 0x9f},                           /* control */
		{0xad, 0xad}, {0x061c, 0x061c},                       /* soft hyphen, Arabic letter mark */
		{0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, /* joiners, separators, direction */
		{0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, /* variants, byte order, annotation */
		{0xe0000, 0xe0fff},                                   /* tags */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

/* Size of the printable character at the start of the text; 0: it is not printable, or not UTF-8. */
static size_t printable_size(const char *text, size_t len)
{
	uint32_t c;
	size_t size = nm_text_decode(text, len, &c);

	return size > 0 && is_invisible(c) ? 0 : size;
}

const char *nm_log_escape(const char *text, char *buf, size_t size)
{
	const char *end = text + strlen(text);
	size_t used = 0;

	while (text < end) {
		size_t n = printable_size(text, (size_t)(end - text)), want = n ? n : sizeof("\\xHH") - 1;

		if (used + want >= size)
			break;
		if (n)
			memcpy(buf + used, text, n);
		else
			(void)snprintf(buf + used, want + 1, "\\x%02x", (unsigned char)*text);
		used += want;
		text += n ? n : 1;
	}
	buf[used] = '\0';
	return buf;
}

static void enqueue(int priority, const char *text)
{
	char line[LINE_MAX_SIZE];
	size_t need = strlen(nm_log_escape(text, line, sizeof(line))) + 2;
	size_t kept_free = priority == LOG_ERR ? 0 : LINE_MAX_SIZE; /* for the one error at the end */

	if (need + kept_free > sizeof(queue.bytes) - queue.used) {
		queue.dropped++;
		return;
	}
	queue.bytes[queue.used] = (char)priority;
	memcpy(queue.bytes + queue.used + 1, line, need - 1);
	queue.used += need;
}

void nm_log(int priority, const char *fmt, ...)
{
	char text[LINE_MAX_SIZE];
	va_list ap;

	if (priority == LOG_DEBUG && !verbose_on)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	enqueue(priority, text);
}

/* One write for the whole line, so that lines of several hooks do not mix. */
static void print_line(const char *text)
{
	char line[LINE_MAX_SIZE + sizeof("natmap: \n")];
	int len = snprintf(line, sizeof(line), "natmap: %s\n", text);

	if (nm_io_write_all(STDERR_FILENO, line, (size_t)len) < 0)
		return; /* there is nobody left to tell */
}

void nm_log_error(const struct nm_err *err)
{
	char line[LINE_MAX_SIZE];

	print_line(nm_log_escape(err->msg, line, sizeof(line)));
	enqueue(LOG_ERR, err->msg);
}

/* Delivers one line; opens the socket when one is needed. What syslog does not take at once is lost. */
static void deliver(int *fd, int priority, const char *text)
{
	char packet[LINE_MAX_SIZE + 64];
	int len =
		snprintf(packet, sizeof(packet), "<%d>natmap[%d]: %s", LOG_DAEMON | priority, getpid(), text);

	if (verbose_on && priority != LOG_ERR) /* errors are printed already */
		print_line(text);
	if (priority == LOG_DEBUG)
		return;
	if (*fd < 0)
		*fd = nm_io_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd >= 0)
		(void)sendto(*fd, packet, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&dev_log,
			sizeof(dev_log));
}

void nm_log_flush(void)
{
	nm_autoclose int fd = -1;
	char text[64];

	for (const char *p = queue.bytes, *end = p + queue.used; p < end; p += 1 + strlen(p + 1) + 1)
		deliver(&fd, *p, p + 1);
	if (queue.dropped > 0) {
		(void)snprintf(text, sizeof(text), "%u log lines did not fit and are lost", queue.dropped);
		deliver(&fd, LOG_NOTICE, text);
	}
	queue.used = 0;
	queue.dropped = 0;
}
