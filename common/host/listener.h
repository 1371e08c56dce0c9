/* Local sockets that a published port would shadow, through sock_diag(7). */
#ifndef NM_HOST_LISTENER_H
#define NM_HOST_LISTENER_H

#include "host/netlink.h"
#include "model/mapping.h"

/*
 * Looks for a socket that listens (TCP, SCTP) or is bound and unconnected (UDP) on the address of the
 * mapping, in any of its ports: for a wildcard mapping on 0.0.0.0 and [::] (of its families), for any other
 * on its address alone. nl: a NETLINK_SOCK_DIAG socket. 0 with *ret_port that port, or 0 when there is none;
 * -1 with *err. A kernel without sock_diag for the protocol finds nothing.
 */
int nm_listener_find(struct nm_netlink *nl, const struct nm_mapping *m, uint16_t *ret_port,
	struct nm_err *err) NM_MUST_USE;

#endif
