/*
 * After a rule was deleted, the close() that drops the last reference to the NETLINK_NETFILTER socket waits
 * for a grace period of the kernel (nf_tables' release notifier flushes its destroy work): 10 ms by which a
 * container would start later. So a child takes over the sockets. It shares the parent's memory, so that
 * deferred work may use the heap, and no other file, in particular neither the runtime's pipes nor the lock.
 * It sleeps until the parent has ended, then does the deferred work, and waits in close(). Its exit signal is
 * 0: nobody waits for it.
 */
#include "host/detach.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_MAX = 16 };

static int kept[KEPT_MAX]; /* ascending */
static size_t n_kept;
static void (*deferred)(void *work);
static void *deferred_work;

void nm_detach_defer(void (*run)(void *work), void *work)
{
	deferred = run;
	deferred_work = work;
}

void nm_detach_keep(int fd)
{
	size_t i = n_kept;

	if (n_kept == KEPT_MAX) { /* slower, no more */
		close(fd);
		return;
	}
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
	if (deferred)
		deferred(deferred_work);
	exit(status);
}

#else

enum { STACK_SIZE = 256 * 1024, OUTLIVE_PARENT_NS = 2000000 };

static int hold(void *unused)
{
	struct timespec pause = {.tv_nsec = OUTLIVE_PARENT_NS};

	(void)unused;
	(void)nanosleep(&pause, NULL); /* too short a sleep costs the parent time, no more */
	if (deferred)
		deferred(deferred_work);
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
	if (deferred)
		deferred(deferred_work);
	_exit(status);
}

#endif
