/* What is kept in the file are two lines of fixed size: what holders of the lock write, and what others do.
 */
#include "state/lock.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>
#include <unistd.h>

#define HELD_FORM    "%020" PRIu64 " %020" PRIu64 "\n"
#define TIMEOUT_FORM "%020" PRIu64 "\n"

enum { HELD_SIZE = 42, TIMEOUT_SIZE = 21, LINES_SIZE = NM_LOCK_WAITS_SIZE };
enum { ALARM_AGAIN_US = 10000 };

_Static_assert((int)LINES_SIZE == HELD_SIZE + TIMEOUT_SIZE, "both lines");

void nm_lock_waits_read(int lockfd, struct nm_lock_waits *ret)
{
	char lines[LINES_SIZE + 1] = "";

	*ret = (struct nm_lock_waits){0};
	if (pread(lockfd, lines, LINES_SIZE, 0) <= 0)
		return;
	(void)sscanf(lines, "%" SCNu64 " %" SCNu64, &ret->n, &ret->us); /* zeros where there is none */
	(void)sscanf(lines + HELD_SIZE, "%" SCNu64, &ret->timeouts);
}

static void write_line(int lockfd, const char *line, off_t at)
{
	if (pwrite(lockfd, line, strlen(line), at) < 0)
		return; /* on a full disk nothing is counted */
}

void nm_lock_waits_add(int lockfd, uint64_t us)
{
	char line[HELD_SIZE + 1];
	struct nm_lock_waits waits;

	nm_lock_waits_read(lockfd, &waits);
	(void)snprintf(line, sizeof(line), HELD_FORM, waits.n + 1, waits.us + us);
	write_line(lockfd, line, 0);
}

void nm_lock_waits_add_timeout(int lockfd)
{
	char line[TIMEOUT_SIZE + 1];
	struct nm_lock_waits waits;

	nm_lock_waits_read(lockfd, &waits);
	(void)snprintf(line, sizeof(line), TIMEOUT_FORM, waits.timeouts + 1);
	write_line(lockfd, line, HELD_SIZE);
}

static volatile sig_atomic_t expired;

static void on_alarm(int signo)
{
	(void)signo;
	expired = 1;
}

/* What is left of the timer tells how long: that takes no clock. */
static uint64_t waited_us(unsigned timeout_ms, const struct itimerval *left)
{
	uint64_t all = timeout_ms * UINT64_C(1000);
	uint64_t rest = (uint64_t)left->it_value.tv_sec * 1000000 + (uint64_t)left->it_value.tv_usec;

	return rest < all ? all - rest : 0;
}

/* Waiting in flock() itself keeps the waiters in the kernel's order. A timer that fires repeatedly ends the
 * wait, even when its first signal comes before flock() has begun to sleep. */
int nm_lock_take(int lockfd, bool shared, unsigned timeout_ms, const char *dir, struct nm_err *err)
{
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART: flock() is to return */
	struct itimerval timer = {
		.it_value = {.tv_sec = (time_t)(timeout_ms / 1000),
			.tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000},
		.it_interval = {.tv_usec = ALARM_AGAIN_US},
	};
	const int operation = shared ? LOCK_SH : LOCK_EX;
	struct itimerval left = {0};
	int rc, error;

	if (flock(lockfd, operation | LOCK_NB) == 0)
		return 0;
	expired = 0;
	if (errno != EWOULDBLOCK || sigaction(SIGALRM, &action, NULL) < 0 ||
		setitimer(ITIMER_REAL, &timer, NULL) < 0)
		return nm_fail_errno(err, errno, "locking '%s/lock'", dir);
	do
		rc = flock(lockfd, operation);
	while (rc < 0 && errno == EINTR && !expired);
	error = errno;
	timer = (struct itimerval){0};
	(void)setitimer(ITIMER_REAL, &timer, &left); /* cannot fail: it did not before */
	if (rc == 0 && !shared)
		nm_lock_waits_add(lockfd, waited_us(timeout_ms, &left));
	if (rc < 0 && error == EINTR)
		nm_lock_waits_add_timeout(lockfd);
	if (rc < 0 && error == EINTR)
		return nm_fail(err, NM_ERR_FAILED,
			"locking '%s/lock': held by another process for more than %u ms", dir, timeout_ms);
	return rc < 0 ? nm_fail_errno(err, error, "locking '%s/lock'", dir) : 0;
}
