/* What the process may still do once it has begun to look at its input: DESIGN section 8. */
#ifndef NM_HOST_SANDBOX_H
#define NM_HOST_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"

/* Resets the signal mask, of which runtimes leave all sorts. Before anything else. */
void nm_sandbox_reset_signals(void);

/*
 * The phases of a process, in this order. Each is closed for good.
 *
 * entered: nm_sandbox_enter(), before the input is looked into. CAP_NET_ADMIN and, with enter_namespaces,
 *     CAP_SYS_ADMIN and CAP_SYS_PTRACE are left; the system call filter is loaded. The configuration is read
 *     here, since it may be anywhere, and the files of namespaces are opened.
 * closed: nm_sandbox_close(), before a parser or anything else looks into what a container can choose: its
 *     OCI state, the answers of its network namespace. CAP_NET_ADMIN is left, and the files that the state
 *     directory and /proc have. No namespace can be entered any more, nor another process be looked into:
 *     Landlock forbids what takes ptrace(2)'s rights, as opening /proc/PID/ns does, over all that is not
 *     confined likewise.
 *
 * Commands that read no such input close the sandbox in two steps, once they have read namespaces, and once
 * they have opened the state.
 */

/*
 * Gives up every capability but CAP_NET_ADMIN and, with enter_namespaces, CAP_SYS_ADMIN and CAP_SYS_PTRACE;
 * sets no_new_privs and loads the system call filter. -1 with *err when CAP_NET_ADMIN is missing (rootless)
 * or the kernel refuses.
 */
int nm_sandbox_enter(bool enter_namespaces, struct nm_err *err) NM_MUST_USE;

/* Does both of the steps below. */
int nm_sandbox_close(const char *state_dir, struct nm_err *err) NM_MUST_USE;

/* Gives up the rest but CAP_NET_ADMIN. Once the namespaces have been read, and before the lock is waited for.
 */
int nm_sandbox_leave_namespaces(struct nm_err *err) NM_MUST_USE;

/*
 * Gives up, with Landlock, every file but those in state_dir, /proc to read and /proc/sys/net to write; and,
 * where the kernel's Landlock can that, truncating files elsewhere (Linux 6.2), TCP (6.7), devices' ioctl()
 * (6.10), signals and abstract sockets of processes that are not confined likewise (6.12). A state_dir that
 * is not there, or NULL, is none: then all files are given up, also those of one that is made later.
 * Does nothing the second time, and where the kernel has no Landlock.
 */
int nm_sandbox_confine(const char *state_dir, struct nm_err *err) NM_MUST_USE;

/* True when the process is confined to a directory that is not the one which state_dir leads to now. */
bool nm_sandbox_has_lost(const char *state_dir);

/* True when the process is confined to no state directory, and state_dir is one that somebody has made since.
 */
bool nm_sandbox_precedes(const char *state_dir);

#endif
