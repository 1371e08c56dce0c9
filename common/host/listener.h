/* Local sockets that a published port would shadow, through sock_diag(7). */
#ifndef NM_HOST_LISTENER_H
#define NM_HOST_LISTENER_H

#include "model/mapping.h"

struct nm_listener;
int nm_listener_open(struct nm_listener **ret, struct nm_err *err) NM_MUST_USE;
void nm_listener_close(struct nm_listener *l); /* accepts NULL */

static inline void nm_cleanup_listener(struct nm_listener **l)
{
	nm_listener_close(*l);
	*l = NULL;
}
#define nm_autolistener NM_CLEANUP(nm_cleanup_listener)

/*
 * Looks for a socket that listens (TCP, SCTP) or is bound and unconnected (UDP) on the very address of the
 * mapping: a wildcard mapping meets 0.0.0.0 and [::] (of its families), a specific one that address alone, in
 * any of its ports. 0 with *ret_port that port, or 0 when there is none; -1 with *err. A kernel without
 * sock_diag for the protocol finds nothing.
 */
int nm_listener_find(struct nm_listener *l, const struct nm_mapping *m, uint16_t *ret_port,
	struct nm_err *err) NM_MUST_USE;

#endif
