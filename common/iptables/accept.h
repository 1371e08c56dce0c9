/* The one rule that natmap's own tables need in those of iptables: an accept in a chain of theirs does not
 * keep the FORWARD chain of iptables from dropping the packet after it. */
#ifndef NM_IPTABLES_ACCEPT_H
#define NM_IPTABLES_ACCEPT_H

#include "host/netlink.h"
#include "model/rule.h"

/* Appends the jump FORWARD -> DOCKER-USER and in there the ACCEPT of translated packets with the mark, for
 * each of the families whose FORWARD chain may drop something: by its policy, or by a rule of others. */
int nm_iptables_accept(struct nm_netlink *nl, unsigned families, uint32_t mark, struct nm_rules *ret,
	struct nm_err *err) NM_MUST_USE;

/* Tells whether one of the families needs them, and, unless ret_missing is NULL, whether one of them is
 * missing or stands where it does not work. */
int nm_iptables_accept_find(struct nm_netlink *nl, unsigned families, uint32_t mark, bool *ret_needed,
	bool *ret_missing, struct nm_err *err) NM_MUST_USE;

#endif
