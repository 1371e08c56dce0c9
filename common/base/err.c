/* Error values: fixed-size, never allocated, so that reporting a failure cannot fail. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int nm_fail(struct nm_err *err, enum nm_err_kind kind, const char *fmt, ...)
{
	va_list ap;

	err->kind = kind;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap); /* cut short is better than lost */
	va_end(ap);
	return -1;
}

int nm_fail_errno(struct nm_err *err, int error_number, const char *fmt, ...)
{
	size_t used;
	va_list ap;

	err->kind = NM_ERR_FAILED;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", strerror(error_number));
	return -1;
}

int nm_fail_memory(struct nm_err *err, const char *what)
{
	return nm_fail(err, NM_ERR_FAILED, "%s: out of memory", what);
}

int nm_wrap(struct nm_err *err, const char *fmt, ...)
{
	char cause[sizeof(err->msg)];
	size_t used;
	va_list ap;

	memcpy(cause, err->msg, sizeof(cause));
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	used = strlen(err->msg);
	(void)snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", cause);
	return -1;
}
