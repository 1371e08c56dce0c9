/* What rules in iptables' tables need of the kernel beside nf_tables itself. */
#ifndef NM_IPTABLES_PROBE_H
#define NM_IPTABLES_PROBE_H

#include "nft/dump.h"

/* Asks over nl, a NETLINK_NETFILTER socket, for the xt extensions that the layout needs, those of IPv6 too if
 * so wished, and calls handler for each that is missing. The kernel loads the modules that it finds, as it
 * does when a rule needs them. Changes nothing. 0, or -1 with *err: it has not answered. */
int nm_iptables_probe(struct nm_netlink *nl, bool ipv6, nm_nft_probe_handler *handler, void *ctx,
	struct nm_err *err) NM_MUST_USE;

/* The same for the extension that rules for SCTP need beside these. */
int nm_iptables_probe_sctp(struct nm_netlink *nl, bool ipv6, nm_nft_probe_handler *handler, void *ctx,
	struct nm_err *err) NM_MUST_USE;

/* Tells whether one of the extensions is missing that the rule of iptables/accept.h has where it can. */
int nm_iptables_probe_lacks_accept(
	struct nm_netlink *nl, unsigned families, bool *ret, struct nm_err *err) NM_MUST_USE;

#endif
