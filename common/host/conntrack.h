/* Connection tracking entries that a change of the mappings has made stale, through ctnetlink. */
#ifndef NM_HOST_CONNTRACK_H
#define NM_HOST_CONNTRACK_H

#include "host/netlink.h"
#include "model/mapping.h"

enum nm_flow_kind {
	NM_FLOW_TO_HOST,      /* to the host's ports, of any local address for any_host, translated or not */
	NM_FLOW_TO_CONTAINER, /* to these ports, with replies from container and container_port */
	NM_FLOW_FROM_CONTAINER, /* begun by container and masqueraded: replies come to the host's ports */
};

/* A description of stale flows. */
struct nm_flow {
	enum nm_flow_kind kind;
	enum nm_family family;
	uint8_t protocol;
	uint16_t host_port, count;
	bool any_host;
	struct nm_addr host; /* unless any_host */
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
