/* What natmap's own tables need of the kernel. */
#ifndef NM_NFTABLES_PROBE_H
#define NM_NFTABLES_PROBE_H

#include "nft/dump.h"

/* Asks over nl, a NETLINK_NETFILTER socket, for all that natmap's own tables need, those of IPv6 too if so
 * wished, and calls handler for each part that is missing. The kernel loads the modules that it finds.
 * Changes nothing. 0, or -1 with *err (memory). */
int nm_nftables_probe(struct nm_netlink *nl, bool ipv6, nm_nft_probe_handler *handler, void *ctx,
	struct nm_err *err) NM_MUST_USE;

#endif
