/*
 * Stale connection tracking entries, through ctnetlink: counted first, because most namespaces have none and
 * a dump walks the host's whole hash table; then dumped, judged here, and deleted each by its tuple and id.
 * A delete request without a tuple would flush the table, so that no request is built without one.
 */
#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "netlink.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524 /* the kernel's own number, which it also lets out */
#endif

enum { TUPLE_MAX = 128 }; /* of CTA_TUPLE_ORIG: 84 bytes with IPv6 and a zone */

/* An entry to be deleted. */
struct victim {
	uint8_t af;
	bool has_zone;
	uint16_t zone; /* as the kernel gave it */
	uint32_t id;   /* as the kernel gave it */
	uint32_t tuple_len;
	char tuple[TUPLE_MAX]; /* contents of CTA_TUPLE_ORIG */
};

struct hunt {
	const struct nm_flow *flows;
	size_t n_flows;
	struct victim *victims; /* owned */
	size_t n;
};

static void hunt_done(struct hunt *h)
{
	nm_cleanup_free(&h->victims);
	h->n = 0;
}

/* An end of a tuple. */
struct endpoint {
	struct nm_addr address;
	uint16_t port;
};

static bool parse_endpoint(struct nm_attrs tuple, enum nm_family family, bool source, uint8_t *ret_protocol,
	struct endpoint *ret)
{
	static const uint16_t ip_types[NM_FAMILY_MAX][2] = {
		[NM_IPV4] = {CTA_IP_V4_DST, CTA_IP_V4_SRC}, [NM_IPV6] = {CTA_IP_V6_DST, CTA_IP_V6_SRC}};
	struct nm_attrs ip = nm_attrs_nested(tuple, CTA_TUPLE_IP);
	struct nm_attrs proto = nm_attrs_nested(tuple, CTA_TUPLE_PROTO);
	uint16_t port;

	if (!nm_attrs_addr(ip, ip_types[family][source], family, &ret->address) ||
		!nm_attrs_get(proto, CTA_PROTO_NUM, ret_protocol, sizeof(*ret_protocol)) ||
		!nm_attrs_get(proto, source ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT, &port, sizeof(port)))
		return false;
	ret->port = ntohs(port);
	return true;
}

static bool matches(const struct nm_flow *f, uint8_t protocol, const struct endpoint *original,
	const struct endpoint *reply)
{
	unsigned shift = (unsigned)original->port - f->host_port; /* huge when below */

	if (f->protocol != protocol || f->family != original->address.family || shift >= f->count)
		return false;
	if (!f->any_host && !nm_addr_equal(&f->host, &original->address))
		return false;
	return !f->translated ||
		(nm_addr_equal(&f->container, &reply->address) && reply->port == f->container_port + shift);
}

static bool is_wanted(const struct hunt *h, enum nm_family family, struct nm_attrs attrs)
{
	struct endpoint original, reply;
	uint8_t protocol;

	if (!parse_endpoint(nm_attrs_nested(attrs, CTA_TUPLE_REPLY), family, true, &protocol, &reply) ||
		!parse_endpoint(nm_attrs_nested(attrs, CTA_TUPLE_ORIG), family, false, &protocol, &original))
		return false;
	for (size_t i = 0; i < h->n_flows; i++)
		if (matches(&h->flows[i], protocol, &original, &reply))
			return true;
	return false;
}

static int add_victim(struct hunt *h, const struct victim *v, struct nm_err *err)
{
	if ((h->n & (h->n - 1)) == 0) { /* full at each power of two */
		struct victim *grown = reallocarray(h->victims, h->n ? 2 * h->n : 1, sizeof(*grown));

		if (!grown)
			return nm_fail_errno(err, ENOMEM, "%zu stale entries", h->n);
		h->victims = grown;
	}
	h->victims[h->n++] = *v;
	return 0;
}

static int take_entry(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct nfgenmsg *nfg = nm_netlink_header(msg, sizeof(*nfg));
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(*nfg));
	struct nm_attrs tuple = nm_attrs_nested(attrs, CTA_TUPLE_ORIG);
	struct victim v = {.has_zone = false};
	enum nm_family family;

	if (!nfg || !nm_family_of_af(nfg->nfgen_family, &family) || tuple.len == 0 ||
		tuple.len > sizeof(v.tuple) || !nm_attrs_get(attrs, CTA_ID, &v.id, sizeof(v.id)) ||
		!is_wanted(ctx, family, attrs))
		return 0;
	v.af = nfg->nfgen_family;
	v.has_zone = nm_attrs_get(attrs, CTA_ZONE, &v.zone, sizeof(v.zone));
	v.tuple_len = (uint32_t)tuple.len;
	memcpy(v.tuple, tuple.data, tuple.len);
	return add_victim(ctx, &v, err);
}

static void forget_victims(void *ctx)
{
	hunt_done(ctx);
}

static void begin(struct nm_request *r, unsigned message, uint16_t flags, uint8_t af)
{
	struct nfgenmsg *nfg =
		nm_request_begin(r, (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | message), flags, sizeof(*nfg));

	nfg->nfgen_family = af;
	nfg->version = NFNETLINK_V0;
}

/* A kernel without ctnetlink knows no such message. */
static bool is_unsupported(int error_number)
{
	return error_number == EINVAL || error_number == EOPNOTSUPP || error_number == ENOTSUPP;
}

static int take_count(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	uint32_t count;

	(void)err; /* never fails */
	if (nm_attrs_get(nm_attrs_of(msg, sizeof(struct nfgenmsg)), CTA_STATS_GLOBAL_ENTRIES, &count,
		    sizeof(count)))
		*(uint32_t *)ctx = ntohl(count);
	return 0;
}

static int count_entries(struct nm_netlink *nl, uint32_t *ret, struct nm_err *err)
{
	const struct nm_netlink_sink sink = {.reply = take_count, .tolerate = is_unsupported, .ctx = ret};
	struct nm_request r;

	*ret = 0;
	nm_request_init(&r);
	begin(&r, IPCTNL_MSG_CT_GET_STATS, 0, AF_UNSPEC);
	return nm_netlink_talk(nl, &r, &sink, err);
}

static int find_victims(struct nm_netlink *nl, struct hunt *h, struct nm_err *err)
{
	const struct nm_netlink_sink sink = {
		.reply = take_entry, .restart = forget_victims, .tolerate = is_unsupported, .ctx = h};
	unsigned families = 0;
	struct nm_request r;

	for (size_t i = 0; i < h->n_flows; i++)
		families |= 1u << h->flows[i].family;
	nm_request_init(&r);
	begin(&r, IPCTNL_MSG_CT_GET, NLM_F_DUMP,
		families == NM_IPV4_BIT           ? AF_INET
			: families == NM_IPV6_BIT ? AF_INET6
						  : AF_UNSPEC);
	return nm_netlink_talk(nl, &r, &sink, err);
}

static bool is_gone(int error_number)
{
	return error_number == ENOENT;
}

static int delete_victims(
	struct nm_netlink *nl, const struct hunt *h, unsigned *ret_deleted, struct nm_err *err)
{
	const struct nm_netlink_sink sink = {.tolerate = is_gone};
	unsigned deleted = 0;
	struct nm_request r;

	for (size_t i = 0; i < h->n;) {
		nm_request_init(&r);
		for (; i < h->n && nm_request_has_room(&r); i++) {
			const struct victim *v = &h->victims[i];

			begin(&r, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, v->af);
			nm_request_put(&r, CTA_TUPLE_ORIG | NLA_F_NESTED, v->tuple, v->tuple_len);
			nm_request_put(&r, CTA_ID, &v->id, sizeof(v->id));
			if (v->has_zone)
				nm_request_put(&r, CTA_ZONE, &v->zone, sizeof(v->zone));
		}
		if (nm_netlink_talk(nl, &r, &sink, err) < 0)
			return -1;
		deleted += nl->accepted;
	}
	*ret_deleted = deleted;
	return 0;
}

int nm_conntrack_delete(
	int fd, const struct nm_flow *flows, size_t n, unsigned *ret_deleted, struct nm_err *err)
{
	NM_CLEANUP(hunt_done) struct hunt h = {.flows = flows, .n_flows = n};
	struct nm_netlink nl = nm_netlink_borrow(fd);
	unsigned deleted = 0;
	uint32_t count = 0;

	if (n > 0 && count_entries(&nl, &count, err) < 0)
		return nm_wrap(err, "counting connection tracking entries");
	if (count > 0 && find_victims(&nl, &h, err) < 0)
		return nm_wrap(err, "reading connection tracking entries");
	if (h.n > 0 && delete_victims(&nl, &h, &deleted, err) < 0)
		return nm_wrap(err, "deleting connection tracking entries");
	*ret_deleted = deleted;
	return 0;
}
