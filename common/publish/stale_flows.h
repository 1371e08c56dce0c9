/* Connection tracking entries that a change of what is published makes stale. */
#ifndef NM_PUBLISH_STALE_FLOWS_H
#define NM_PUBLISH_STALE_FLOWS_H

#include "publish/claim.h"

/*
 * Deletes, over fd, a NETLINK_NETFILTER socket that lives until the process ends: UDP flows that came to the
 * new record's host ports before, all that were translated to the containers of the replaced records, and UDP
 * flows that those which are gone began and whose replies come to their host ports. Those of a mapping that
 * another record of the same pod has are not stale. Connections other than UDP to a container that is gone
 * are no danger to anybody: those over IPv6 are deleted after the exit, by nm_detach_defer(); in the families
 * in which the container has ended and its counters say that there were none (claim->unused), none is looked
 * for. One that began in that moment, or before somebody reset the counters, times out. A failure is a
 * notice.
 */
void nm_stale_flows_delete(int fd, const struct nm_claim *claim);

#endif
