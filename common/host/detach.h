/* Exit without waiting until the kernel has released what nf_tables deleted. */
#ifndef NM_HOST_DETACH_H
#define NM_HOST_DETACH_H

#include <stdbool.h>

/* Takes over fd, one of some NETLINK_NETFILTER sockets that nm_detach_exit() is to close later. */
void nm_detach_keep(int fd);
bool nm_detach_keeps(int fd);

/* Lets nm_detach_exit() call run(work), after this process has ended where that is possible. run may use the
 * kept sockets and open others; its only output is the log. To be called once at most. */
void nm_detach_defer(void (*run)(void *work), void *work);

/* Ends the process with status, flushing nothing: the lock must have been released and all output written. */
_Noreturn void nm_detach_exit(int status);

#endif
