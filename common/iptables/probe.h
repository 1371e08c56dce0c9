/* What rules in iptables' tables need of the kernel beside nf_tables itself. */
#ifndef NM_IPTABLES_PROBE_H
#define NM_IPTABLES_PROBE_H

#include "nft/dump.h"

/* Asks over nl, a NETLINK_NETFILTER socket, for the xt extensions that the layout needs, those of IPv6 too if
 * so wished, and calls handler for each that is missing. The kernel loads the modules that it finds, as it
 * does when a rule needs them. Changes nothing. */
void nm_iptables_probe(struct nm_netlink *nl, bool ipv6, nm_nft_probe_handler *handler, void *ctx);

/* The same for the extension that rules for SCTP need beside these. */
void nm_iptables_probe_sctp(struct nm_netlink *nl, bool ipv6, nm_nft_probe_handler *handler, void *ctx);

/* Tells whether one of the extensions is missing that the rule of iptables/accept.h has where it can. */
bool nm_iptables_probe_lacks_accept(struct nm_netlink *nl, unsigned families);

#endif
