/* Interfaces of natmap's networks that no record has: a kill has left them, or the state was lost. */
#ifndef NM_NETWORK_ORPHANS_H
#define NM_NETWORK_ORPHANS_H

#include "host/rtnl.h"
#include "state/records.h"

/* Calls found(ctx, link) for each of them on the host, and for what is being deleted already; found returns
 * -1 with *err to end. live, dead: all that is recorded. Reads all interfaces. */
typedef int nm_orphans_on_orphan(void *ctx, const struct nm_rtnl_link *link, struct nm_err *err);
int nm_orphans_each(struct nm_netlink *rtnl, const struct nm_records *live, const struct nm_records *dead,
	nm_orphans_on_orphan *found, void *ctx, struct nm_err *err) NM_MUST_USE;

/* Removes each of them, with a notice, and waits until that is done: the address of a bridge would keep those
 * of the next one away. */
int nm_orphans_remove(
	const struct nm_records *live, const struct nm_records *dead, struct nm_err *err) NM_MUST_USE;

#endif
