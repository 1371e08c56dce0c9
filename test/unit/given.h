/* What tests give to functions: addresses from text, and bytes without anything behind them. */
#ifndef NM_TEST_GIVEN_H
#define NM_TEST_GIVEN_H

#include <stdlib.h>

#include "base/prefix.h"
#include "tap.h"

static inline struct nm_addr addr(const char *text)
{
	struct nm_addr a = {0};

	if (nm_addr_parse(text, strlen(text), &a) < 0)
		tap_ok(false, "the test's own address '%s'", text);
	return a;
}

static inline struct nm_prefix prefix(const char *text)
{
	struct nm_prefix p = {0};

	if (nm_prefix_parse(text, strlen(text), &p) < 0)
		tap_ok(false, "the test's own prefix '%s'", text);
	return p;
}

/* A copy in memory of exactly that size, so that a sanitizer sees every byte read too many. The caller frees
 * it. */
static inline char *exactly(const char *bytes, size_t len)
{
	char *copy = malloc(len ? len : 1);

	if (copy)
		memcpy(copy, bytes, len);
	return copy;
}

#endif
