/*
 * base/log.c: what is escaped and where texts are cut, by table; what goes to stderr and when. Delivery to
 * syslog is not tested here: /dev/log is the machine's.
 */
#include <stdio.h>
#include <string.h>
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
	test_error();
	return tap_done();
}
