/*
 * Log lines: notices, audit lines and -v lines. They are queued, because a hook that holds the lock must not
 * wait for a reader, and delivered by nm_log_flush().
 */
#ifndef NM_BASE_LOG_H
#define NM_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

#include "base/err.h"

/* Lets nm_log_flush() also print every line on stderr. */
void nm_log_set_verbose(bool verbose);

/* Queues a line with the priority of syslog(3); LOG_DEBUG goes to stderr with -v only. */
void nm_log(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define nm_log_debug(...)  nm_log(LOG_DEBUG, __VA_ARGS__)
#define nm_log_notice(...) nm_log(LOG_NOTICE, __VA_ARGS__)
#define nm_log_audit(...)  nm_log(LOG_INFO, __VA_ARGS__)

/* Prints "natmap: MESSAGE" on stderr and queues it for syslog as LOG_ERR. */
void nm_log_error(const struct nm_err *err);

/* Sends the queue to /dev/log by non-blocking datagrams (RFC 3164). Drops lines that syslog does not take at
 * once. */
void nm_log_flush(void);

/* Copies text into buf, cut to size, with each byte outside printable ASCII and UTF-8 as \xHH. Returns buf.
 */
const char *nm_log_escape(const char *text, char *buf, size_t size);

#endif
