/* Guards of 127.0.0.0/8 on interfaces that need route_localnet no more. */
#ifndef NM_BACKEND_LOCALNET_GUARD_H
#define NM_BACKEND_LOCALNET_GUARD_H

#include "backend/desired.h"
#include "state/records.h"

/*
 * Finds guards in the kernel that are not desired, and switches route_localnet of their interfaces off, so
 * that they may go; where it was on before natmap needed it, as a record in one of the lists (ended by NULL)
 * says, it stays on. Where it cannot be switched off, adds the guard to the desired ones, in that backend,
 * with a notice. 0 with the number of those in *ret_kept, or -1 with *err.
 */
int nm_localnet_guard_release(struct nm_netlink *nl, const struct nm_records *const *lists,
	enum nm_backend backend, struct nm_desired *d, size_t *ret_kept, struct nm_err *err) NM_MUST_USE;

#endif
