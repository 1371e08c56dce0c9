/*
 * A filter of ctnetlink is an original and a reply tuple with some of their parts, and flags that name these
 * parts. The original tuple is always present: without any tuple, kernels that do not know filters would
 * flush the whole table.
 */
#include "host/conntrack_filter.h"

#include <arpa/inet.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/* CTA_FILTER_*_FLAGS: the kernel has these in net/netfilter/nf_internals.h, not in its user space headers. */
enum {
	PART_IP_SRC = 1 << 0,
	PART_IP_DST = 1 << 1,
	PART_PROTO_NUM = 1 << 3,
	PART_SRC_PORT = 1 << 4,
	PART_DST_PORT = 1 << 5,
};

#ifndef CTA_FILTER_MAX /* headers of Linux before 5.8 */
enum { CTA_FILTER = 25, CTA_FILTER_ORIG_FLAGS = 1, CTA_FILTER_REPLY_FLAGS = 2 };
#endif

/* Puts one end of a tuple and returns its flags: the source, or the destination; any address for NULL. */
static uint32_t put_tuple(struct nm_netlink_request *r, uint16_t type, bool source, uint8_t protocol,
	uint16_t port, const struct nm_addr *address)
{
	static const uint16_t ip_types[NM_FAMILY_MAX][2] = {
		[NM_IPV4] = {CTA_IP_V4_DST, CTA_IP_V4_SRC}, [NM_IPV6] = {CTA_IP_V6_DST, CTA_IP_V6_SRC}};
	struct nlattr *tuple = nm_netlink_request_nest(r, type | NLA_F_NESTED), *part;
	uint16_t be_port = htons(port);
	uint32_t flags = PART_PROTO_NUM | (source ? PART_SRC_PORT : PART_DST_PORT);

	if (address) {
		part = nm_netlink_request_nest(r, CTA_TUPLE_IP | NLA_F_NESTED);
		nm_netlink_request_put(
			r, ip_types[address->family][source], address->bytes, nm_addr_size(address->family));
		nm_netlink_request_nest_end(r, part);
		flags |= source ? PART_IP_SRC : PART_IP_DST;
	}
	part = nm_netlink_request_nest(r, CTA_TUPLE_PROTO | NLA_F_NESTED);
	nm_netlink_request_put(r, CTA_PROTO_NUM, &protocol, sizeof(protocol));
	nm_netlink_request_put(
		r, source ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT, &be_port, sizeof(be_port));
	nm_netlink_request_nest_end(r, part);
	nm_netlink_request_nest_end(r, tuple);
	return flags;
}

static void put_filter(struct nm_netlink_request *r, const struct nm_conntrack_filter *filter)
{
	const struct nm_flow *f = filter->flow;
	const bool exact = f->family == NM_IPV4;
	uint32_t original_flags, reply_flags = 0;
	struct nlattr *nest;

	original_flags = put_tuple(r, CTA_TUPLE_ORIG, false, f->protocol,
		(uint16_t)(f->host_port + filter->shift), exact ? filter->host : NULL);
	if (f->translated)
		reply_flags = put_tuple(r, CTA_TUPLE_REPLY, true, f->protocol,
			(uint16_t)(f->container_port + filter->shift), exact ? &f->container : NULL);
	nest = nm_netlink_request_nest(r, CTA_FILTER | NLA_F_NESTED);
	nm_netlink_request_put(r, CTA_FILTER_ORIG_FLAGS, &original_flags, sizeof(original_flags));
	nm_netlink_request_put(r, CTA_FILTER_REPLY_FLAGS, &reply_flags, sizeof(reply_flags));
	nm_netlink_request_nest_end(r, nest);
}

void nm_conntrack_filter_begin(struct nm_netlink_request *r, unsigned message, uint16_t flags, uint8_t af,
	const struct nm_conntrack_filter *filter)
{
	struct nfgenmsg *nfg = nm_netlink_request_begin(
		r, (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | message), flags, sizeof(*nfg));

	nfg->nfgen_family = filter ? nm_addr_family_to_af(filter->flow->family) : af;
	nfg->version = NFNETLINK_V0;
	if (filter)
		put_filter(r, filter);
}
