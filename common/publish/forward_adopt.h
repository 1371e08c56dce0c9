/* What natmap has switched on, where its record is lost: the guards in the kernel tell. */
#ifndef NM_PUBLISH_FORWARD_ADOPT_H
#define NM_PUBLISH_FORWARD_ADOPT_H

#include "host/netlink.h"
#include "publish/forward_switch.h"

/* Reads s->old, and adds to it, with number 0, the interfaces whose guards are in the kernel. Call it before
 * nm_forward_switch_plan(). */
int nm_forward_adopt(struct nm_forward_switch *s, const struct nm_state *st, struct nm_netlink *nl,
	struct nm_err *err) NM_MUST_USE;

#endif
