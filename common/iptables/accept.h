/* The one rule that natmap's own tables need in those of iptables: an accept in a chain of theirs does not
 * keep the FORWARD chain of iptables from dropping the packet after it. On a kernel without the extensions it
 * has a native form, which iptables lists since 1.8.8; both count as the same. */
#ifndef NM_IPTABLES_ACCEPT_H
#define NM_IPTABLES_ACCEPT_H

#include "host/netlink.h"
#include "model/network_part.h"
#include "model/rule.h"

struct nm_iptables_accept {
	uint32_t mark;
	bool native; /* of the mark alone, without extensions of iptables */
	/* parts of bridges of natmap's, whose packets are not translated; borrowed */
	struct nm_network_part *const *parts;
	size_t n_parts;
};

/* Appends the jump FORWARD -> DOCKER-USER and in there the ACCEPT of translated packets with the mark, and of
 * all those with the mark from and to the bridges, for each of the families whose FORWARD chain may drop
 * something: by its policy, or by a rule of others. The rules borrow from the parts. */
int nm_iptables_accept(struct nm_netlink *nl, unsigned families, struct nm_iptables_accept accept,
	struct nm_rules *ret, struct nm_err *err) NM_MUST_USE;

/* How the kernel's rules differ from these. */
struct nm_iptables_accept_found {
	bool differs; /* one of them is missing that one of the families needs, or stands where it does not
			 work */
	bool absent;  /* an ACCEPT is missing */
};
int nm_iptables_accept_find(struct nm_netlink *nl, unsigned families, struct nm_iptables_accept accept,
	struct nm_iptables_accept_found *ret, struct nm_err *err) NM_MUST_USE;

#endif
