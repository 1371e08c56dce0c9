/* The iptables backend: makes the rules of some owners in the iptables layout what they should be. */
#ifndef NM_IPTABLES_H
#define NM_IPTABLES_H

#include "netlink.h"
#include "rule.h"

struct nm_iptables_change {
	const struct nm_rules *wanted; /* with owners below, or shared ones ('@'), which are added if missing;
					  may be empty */
	const char *const *owners;     /* whose rules that are not wanted go */
	size_t n_owners;
	bool look_for_old;  /* false: the owners have no rules yet, so that there is no need to search all
			       chains */
	unsigned families;  /* that are searched, and get the layout's base when rules are wanted in them */
	bool ipv6_optional; /* go on without IPv6 when the kernel's nf_tables has none, with a notice */
};

/*
 * Applies the change over nl (NETLINK_NETFILTER) in one transaction, both families and all tables. Rules that
 * are as wanted keep their handles and counters; nothing is sent when all are. Other writers are retried a
 * bounded number of times. 0, or -1 with *err and the kernel as it was.
 */
int nm_iptables_apply(
	struct nm_netlink *nl, const struct nm_iptables_change *change, struct nm_err *err) NM_MUST_USE;

#endif
