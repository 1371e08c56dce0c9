/* Filters of ctnetlink: entries that the kernel itself selects for a dump or a deletion. */
#ifndef NM_CONNTRACK_FILTER_H
#define NM_CONNTRACK_FILTER_H

#include "conntrack.h"
#include "netlink.h"

/* Port host_port + shift of the flow, to host; NULL: to any address. */
struct nm_conntrack_filter {
	const struct nm_flow *flow;
	uint16_t shift;
	const struct nm_addr *host;
};

/* Begins a message of ctnetlink (IPCTNL_MSG_CT_*). */
void nm_conntrack_begin(struct nm_request *r, unsigned message, uint16_t flags, uint8_t af);

/*
 * Begins a message that concerns the entries that the filter selects. Kernels that do not know filters in
 * this message refuse a deletion with EINVAL, because the tuple has holes, and dump everything.
 */
void nm_conntrack_begin_filtered(
	struct nm_request *r, unsigned message, uint16_t flags, const struct nm_conntrack_filter *filter);

#endif
