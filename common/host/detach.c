/*
 * After a rule was deleted, the close() that drops the last reference to the NETLINK_NETFILTER socket waits
 * for a grace period of the kernel (nf_tables' release notifier flushes its destroy work): 10 ms by which a
 * container would start later. So a child takes over the socket. It shares the parent's memory, so that
 * deferred work may use the heap, and no other file, in particular neither the runtime's pipes nor the lock.
 * It sleeps until the parent has ended, then does the deferred work, and waits in close(). Its exit signal is
 * 0: nobody waits for it.
 */
#include "host/detach.h"

#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int kept = -1;
static void (*deferred)(void *work);
static void *deferred_work;

void nm_detach_defer(void (*run)(void *work), void *work)
{
	deferred = run;
	deferred_work = work;
}

void nm_detach_keep(int fd)
{
	if (kept >= 0)
		close(kept);
	kept = fd;
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

static bool close_all_but(int fd)
{
	return (fd == 0 || syscall(SYS_close_range, 0, (unsigned)fd - 1, 0) == 0) &&
		syscall(SYS_close_range, (unsigned)fd + 1, ~0u, 0) == 0;
}

_Noreturn void nm_detach_exit(int status)
{
	static char stack[STACK_SIZE] __attribute__((aligned(16)));

	/* without the child, or a kernel that can close the rest (Linux 5.9), the exit is slower, no more */
	if (kept >= 0 && close_all_but(kept) && clone(hold, stack + sizeof(stack), CLONE_VM, NULL) >= 0)
		_exit(status);
	if (deferred)
		deferred(deferred_work);
	_exit(status);
}

#endif
