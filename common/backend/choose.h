/* The backend of a configuration that leaves it to natmap. */
#ifndef NM_BACKEND_CHOOSE_H
#define NM_BACKEND_CHOOSE_H

#include "host/netlink.h"
#include "model/backend.h"

/*
 * Settles NM_BACKEND_AUTO, by what nl's network namespace has: where natmap is already, it stays; else it is
 * iptables if there are tables of iptables; else nftables, if the kernel can do that. Any other *backend
 * stays. Under the lock of the state two hooks come to the same. 0, or -1 with *err.
 */
int nm_backend_choose(struct nm_netlink *nl, enum nm_backend *backend, struct nm_err *err) NM_MUST_USE;

#endif
