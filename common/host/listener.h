/* Local sockets that a published port would shadow, through sock_diag(7). */
#ifndef NM_HOST_LISTENER_H
#define NM_HOST_LISTENER_H

#include "host/netlink.h"
#include "host/rtnl.h"
#include "model/mapping.h"

/* A socket that listens (TCP, SCTP) or is bound and unconnected (UDP). */
struct nm_listener {
	uint16_t port;          /* 0: there is none */
	struct nm_addr address; /* unspecified: every address of its family, of [::] perhaps of both */
	uint64_t control_group; /* in which it was made: nm_process_print(); 0: unknown */
};

/*
 * Looks for a socket that overlaps the mapping in any of its ports, the lowest first, as bind(2) would: on
 * its address or on the wildcard, for a wildcard mapping on any of the addresses in hidden; bound to no
 * interface or to that of an address in hidden. hidden: local addresses of which a wildcard mapping takes the
 * packets. NULL: only a socket on the very address counts, for a wildcard mapping on the wildcard, bound to
 * no interface. nl: a NETLINK_SOCK_DIAG socket. 0 with *ret, -1 with *err. A kernel without sock_diag for the
 * protocol finds nothing.
 */
int nm_listener_find(struct nm_netlink *nl, const struct nm_mapping *m,
	const struct nm_rtnl_addresses *hidden, struct nm_listener *ret, struct nm_err *err) NM_MUST_USE;

/* Adds to *ret a hash of where local sockets of every protocol listen, the same in whichever order they are
 * found. 0, or -1 with *err. */
int nm_listener_fingerprint(struct nm_netlink *nl, uint64_t *ret, struct nm_err *err) NM_MUST_USE;

#endif
