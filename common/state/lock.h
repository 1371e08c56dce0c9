/* The state's lock, and how often and how long changes have waited for it: kept in the lock file itself, and
 * written only by a process that has waited. */
#ifndef NM_STATE_LOCK_H
#define NM_STATE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Takes the flock(2) of the open lock file of dir, and waits for it at most timeout_ms. It is released by
 * closing the file, or nm_state_unlock(). */
int nm_lock_take(
	int lockfd, bool shared, unsigned timeout_ms, const char *dir, struct nm_err *err) NM_MUST_USE;

#define NM_LOCK_WAITS_SIZE 63 /* bytes at the beginning of the lock file */

struct nm_lock_waits {
	uint64_t n, us;    /* of those that got it, and their microseconds */
	uint64_t timeouts; /* gave up */
};

/* Counts a wait. Call it with the lock held alone. A failure is ignored: the change matters more. */
void nm_lock_waits_add(int lockfd, uint64_t us);

/* Counts one that gave up: without the lock, so that of two in the same microsecond one may be lost. */
void nm_lock_waits_add_timeout(int lockfd);

/* Zeros when nobody has waited. */
void nm_lock_waits_read(int lockfd, struct nm_lock_waits *ret);

#endif
