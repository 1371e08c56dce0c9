/* Guards of 127.0.0.0/8 on interfaces, and the route_localnet of those that no longer need it. */
#ifndef NM_BACKEND_LOCALNET_GUARD_H
#define NM_BACKEND_LOCALNET_GUARD_H

#include "backend/desired.h"
#include "state/records.h"

/* Interfaces that have a guard in the kernel. Begins as zeros. */
struct nm_localnet_guards {
	char (*v)[IF_NAMESIZE]; /* owned */
	size_t n, capacity;
};

/* Adds the interface if the tag (len bytes without NUL; NULL: none) is that of a guard: begins with the
 * prefix. -1 with *err (memory). */
int nm_localnet_guards_add(struct nm_localnet_guards *list, const char *prefix, const char *tag, size_t len,
	struct nm_err *err) NM_MUST_USE;
void nm_localnet_guards_done(struct nm_localnet_guards *list);

/* Sets *ret to whether the interface has a guard in the kernel, of whichever backend. 0, or -1 with *err. */
int nm_localnet_guard_find(
	struct nm_netlink *nl, const char *interface, bool *ret, struct nm_err *err) NM_MUST_USE;

/*
 * Switches route_localnet off on interfaces whose guard in the kernel is not desired, so that the guard may
 * go. Leaves it on where it was on before natmap needed it, as a record in one of the lists (ended by NULL)
 * tells. Where it cannot be switched off, adds the guard to the desired ones of the backend, with a notice.
 * 0 with the number of these in *ret_kept, or -1 with *err.
 */
int nm_localnet_guard_release(struct nm_netlink *nl, const struct nm_records *const *lists,
	enum nm_backend backend, struct nm_desired *d, size_t *ret_kept, struct nm_err *err) NM_MUST_USE;

#endif
