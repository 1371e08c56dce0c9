/* Connection tracking entries that a change of the mappings has made stale, through ctnetlink. */
#ifndef NM_HOST_CONNTRACK_H
#define NM_HOST_CONNTRACK_H

#include "host/netlink.h"
#include "model/mapping.h"

/* A description of stale flows. */
struct nm_flow {
	enum nm_family family;
	uint8_t protocol;
	uint16_t host_port, count; /* original destination ports */
	bool any_host;             /* any original destination if translated, else any local address */
	struct nm_addr host;       /* original destination, unless any_host */
	bool translated;           /* only entries whose replies come from container and container_port */
	struct nm_addr container;
	uint16_t container_port; /* of host_port; the other ports have the same distance */
};

/*
 * Deletes every entry of the caller's network namespace that matches one of the n flows, through the
 * NETLINK_NETFILTER socket fd, which has no reply pending. A kernel without ctnetlink has no entries. 0 with
 * *ret_deleted, the number by which the table shrank meanwhile, or -1 with *err.
 */
int nm_conntrack_delete(
	int fd, const struct nm_flow *flows, size_t n, unsigned *ret_deleted, struct nm_err *err) NM_MUST_USE;

/* True when the kernel answers over nl, a NETLINK_NETFILTER socket, after loading the module if it finds it.
 */
bool nm_conntrack_is_supported(struct nm_netlink *nl);

#endif
