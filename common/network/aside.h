/*
 * Interfaces that are to go. The kernel deletes one, or all of a group, within some grace periods of RCU, 10
 * to 50 ms for which the caller waits, and everybody who changes interfaces; so they are put into a group,
 * which is deleted some two tenths of a second at most after this process has ended: what several hooks have
 * put there meanwhile goes at once. Their names are free from then on. What a kill leaves of them goes with
 * the next one, or is known by its alias and goes with the next reload or gc.
 */
#ifndef NM_NETWORK_ASIDE_H
#define NM_NETWORK_ASIDE_H

#include "host/netlink.h"

/* Sets it down, gives it a name of nm_names_aside(), and lets nm_detach_exit() delete it; one that is gone
 * meanwhile is no error. */
int nm_aside_put(struct nm_netlink *rtnl, unsigned ifindex, struct nm_err *err) NM_MUST_USE;

/* Lets nm_detach_exit() delete what others have put aside, who may have been killed since. */
void nm_aside_delete_later(void);

/* Deletes at once what has been put aside. */
int nm_aside_delete_now(struct nm_netlink *rtnl, struct nm_err *err) NM_MUST_USE;

#endif
