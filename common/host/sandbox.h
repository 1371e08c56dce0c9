/* What the process may still do once it has begun to look at its input: DESIGN section 8. */
#ifndef NM_HOST_SANDBOX_H
#define NM_HOST_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"

/* Resets the signal mask, of which runtimes leave all sorts. Before anything else. */
void nm_sandbox_reset_signals(void);

/*
 * Gives up every capability but CAP_NET_ADMIN and, with enter_namespaces, CAP_SYS_ADMIN and CAP_SYS_PTRACE;
 * sets no_new_privs and loads the system call filter. -1 with *err when CAP_NET_ADMIN is missing (rootless)
 * or the kernel refuses.
 */
int nm_sandbox_enter(bool enter_namespaces, struct nm_err *err) NM_MUST_USE;

/* Gives up the rest but CAP_NET_ADMIN. Once the namespaces have been read, and before the lock is waited for.
 */
int nm_sandbox_leave_namespaces(struct nm_err *err) NM_MUST_USE;

/* Gives up, with Landlock, every file but those in state_dir, /proc to read and /proc/sys/net to write. Once
 * the namespaces have been read. */
int nm_sandbox_confine(const char *state_dir, struct nm_err *err) NM_MUST_USE;

#endif
