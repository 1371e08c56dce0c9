/* Exit without waiting until the kernel has released what nf_tables deleted. */
#ifndef NM_HOST_DETACH_H
#define NM_HOST_DETACH_H

#include <stdbool.h>

/* Lets nm_detach_exit() leave fd, one of some NETLINK_NETFILTER sockets, to be closed later. It can be used
 * until then. */
void nm_detach_keep(int fd);
bool nm_detach_keeps(int fd);

/* Lets nm_detach_exit() call run(work), after this process has ended where that is possible: at once, or one
 * to two tenths of a second later, at the same moment as others, of whom one may do what several have left.
 * run may use the kept sockets and open others; its only output is the log. To be called NM_DETACH_MAX times
 * at most: what is too much is not done. */
#define NM_DETACH_MAX 4
enum nm_detach_when { NM_DETACH_SOON, NM_DETACH_LATE };
void nm_detach_defer(enum nm_detach_when when, void (*run)(void *work), void *work);

/* Ends the process with status, flushing nothing: the lock must have been released and all output written. */
_Noreturn void nm_detach_exit(int status);

#endif
