/* The lock under which state file and kernel are changed. */
#ifndef NM_STATE_LOCK_H
#define NM_STATE_LOCK_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Takes the flock(2) on the open file fd, exclusive or shared, and waits for it at most timeout_ms. Uses
 * SIGALRM and ITIMER_REAL meanwhile. name: the file, for messages.
 */
int nm_lock_take(
	int fd, bool exclusive, unsigned timeout_ms, const char *name, struct nm_err *err) NM_MUST_USE;

/* Releases the lock. Closing fd is not enough while a clone of the process has a copy. */
void nm_lock_release(int fd);

#endif
