/* base/err.c: every function fails, with the message it is to have, cut to what there is room for. */
#include "base/err.h"

#include <errno.h>

#include "tap.h"

/* The macros of these names are -1 whatever the functions return. */
static void test_functions(void)
{
	struct nm_err err = {0};

	tap_ok((nm_fail)(&err, NM_ERR_TAKEN, "%s %d", "port", 80) == -1 && err.kind == NM_ERR_TAKEN,
		"nm_fail()");
	tap_is(err.msg, "port 80", "its message");
	tap_ok((nm_wrap)(&err, "reading '%s'", "x") == -1 && err.kind == NM_ERR_TAKEN,
		"nm_wrap() leaves the kind");
	tap_is(err.msg, "reading 'x': port 80", "its message");
	tap_ok((nm_fail_errno)(&err, EPERM, "opening '%s'", "x") == -1 && err.kind == NM_ERR_FAILED,
		"nm_fail_errno()");
	tap_is(err.msg, "opening 'x': Operation not permitted", "its message");
	err.kind = NM_ERR_NONE;
	tap_ok((nm_fail_memory)(&err, "doing it") == -1 && err.kind == NM_ERR_FAILED, "nm_fail_memory()");
	tap_is(err.msg, "doing it: out of memory", "its message");
}

static void test_cut(void)
{
	struct nm_err err = {0};
	char text[2 * sizeof(err.msg)];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)nm_fail(&err, NM_ERR_FAILED, "%s", text);
	tap_ok(strlen(err.msg) == sizeof(err.msg) - 1, "as much as there is room for");
	(void)nm_wrap(&err, "b");
	tap_ok(strlen(err.msg) == sizeof(err.msg) - 1 && !strncmp(err.msg, "b: aa", 5), "the cause is cut");
	(void)nm_wrap(&err, "%s", text);
	tap_ok(strlen(err.msg) == sizeof(err.msg) - 1 && err.msg[sizeof(err.msg) - 2] == 'a',
		"no room for a cause");
}

int main(void)
{
	test_functions();
	test_cut();
	return tap_done();
}
