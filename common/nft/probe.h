/* Asking the kernel what it has. */
#ifndef NM_NFT_PROBE_H
#define NM_NFT_PROBE_H

#include "host/netlink.h"

/* Called with what is missing ("match 'addrtype'...") and the module that has it. */
typedef void nm_nft_probe_handler(void *ctx, const char *what, const char *module);

/* Calls handler if the kernel has no ctnetlink. The kernel loads the module if it finds it. */
void nm_nft_probe_conntrack(struct nm_netlink *nl, nm_nft_probe_handler *handler, void *ctx);

#endif
