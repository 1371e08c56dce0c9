/* How often and how long changes have waited for the state's lock: kept in the lock file itself, and written
 * only by a process that has waited. */
#ifndef NM_STATE_LOCK_WAITS_H
#define NM_STATE_LOCK_WAITS_H

#include <stdint.h>

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
