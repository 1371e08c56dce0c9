/*
 * After something was deleted, the close() that drops the last reference to a NETLINK_NETFILTER socket waits
 * for a grace period of the kernel (nf_tables' release notifier flushes its destroy work), and has all
 * commits of others wait, too, since it holds their mutex meanwhile: 10 ms by which containers would start
 * later. So a child takes over the sockets. It shares the parent's memory, so that deferred work may use the
 * heap, and no other file, in particular neither the runtime's pipes nor the lock. It sleeps until the parent
 * has ended, does the deferred work, sleeps until the kernel has most probably destroyed all, does what is to
 * be late, and lets close() happen. It sleeps until a moment that all have in common, since with many hooks
 * at once there is always something to destroy: for that the first close() waits, and the others after it do
 * not. Its exit signal is 0: nobody waits for it but systemd, whose units of natmap's say so by their
 * KillSignal, SIGCONT; then it does not sleep on.
 */
#include "host/detach.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_MAX = 16 };

static int kept[KEPT_MAX]; /* ascending */
static size_t n_kept;
static struct {
	enum nm_detach_when when;
	void (*run)(void *work);
	void *work;
} deferred[NM_DETACH_MAX];
static size_t n_deferred;

void nm_detach_defer(enum nm_detach_when when, void (*run)(void *work), void *work)
{
	if (n_deferred == NM_DETACH_MAX)
		return;
	deferred[n_deferred].when = when;
	deferred[n_deferred].run = run;
	deferred[n_deferred++].work = work;
}

static void run_deferred(enum nm_detach_when when)
{
	for (size_t i = 0; i < n_deferred; i++)
		if (deferred[i].when == when)
			deferred[i].run(deferred[i].work);
}

static void run_all_deferred(void)
{
	run_deferred(NM_DETACH_SOON);
	run_deferred(NM_DETACH_LATE);
}

void nm_detach_keep(int fd)
{
	size_t i = n_kept;

	if (n_kept == KEPT_MAX) /* closed at the exit, which is slower, no more */
		return;
	for (; i > 0 && kept[i - 1] > fd; i--)
		kept[i] = kept[i - 1];
	kept[i] = fd;
	n_kept++;
}

bool nm_detach_keeps(int fd)
{
	for (size_t i = 0; i < n_kept; i++)
		if (kept[i] == fd)
			return true;
	return false;
}

#ifdef NM_INSTRUMENTED /* valgrind and sanitizers look for leaks at exit() */

_Noreturn void nm_detach_exit(int status)
{
	run_all_deferred();
	exit(status);
}

#else

enum { STACK_SIZE = 256 * 1024, OUTLIVE_PARENT_NS = 2000000, LATE_NS = 100000000, SECOND_NS = 1000000000 };

static volatile sig_atomic_t is_waited_for;

static void on_continue(int number)
{
	(void)number;
	is_waited_for = 1;
}

static void pause_for(long ns)
{
	const struct timespec pause = {.tv_nsec = ns};

	(void)nanosleep(&pause, NULL); /* too short a sleep costs the parent or others time, no more */
}

/* Until the next multiple of LATE_NS but one. */
static void pause_until_late(void)
{
	struct timespec at;

	if (clock_gettime(CLOCK_MONOTONIC, &at) < 0)
		return;
	at.tv_nsec = (at.tv_nsec / LATE_NS + 2) * LATE_NS;
	at.tv_sec += at.tv_nsec / SECOND_NS;
	at.tv_nsec %= SECOND_NS;
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static int hold(void *unused)
{
	const struct sigaction action = {.sa_handler = on_continue};

	(void)unused;
	(void)sigaction(SIGCONT, &action, NULL);
	pause_for(OUTLIVE_PARENT_NS);
	run_deferred(NM_DETACH_SOON);
	if (!is_waited_for)
		pause_until_late();
	run_deferred(NM_DETACH_LATE);
	_exit(0);
}

static bool close_others(void)
{
	unsigned from = 0;

	for (size_t i = 0; i < n_kept; i++) {
		unsigned fd = (unsigned)kept[i];

		if (from < fd && syscall(SYS_close_range, from, fd - 1, 0) != 0)
			return false;
		from = fd + 1;
	}
	return syscall(SYS_close_range, from, ~0u, 0) == 0;
}

_Noreturn void nm_detach_exit(int status)
{
	static char stack[STACK_SIZE] __attribute__((aligned(16)));

	/* without the child, or a kernel that can close the rest (Linux 5.9), the exit is slower, no more */
	if (n_kept > 0 && close_others() && clone(hold, stack + sizeof(stack), CLONE_VM, NULL) >= 0)
		_exit(status);
	run_all_deferred();
	_exit(status);
}

#endif
