/*
 * Waiting in flock() itself keeps the waiters in the kernel's order. A timer that fires repeatedly ends the
 * wait, even when its first signal comes before flock() has begun to sleep.
 */
#include "state/lock.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>

enum { AGAIN_US = 10000 };

static volatile sig_atomic_t expired;

static void on_alarm(int signo)
{
	(void)signo;
	expired = 1;
}

static int flock_until_alarm(int fd, int operation)
{
	int rc;

	do
		rc = flock(fd, operation);
	while (rc < 0 && errno == EINTR && !expired);
	return rc;
}

int nm_lock_take(int fd, bool exclusive, unsigned timeout_ms, const char *name, struct nm_err *err)
{
	int operation = exclusive ? LOCK_EX : LOCK_SH, rc, error;
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART: flock() is to return */
	struct itimerval timer = {
		.it_value = {.tv_sec = (time_t)(timeout_ms / 1000),
			.tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000},
		.it_interval = {.tv_usec = AGAIN_US},
	};

	if (flock(fd, operation | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return nm_fail_errno(err, errno, "locking '%s'", name);
	expired = 0;
	if (sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &timer, NULL) < 0)
		return nm_fail_errno(err, errno, "locking '%s'", name);
	rc = flock_until_alarm(fd, operation);
	error = errno;
	memset(&timer, 0, sizeof(timer));
	(void)setitimer(ITIMER_REAL, &timer, NULL); /* cannot fail: it did not before */
	if (rc < 0 && error == EINTR)
		return nm_fail(err, NM_ERR_FAILED,
			"locking '%s': held by another process for more than %u ms", name, timeout_ms);
	return rc < 0 ? nm_fail_errno(err, error, "locking '%s'", name) : 0;
}

void nm_lock_release(int fd)
{
	(void)flock(fd, LOCK_UN); /* fails only for a bad fd */
}
