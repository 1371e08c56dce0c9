/* The one error idiom: functions return 0, or -1 with *err filled. An nm_err owns nothing. */
#ifndef NM_BASE_ERR_H
#define NM_BASE_ERR_H

#include "base/cleanup.h"

enum nm_err_kind {
	NM_ERR_NONE,
	NM_ERR_FAILED,      /* the operation failed: kernel, file system, memory */
	NM_ERR_CONFIG,      /* the configuration file or the command line is wrong */
	NM_ERR_DIFFERS,     /* nothing failed, but not all is as it should be */
	NM_ERR_TAKEN,       /* the host port, or the container id, belongs to somebody else */
	NM_ERR_REFUSED,     /* invalid OCI state or annotation, or refused by policy */
	NM_ERR_INTERRUPTED, /* others changed what was being read: to be read again */
	NM_ERR_MISSING,     /* failed, since what was asked for is not there at all */
	NM_ERR_UNCERTAIN,   /* the operation failed, or the kernel has done it and could not say so */
};

struct nm_err {
	enum nm_err_kind kind;
	char msg[1024]; /* what was tried, on which object, why; no capital, no final dot */
};

/* Sets *err to kind and the formatted message. Always returns -1. */
int nm_fail(struct nm_err *err, enum nm_err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Like nm_fail() with NM_ERR_FAILED and ": " plus the text of errno value error_number. Returns -1. */
int nm_fail_errno(struct nm_err *err, int error_number, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "WHAT: out of memory". Returns -1. */
int nm_fail_memory(struct nm_err *err, const char *what);

/* Puts the formatted text and ": " before the message *err has. Returns -1. */
int nm_wrap(struct nm_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The value stands in each caller, too, for analyzers, which see one file at a time. */
#define NM_FAILING(call) \
	__extension__({  \
		call;    \
		-1;      \
	})
#define nm_fail(...)        NM_FAILING(nm_fail(__VA_ARGS__))
#define nm_fail_errno(...)  NM_FAILING(nm_fail_errno(__VA_ARGS__))
#define nm_fail_memory(...) NM_FAILING(nm_fail_memory(__VA_ARGS__))
#define nm_wrap(...)        NM_FAILING(nm_wrap(__VA_ARGS__))

#endif
