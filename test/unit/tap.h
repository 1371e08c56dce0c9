/* Unit tests as TAP (testanything.org): checks, and a plan at the end. */
#ifndef NM_TAP_H
#define NM_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_checks, tap_failures;

/* One check, named by the format. Returns ok. */
static inline bool __attribute__((format(printf, 2, 3))) tap_ok(bool ok, const char *fmt, ...)
{
	va_list ap;

	printf("%s %d - ", ok ? "ok" : "not ok", ++tap_checks);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	tap_failures += !ok;
	return ok;
}

/* Two strings are the same, of which got may be NULL; says both if not. */
#define tap_is(got, expected, ...)                                                                     \
	do {                                                                                           \
		const char *got_ = (got), *expected_ = (expected);                                     \
		if (!tap_ok(got_ && !strcmp(got_, expected_), __VA_ARGS__))                            \
			printf("#      got: %s\n# expected: %s\n", got_ ? got_ : "(null)", expected_); \
	} while (0)

/* Each row of a table, an array. */
#define nm_each(row, rows) \
	for (__typeof__((rows)[0]) *row = (rows); row < (rows) + sizeof(rows) / sizeof(*(rows)); row++)

/* Prints the plan; what main() returns. */
static inline int tap_done(void)
{
	printf("1..%d\n", tap_checks);
	return tap_failures ? 1 : 0;
}

#endif
