/*
 * base/log.c: what is escaped and where texts are cut, by table; what goes to stderr and to syslog, and when.
 * /dev/log is the machine's: sendto() of this program keeps what is sent there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "tap.h"

enum { OUTPUT_MAX = 4096 };

static const struct {
	const char *name, *text, *expected;
} escapes[] = {
	{"empty", "", ""},
	{"printable ASCII", " !\"\\~az", " !\"\\~az"},
	{"line break and tab", "a\nb\tc\r", "a\\x0ab\\x09c\\x0d"},
	{"terminal sequence", "\033[31mred", "\\x1b[31mred"},
	{"delete", "\x7f", "\\x7f"},
	{"UTF-8 of two, three and four bytes", "\u00e9\u20ac\U0001f600", "\u00e9\u20ac\U0001f600"},
	{"C1 control in UTF-8", "\xc2\x9b", "\\xc2\\x9b"},
	{"right-to-left override", "\u202e", "\\xe2\\x80\\xae"},
	{"line separator", "\u2028", "\\xe2\\x80\\xa8"},
	{"zero width space", "\u200b", "\\xe2\\x80\\x8b"},
	{"byte order mark", "\ufeff", "\\xef\\xbb\\xbf"},
	{"tag character", "\U000e0041", "\\xf3\\xa0\\x81\\x81"},
	{"continuation byte alone", "\x80z", "\\x80z"},
	{"cut sequence", "\xe2\x82", "\\xe2\\x82"},
	{"cut sequence before a letter", "\xe2\x82z", "\\xe2\\x82z"},
	{"overlong slash", "\xc0\xaf", "\\xc0\\xaf"},
	{"overlong of three bytes", "\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
	{"surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
	{"beyond Unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
	{"byte that UTF-8 never has", "\xff", "\\xff"},
	{"first and last of C1, and behind", "\xc2\x80\xc2\x9f\u00a0", "\\xc2\\x80\\xc2\\x9f\u00a0"},
	{"soft hyphen and its neighbours", "\u00ac\u00ad\u00ae", "\u00ac\\xc2\\xad\u00ae"},
	{"Arabic letter mark and its neighbours", "\u061b\u061c\u061d", "\u061b\\xd8\\x9c\u061d"},
	{"joiners, first and before", "\u200a\u200b", "\u200a\\xe2\\x80\\x8b"},
	{"joiners, last and behind", "\u200f\u2010", "\\xe2\\x80\\x8f\u2010"},
	{"separators, before", "\u2027", "\u2027"},
	{"direction, last and behind", "\u202e\u202f", "\\xe2\\x80\\xae\u202f"},
	{"invisible signs, first and before", "\u205f\u2060", "\u205f\\xe2\\x81\\xa0"},
	{"invisible signs, last and behind", "\u206f\u2070", "\\xe2\\x81\\xaf\u2070"},
	{"variants, first and before", "\ufdff\ufe00", "\ufdff\\xef\\xb8\\x80"},
	{"variants, last and behind", "\ufe0f\ufe10", "\\xef\\xb8\\x8f\ufe10"},
	{"byte order mark's neighbours", "\ufefe\uff00", "\ufefe\uff00"},
	{"annotation, first and before", "\ufff8\ufff9", "\ufff8\\xef\\xbf\\xb9"},
	{"annotation, last and behind", "\ufffb\ufffc", "\\xef\\xbf\\xbb\ufffc"},
	{"tags, first and before", "\U000dffff\U000e0000", "\U000dffff\\xf3\\xa0\\x80\\x80"},
	{"tags, last and behind", "\U000e0fff\U000e1000", "\\xf3\\xa0\\xbf\\xbf\U000e1000"},
	{"first and last of control, and behind", "\x01\x1f ", "\\x01\\x1f "},
};

static const struct {
	const char *name, *text;
	size_t size;
	const char *expected;
} cuts[] = {
	{"room for all", "abc", 4, "abc"},
	{"cut", "abcd", 4, "abc"},
	{"room for the NUL alone", "abc", 1, ""},
	{"no half escapes", "ab\n", 6, "ab"},
	{"whole escape", "ab\n", 7, "ab\\x0a"},
	{"no half characters", "a\u20ac", 4, "a"},
	{"whole character", "a\u20ac", 5, "a\u20ac"},
};

static int saved_stderr, reader;
static char sent[64 * 1024]; /* to syslog, one datagram a line, without "natmap[PID]" */
static int used_last;        /* the descriptor */

/* The end of the line tells how it was sent, unless so that it waits for nobody, to /dev/log. */
ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	const struct sockaddr_un *log = (const void *)to;
	char who[32];
	size_t n = strlen(sent);
	const char *text = data, *end;
	bool is_right;

	used_last = fd;
	is_right = flags == MSG_NOSIGNAL && to_len == sizeof(*log) && !strcmp(log->sun_path, "/dev/log") &&
		fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) & FD_CLOEXEC;
	(void)snprintf(who, sizeof(who), "natmap[%d]: ", getpid());
	end = memmem(text, len, who, strlen(who));
	if (!end)
		return -1;
	(void)snprintf(sent + n, sizeof(sent) - n, "%.*s%.*s%s\n", (int)(end - text), text,
		(int)(text + len - end - (ssize_t)strlen(who)), end + strlen(who), is_right ? "" : "!");
	return (ssize_t)len;
}

static void capture_begin(void)
{
	int ends[2];

	fflush(stdout);
	saved_stderr = dup(STDERR_FILENO);
	if (pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) >= 0)
		close(ends[1]);
	reader = ends[0];
}

static const char *capture_end(void)
{
	static char output[OUTPUT_MAX];
	ssize_t n;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	n = read(reader, output, sizeof(output) - 1);
	close(reader);
	output[n > 0 ? n : 0] = '\0';
	return output;
}

/* Debug lines only, which never go to syslog. */
static void test_debug(void)
{
	capture_begin();
	nm_log_debug("quiet");
	nm_log_flush();
	tap_is(capture_end(), "", "debug lines are nothing without -v");

	nm_log_set_verbose(true);
	capture_begin();
	nm_log_debug("one %d", 1);
	nm_log_debug("two\n");
	tap_is(capture_end(), "", "lines wait for the flush");
	capture_begin();
	nm_log_flush();
	tap_is(capture_end(), "natmap: one 1\nnatmap: two\\x0a\n", "the flush prints them in order");
	capture_begin();
	nm_log_flush();
	tap_is(capture_end(), "", "the flush empties the queue");
	nm_log_set_verbose(false);
}

/* Flushes; what went to syslog, and what to stderr. */
static void flushed(const char *syslog, const char *printed, const char *what)
{
	sent[0] = '\0';
	capture_begin();
	nm_log_flush();
	tap_is(capture_end(), printed, "%s: on stderr", what);
	tap_is(sent, syslog, "%s: to syslog", what);
}

static void test_syslog(void)
{
	struct nm_err err;

	nm_log_notice("a %d", 1);
	nm_log_audit("b\n");
	flushed("<29>a 1\n<30>b\\x0a\n", "", "a notice and an audit line");
	nm_log_set_verbose(true);
	nm_log_notice("a");
	nm_log_debug("b");
	(void)nm_fail(&err, NM_ERR_FAILED, "c");
	capture_begin();
	nm_log_error(&err);
	tap_is(capture_end(), "natmap: c\n", "an error is printed at once");
	flushed("<29>a\n<27>c\n", "natmap: a\nnatmap: b\n", "and only then, with -v");
	nm_log_set_verbose(false);
	flushed("", "", "nothing is left");
}

/* Lines of 1022 bytes each in the queue of 16 KiB, of which 2 KiB are for the error. */
static void test_full(void)
{
	enum { LINE = 1020, FIT = 14 };
	static char line[LINE + 1], expected[sizeof(sent)];
	size_t used = 0;
	struct nm_err err;

	memset(line, 'x', LINE);
	for (unsigned i = 0; i < FIT + 3; i++) {
		line[0] = (char)('a' + i);
		nm_log_notice("%s", line);
		if (i < FIT)
			used += (size_t)snprintf(expected + used, sizeof(expected) - used, "<29>%s\n", line);
	}
	line[0] = 'z';
	(void)nm_fail(&err, NM_ERR_FAILED, "%s", line);
	capture_begin();
	nm_log_error(&err);
	(void)capture_end();
	(void)snprintf(expected + used, sizeof(expected) - used,
		"<27>%s\n<29>3 log lines did not fit and are lost\n", line);
	flushed(expected, "", "what does not fit is counted, and the error fits");
	nm_log_notice("a");
	flushed("<29>a\n", "", "and only once");
}

/* An error that has so many bytes when it is escaped. */
static void error_of(size_t len, struct nm_err *ret)
{
	size_t escaped = (len - sizeof(ret->msg) + 3) / 3;

	ret->kind = NM_ERR_FAILED;
	memset(ret->msg, '\001', escaped);
	memset(ret->msg + escaped, 'x', len - 4 * escaped);
	ret->msg[len - 3 * escaped] = '\0';
}

/* Standard input is closed: number 0 is a socket like another, and one is enough. */
static void test_closed_input(void)
{
	int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);

	(void)close(STDIN_FILENO);
	nm_log_notice("a");
	nm_log_notice("b");
	sent[0] = '\0';
	nm_log_flush();
	tap_is(sent, "<29>a\n<29>b\n", "without standard input");
	tap_ok(used_last == 0, "by one socket");
	if (input >= 0)
		(void)dup2(input, STDIN_FILENO);
}

/* What is nearly too long for the queue. */
static void test_room(void)
{
	enum { QUEUE = 16 * 1024, ROOM = QUEUE - 2048, FIRST = 2000 };
	static const struct {
		size_t len;
		const char *lost;
	} rows[] = {{ROOM - 7 * (FIRST + 2) - 2, ""},
		{ROOM - 7 * (FIRST + 2) - 1, "<29>1 log lines did not fit and are lost\n"}};
	static char line[FIRST + 1], longest[2100];
	struct nm_err err;

	nm_each(row, rows) {
		const char *end, *error;

		memset(line, 'x', FIRST);
		for (int i = 0; i < 7; i++)
			nm_log_notice("%s", line);
		line[row->len] = '\0';
		nm_log_notice("%s", line);
		error_of(2046, &err);
		capture_begin();
		nm_log_error(&err);
		(void)capture_end();
		sent[0] = '\0';
		nm_log_flush();
		end = strstr(sent, "<29>1 ");
		tap_is(end ? end : "", row->lost, "a line of %zu bytes behind others", row->len);
		error = strstr(sent, "<27>");
		(void)snprintf(longest, sizeof(longest), "%.*s", error ? (int)strcspn(error, "\n") : 0,
			error ? error : "");
		tap_ok(strlen(longest) == 4 + 2046, "and the longest error is whole");
	}
}

/* Not flushed: errors go to syslog. */
static void test_error(void)
{
	char long_text[sizeof(((struct nm_err *)0)->msg)];
	struct nm_err err;
	const char *output;

	(void)nm_fail(&err, NM_ERR_FAILED, "opening '%s'", "a\033b");
	capture_begin();
	nm_log_error(&err);
	tap_is(capture_end(), "natmap: opening 'a\\x1bb'\n", "an error is printed at once, on one line");

	memset(long_text, '\001', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	(void)nm_fail(&err, NM_ERR_FAILED, "%s", long_text);
	capture_begin();
	nm_log_error(&err);
	output = capture_end();
	tap_ok(strlen(output) > 1024 && strchr(output, '\n') == output + strlen(output) - 1,
		"an error that grows by escapes is cut, and still one line");
}

int main(void)
{
	char buf[256];

	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
		tap_is(nm_log_escape(escapes[i].text, buf, sizeof(buf)), escapes[i].expected, "escape: %s",
			escapes[i].name);
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		tap_is(nm_log_escape(cuts[i].text, buf, cuts[i].size), cuts[i].expected, "cut: %s",
			cuts[i].name);
	test_debug();
	test_syslog();
	test_full();
	test_room();
	test_closed_input();
	test_error();
	return tap_done();
}
