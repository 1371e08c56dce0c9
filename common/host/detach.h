/* Leaving without waiting for the kernel to clean up behind nf_tables. */
#ifndef NM_HOST_DETACH_H
#define NM_HOST_DETACH_H

/* Takes over fd, a NETLINK_NETFILTER socket, so that nm_detach_exit() can put off closing it. */
void nm_detach_keep(int fd);

/* Lets nm_detach_exit() call run(work) when the process that the caller waits for is gone, or before, where
 * that cannot be told apart. It may use the kept socket, and open others; nobody sees what it says but the
 * log. One call at most. */
void nm_detach_defer(void (*run)(void *work), void *work);

/* Ends the process with status, flushing nothing: the lock must have been released and all output written. */
_Noreturn void nm_detach_exit(int status);

#endif
