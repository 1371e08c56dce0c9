/* The destination ports that a rule is for, seen without evaluating it: most rules of a host with many
 * published ports are for one port each. Pure. */
#ifndef NM_FOLLOW_DPORTS_H
#define NM_FOLLOW_DPORTS_H

#include "base/port.h"
#include "host/attrs.h"

/* Those outside of which the rule with these expressions certainly does not match; unset: it may match any.
 */
struct nm_ports nm_dports_find(struct nm_attrs expressions);

#endif
