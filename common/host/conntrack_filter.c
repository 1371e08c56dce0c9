/*
 * A filter of ctnetlink is an original and a reply tuple with some of their parts, and flags that name these
 * parts. The original tuple is always present: without any tuple, kernels that do not know filters would
 * flush the whole table.
 */
#include "host/conntrack_filter.h"

#include <arpa/inet.h>

#include <linux/netfilter/nf_conntrack_common.h>
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

static const uint16_t ip_types[NM_FAMILY_MAX][2] = {
	[NM_IPV4] = {CTA_IP_V4_DST, CTA_IP_V4_SRC}, [NM_IPV6] = {CTA_IP_V6_DST, CTA_IP_V6_SRC}};

/* What a filter says of one end of a tuple, the source or the destination. */
struct end {
	bool source;
	const struct nm_addr *address; /* NULL: any */
	uint16_t port;                 /* 0: any */
};

/* Puts one end of a tuple and returns its flags. */
static uint32_t put_end(struct nm_netlink_request *r, uint16_t type, uint8_t protocol, const struct end *end)
{
	struct nlattr *tuple = nm_netlink_request_nest(r, type | NLA_F_NESTED), *part;
	uint16_t be_port = htons(end->port);
	uint32_t flags = PART_PROTO_NUM;

	if (end->address) {
		part = nm_netlink_request_nest(r, CTA_TUPLE_IP | NLA_F_NESTED);
		nm_netlink_request_put(r, ip_types[end->address->family][end->source], end->address->bytes,
			nm_addr_size(end->address->family));
		nm_netlink_request_nest_end(r, part);
		flags |= end->source ? PART_IP_SRC : PART_IP_DST;
	}
	part = nm_netlink_request_nest(r, CTA_TUPLE_PROTO | NLA_F_NESTED);
	nm_netlink_request_put(r, CTA_PROTO_NUM, &protocol, sizeof(protocol));
	if (end->port) {
		nm_netlink_request_put(
			r, end->source ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT, &be_port, sizeof(be_port));
		flags |= end->source ? PART_SRC_PORT : PART_DST_PORT;
	}
	nm_netlink_request_nest_end(r, part);
	nm_netlink_request_nest_end(r, tuple);
	return flags;
}

static void put_filter(struct nm_netlink_request *r, const struct nm_conntrack_filter *filter)
{
	const struct nm_flow *f = filter->flow;
	const bool exact = f->family == NM_IPV4, out = f->kind == NM_FLOW_FROM_CONTAINER;
	const struct end host = {
		false, exact ? filter->host : NULL, (uint16_t)(f->host_port + filter->shift)};
	const struct end container = {
		true, exact ? &f->container : NULL, out ? 0 : (uint16_t)(f->container_port + filter->shift)};
	const uint32_t masqueraded = htonl(IPS_SRC_NAT);
	uint32_t original_flags, reply_flags = 0;
	struct nlattr *nest;

	original_flags = put_end(r, CTA_TUPLE_ORIG, f->protocol, out ? &container : &host);
	if (f->kind != NM_FLOW_TO_HOST)
		reply_flags = put_end(r, CTA_TUPLE_REPLY, f->protocol, out ? &host : &container);
	nest = nm_netlink_request_nest(r, CTA_FILTER | NLA_F_NESTED);
	nm_netlink_request_put(r, CTA_FILTER_ORIG_FLAGS, &original_flags, sizeof(original_flags));
	nm_netlink_request_put(r, CTA_FILTER_REPLY_FLAGS, &reply_flags, sizeof(reply_flags));
	nm_netlink_request_nest_end(r, nest);
	if (out)
		nm_netlink_request_put(r, CTA_STATUS, &masqueraded, sizeof(masqueraded));
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
