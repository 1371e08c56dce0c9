/* Exit without waiting until the kernel has released what nf_tables deleted. */
#ifndef NM_HOST_DETACH_H
#define NM_HOST_DETACH_H

/* Takes over fd, a NETLINK_NETFILTER socket that nm_detach_exit() is to close later. */
void nm_detach_keep(int fd);

/* Lets nm_detach_exit() call run(work), after this process has ended where that is possible. run may use the
 * kept socket and open others; its only output is the log. To be called once at most. */
void nm_detach_defer(void (*run)(void *work), void *work);

/* Ends the process with status, flushing nothing: the lock must have been released and all output written. */
_Noreturn void nm_detach_exit(int status);

#endif
