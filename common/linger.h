/* Leaving without waiting for the kernel to clean up behind nf_tables. */
#ifndef NM_LINGER_H
#define NM_LINGER_H

/* Takes over fd, a NETLINK_NETFILTER socket, so that nm_linger_exit() can put off closing it. */
void nm_linger_keep(int fd);

/* Ends the process with status, flushing nothing: the lock must have been released and all output written. */
_Noreturn void nm_linger_exit(int status);

#endif
