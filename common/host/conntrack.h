/* Connection tracking entries that a change of the mappings has made stale, through ctnetlink. */
#ifndef NM_HOST_CONNTRACK_H
#define NM_HOST_CONNTRACK_H

#include "model/mapping.h"

/* One kind of stale flow. */
struct nm_flow {
	enum nm_family family;
	uint8_t protocol;
	uint16_t host_port, count; /* original destination ports */
	bool any_host;             /* any original destination if translated, else any local address */
	struct nm_addr host;       /* original destination, unless any_host */
	bool translated;           /* only entries whose reply comes from the next two */
	struct nm_addr container;
	uint16_t container_port; /* for host_port; further ports are shifted alike */
};

/*
 * Deletes every entry of the caller's network namespace that matches one of the n flows, exactly by its
 * tuple, on the open NETLINK_NETFILTER socket fd (no reply pending). A kernel without ctnetlink has no
 * entries. 0 with *ret_deleted, by how many the table shrank meanwhile, or -1 with *err.
 */
int nm_conntrack_delete(
	int fd, const struct nm_flow *flows, size_t n, unsigned *ret_deleted, struct nm_err *err) NM_MUST_USE;

#endif
