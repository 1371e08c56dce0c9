/* What natmap needs of the kernel beside nf_tables itself. */
#ifndef NM_IPTABLES_PROBE_H
#define NM_IPTABLES_PROBE_H

#include "host/netlink.h"
#include "model/backend.h"

/* Called with what is missing ("match 'addrtype'...") and the module that has it. */
typedef void nm_iptables_probe_handler(void *ctx, const char *what, const char *module);

/*
 * Asks over nl, a NETLINK_NETFILTER socket, for all that the backend needs, for rules of IPv6 too if so
 * wished, and calls handler for each part that is missing. The kernel loads the modules that it finds, as it
 * does when a rule needs them. Changes nothing.
 */
void nm_iptables_probe(struct nm_netlink *nl, enum nm_backend backend, bool ipv6,
	nm_iptables_probe_handler *handler, void *ctx);

/* The same for natmap's own tables alone, as far as nf_tables goes. */
void nm_nftables_probe(struct nm_netlink *nl, bool ipv6, nm_iptables_probe_handler *handler, void *ctx);

#endif
