/* Messages of ctnetlink, and filters by which the kernel selects entries for a dump or a deletion. */
#ifndef NM_HOST_CONNTRACK_FILTER_H
#define NM_HOST_CONNTRACK_FILTER_H

#include "host/conntrack.h"
#include "host/netlink.h"

/* Port host_port + shift of the flow; of an IPv6 flow, the ports alone select, and whether it is masqueraded.
 */
struct nm_conntrack_filter {
	const struct nm_flow *flow;
	uint16_t shift;
	const struct nm_addr *host; /* the address at the host; NULL: any */
};

/*
 * Begins a message of ctnetlink (IPCTNL_MSG_CT_*) for the entries that the filter selects; NULL: for those of
 * the family af. Kernels that do not know filters in this message refuse a deletion with EINVAL, because the
 * tuple has holes, and dump everything.
 *
 * Addresses do not select for IPv6: ctnetlink_filter_match_tuple() takes the result of ipv6_addr_cmp() for
 * that of a test for equality and selects all addresses but the one (measured on Linux 6.18).
 */
void nm_conntrack_filter_begin(struct nm_netlink_request *r, unsigned message, uint16_t flags, uint8_t af,
	const struct nm_conntrack_filter *filter);

#endif
