/* The lock that makes state file and kernel change together. */
#ifndef NM_STATE_LOCK_H
#define NM_STATE_LOCK_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Takes the flock(2) on the open file fd, exclusive or shared, and waits for it at most timeout_ms. Uses
 * SIGALRM and ITIMER_REAL meanwhile. 0, or -1 with *err that calls the file name.
 */
int nm_lock_take(
	int fd, bool exclusive, unsigned timeout_ms, const char *name, struct nm_err *err) NM_MUST_USE;

/* Gives it back; closing fd would not do while a clone of the process holds a copy. */
void nm_lock_release(int fd);

#endif
