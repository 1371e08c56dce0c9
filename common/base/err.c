/* Error values: fixed-size, never allocated, so that reporting a failure cannot fail. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int add_cause(struct nm_err *err, const char *cause)
{
	size_t used = strlen(err->msg);

	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", cause);
	return -1;
}

int(nm_fail)(struct nm_err *err, enum nm_err_kind kind, const char *fmt, ...)
{
	va_list ap;

	err->kind = kind;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap); /* cut short is better than lost */
	va_end(ap);
	return -1;
}

int(nm_fail_errno)(struct nm_err *err, int error_number, const char *fmt, ...)
{
	va_list ap;

	err->kind = NM_ERR_FAILED;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return add_cause(err, strerror(error_number));
}

int(nm_fail_memory)(struct nm_err *err, const char *what)
{
	return nm_fail(err, NM_ERR_FAILED, "%s: out of memory", what);
}

int(nm_wrap)(struct nm_err *err, const char *fmt, ...)
{
	struct nm_err cause = *err;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return add_cause(err, cause.msg);
}
