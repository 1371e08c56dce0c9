/*
 * Stale connection tracking entries, through ctnetlink.
 *
 * There are three ways to delete them, and most of the cost of each is walking the table: 262144 buckets, of
 * all namespaces. Measured on Linux 6.18, fixed cost + cost per 1,000 entries: a deletion by filter, which
 * kernels before 2024 lack, and which cannot tell IPv6 addresses, 0.17 ms + 0.2 ms; a dump, of which each
 * entry is compared here and stale ones are deleted by tuple and id, 4.7 ms + 0.9 ms, since it locks each
 * bucket; a dump by filter 4.7 ms + 0.06 ms for each port. The list in /proc walks the table anew for every
 * 25 entries. The cheapest is taken; none when the namespace has no entries.
 *
 * A deletion without a tuple would flush the table: no such message is built.
 */
#include "host/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/array.h"
#include "host/attrs.h"
#include "host/conntrack_filter.h"
#include "host/rtnl.h"

#ifndef ENOTSUPP
#define ENOTSUPP 524 /* the kernel's own number, which it also lets out */
#endif

/* Costs in nanoseconds: of walking the table, and of each entry. */
enum {
	FLUSH_NS = 175 * 1000,
	FLUSH_ENTRY_NS = 200,
	DUMP_NS = 4700 * 1000,
	DUMP_ENTRY_NS = 900,
	FILTER_ENTRY_NS = 65,
};

enum { FILTERS_MAX = 32 }; /* at 136 bytes, they fit one request */
enum { TUPLE_MAX = 128 };  /* of CTA_TUPLE_ORIG: 84 bytes with IPv6 and a zone */

/* Deletions of stale entries. */
struct deletions {
	struct nm_netlink_request *v; /* owned */
	size_t n, capacity;
};

struct hunt {
	struct nm_netlink nl; /* borrowed */
	const struct nm_flow *flows;
	size_t n_flows;
	struct nm_rtnl_addresses local; /* the host's, when a flow needs them */
	struct deletions deletions;
};

static void hunt_done(struct hunt *h)
{
	nm_rtnl_addresses_done(&h->local);
	free(h->deletions.v);
}

/* Flows to any host: only their destination tells the host's own from forwarded ones. */
static bool needs_local(const struct nm_flow *f)
{
	return f->any_host && f->kind == NM_FLOW_TO_HOST;
}

static int read_local(struct hunt *h, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};

	for (size_t i = 0; i < h->n_flows; i++)
		if (needs_local(&h->flows[i]) && rtnl.fd < 0 &&
			(nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
				nm_rtnl_get_addresses(&rtnl, &h->local, err) < 0))
			return -1;
	return 0;
}

struct endpoint {
	struct nm_addr address;
	uint16_t port;
};

/* From both tuples. */
struct entry {
	enum nm_family family;
	uint8_t protocol;
	struct endpoint source, destination, reply_source, reply_destination;
};

static bool parse_endpoint(struct nm_attrs tuple, enum nm_family family, bool source, struct endpoint *ret)
{
	static const uint16_t ip_types[NM_FAMILY_MAX][2] = {
		[NM_IPV4] = {CTA_IP_V4_DST, CTA_IP_V4_SRC}, [NM_IPV6] = {CTA_IP_V6_DST, CTA_IP_V6_SRC}};
	struct nm_attrs ip = nm_attrs_nested(tuple, CTA_TUPLE_IP);
	struct nm_attrs proto = nm_attrs_nested(tuple, CTA_TUPLE_PROTO);
	uint16_t port;

	if (!nm_attrs_addr(ip, ip_types[family][source], family, &ret->address) ||
		!nm_attrs_get(proto, source ? CTA_PROTO_SRC_PORT : CTA_PROTO_DST_PORT, &port, sizeof(port)))
		return false;
	ret->port = ntohs(port);
	return true;
}

static bool parse_entry(struct nm_attrs attrs, enum nm_family family, struct entry *ret)
{
	struct nm_attrs original = nm_attrs_nested(attrs, CTA_TUPLE_ORIG);
	struct nm_attrs reply = nm_attrs_nested(attrs, CTA_TUPLE_REPLY);

	ret->family = family;
	return nm_attrs_get(nm_attrs_nested(original, CTA_TUPLE_PROTO), CTA_PROTO_NUM, &ret->protocol,
		       sizeof(ret->protocol)) &&
		parse_endpoint(original, family, true, &ret->source) &&
		parse_endpoint(original, family, false, &ret->destination) &&
		parse_endpoint(reply, family, true, &ret->reply_source) &&
		parse_endpoint(reply, family, false, &ret->reply_destination);
}

static bool matches(const struct hunt *h, const struct nm_flow *f, const struct entry *e)
{
	bool out = f->kind == NM_FLOW_FROM_CONTAINER;
	const struct endpoint *at_host = out ? &e->reply_destination : &e->destination;
	const struct endpoint *inside = out ? &e->source : &e->reply_source;
	unsigned shift = (unsigned)at_host->port - f->host_port; /* huge when below */

	if (f->protocol != e->protocol || f->family != e->family || shift >= f->count)
		return false;
	if (!f->any_host && !nm_addr_equal(&f->host, &at_host->address))
		return false;
	if (f->kind == NM_FLOW_TO_HOST)
		return !f->any_host || nm_rtnl_find_address(&h->local, &at_host->address);
	if (!nm_addr_equal(&f->container, &inside->address))
		return false;
	return out ? !nm_addr_equal(&f->container, &at_host->address)
		   : inside->port == f->container_port + shift;
}

static bool is_stale(const struct hunt *h, const struct entry *e)
{
	for (size_t i = 0; i < h->n_flows; i++)
		if (matches(h, &h->flows[i], e))
			return true;
	return false;
}

/* Returns the request for one more deletion. NULL with *err (memory). */
static struct nm_netlink_request *request_with_room(struct deletions *list, struct nm_err *err)
{
	if (list->n == 0 || !nm_netlink_request_has_room(&list->v[list->n - 1])) {
		if (nm_grow(list, "finding stale entries", err) < 0)
			return NULL;
		nm_netlink_request_init(&list->v[list->n++]);
	}
	return &list->v[list->n - 1];
}

static int on_entry(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	const struct nfgenmsg *nfg = nm_netlink_header(msg, sizeof(*nfg));
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(*nfg));
	struct nm_attrs tuple = nm_attrs_nested(attrs, CTA_TUPLE_ORIG);
	struct entry entry;
	struct nm_netlink_request *r;
	struct hunt *h = ctx;
	enum nm_family family;
	uint32_t id;
	uint16_t zone;

	if (!nfg || !nm_addr_family_of_af(nfg->nfgen_family, &family) || tuple.len == 0 ||
		tuple.len > TUPLE_MAX || !nm_attrs_get(attrs, CTA_ID, &id, sizeof(id)) ||
		!parse_entry(attrs, family, &entry) || !is_stale(h, &entry))
		return 0;
	r = request_with_room(&h->deletions, err);
	if (!r)
		return -1;
	nm_conntrack_filter_begin(r, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, nfg->nfgen_family, NULL);
	nm_netlink_request_put(r, CTA_TUPLE_ORIG | NLA_F_NESTED, tuple.data, tuple.len);
	nm_netlink_request_put(r, CTA_ID, &id, sizeof(id));
	if (nm_attrs_get(attrs, CTA_ZONE, &zone, sizeof(zone)))
		nm_netlink_request_put(r, CTA_ZONE, &zone, sizeof(zone));
	return 0;
}

/* A kernel without ctnetlink, or without filters for deletions. */
#define UNSUPPORTED NM_NETLINK_ERRORS(EINVAL, EOPNOTSUPP, ENOTSUPP)

static int on_count(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	(void)err; /* never fails */
	(void)nm_attrs_be32(nm_attrs_of(msg, sizeof(struct nfgenmsg)), CTA_STATS_GLOBAL_ENTRIES, ctx);
	return 0;
}

static int count_entries(struct nm_netlink *nl, uint32_t *ret, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.reply = on_count, .tolerate = UNSUPPORTED, .ctx = ret};
	struct nm_netlink_request r;

	*ret = 0;
	nm_netlink_request_init(&r);
	nm_conntrack_filter_begin(&r, IPCTNL_MSG_CT_GET_STATS, 0, AF_UNSPEC, NULL);
	return nm_netlink_talk(nl, &r, &handler, err);
}

/* Lists exact filters for the IPv4 flows: one for each port, times local addresses where needs_local().
 * Returns their number, FILTERS_MAX + 1 when there are more. */
static size_t list_exact_filters(const struct hunt *h, struct nm_conntrack_filter ret[static FILTERS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_flows; i++) {
		const struct nm_flow *f = &h->flows[i];
		size_t hosts = needs_local(f) ? h->local.n : 1;

		for (size_t j = 0; f->family == NM_IPV4 && j < f->count * hosts; j++) {
			const struct nm_addr *host = f->any_host ? NULL : &f->host;

			if (needs_local(f))
				host = &h->local.v[j % hosts].prefix.addr;
			if (host && host->family != NM_IPV4)
				continue;
			if (n == FILTERS_MAX)
				return FILTERS_MAX + 1;
			ret[n++] = (struct nm_conntrack_filter){
				.flow = f, .shift = (uint16_t)(j / hosts), .host = host};
		}
	}
	return n;
}

static size_t count_ports(const struct hunt *h, unsigned families)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_flows; i++)
		if (families & (1u << h->flows[i].family))
			n += h->flows[i].count;
	return n;
}

static size_t dump_cost(size_t entries)
{
	return DUMP_NS + DUMP_ENTRY_NS * entries;
}

static size_t filtered_dumps_cost(size_t ports, size_t entries)
{
	return ports * (DUMP_NS + FILTER_ENTRY_NS * entries);
}

static bool is_deletion_cheapest(const struct hunt *h, size_t filters, size_t entries)
{
	size_t cost = filters * (FLUSH_NS + FLUSH_ENTRY_NS * entries);

	return cost < dump_cost(entries) && cost < filtered_dumps_cost(count_ports(h, NM_IPV4_BIT), entries);
}

/* Deletes the entries of IPv4 flows by filters if that is cheapest. 0 with *ret_done, false when they are not
 * deleted yet. */
static int delete_by_filter(struct hunt *h, size_t entries, bool *ret_done, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.tolerate = UNSUPPORTED};
	struct nm_conntrack_filter filters[FILTERS_MAX];
	size_t n = list_exact_filters(h, filters);
	struct nm_netlink_request r;

	*ret_done = n == 0;
	if (n == 0 || n > FILTERS_MAX || !is_deletion_cheapest(h, n, entries))
		return 0;
	nm_netlink_request_init(&r);
	for (size_t i = 0; i < n; i++)
		nm_conntrack_filter_begin(&r, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, AF_INET, &filters[i]);
	if (nm_netlink_talk(&h->nl, &r, &handler, err) < 0)
		return -1;
	*ret_done = h->nl.accepted == n;
	return 0;
}

/* Finds the stale entries that the filter selects; NULL: those of family af. */
static int dump(struct hunt *h, uint8_t af, const struct nm_conntrack_filter *filter, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.reply = on_entry, .tolerate = UNSUPPORTED, .ctx = h};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_conntrack_filter_begin(&r, IPCTNL_MSG_CT_GET, NLM_F_DUMP, af, filter);
	return nm_netlink_talk(&h->nl, &r, &handler, err);
}

/* Finds the entries of these families by one dump or, if that is cheaper, by one for each port. */
static int find_stale(struct hunt *h, unsigned families, size_t entries, struct nm_err *err)
{
	size_t ipv4 = count_ports(h, families & NM_IPV4_BIT), ipv6 = count_ports(h, families & NM_IPV6_BIT);
	size_t ports = ipv4 + ipv6;

	if (ports == 0)
		return 0;
	if (filtered_dumps_cost(ports, entries) >= dump_cost(entries))
		return dump(h, !ipv6 ? AF_INET : !ipv4 ? AF_INET6 : AF_UNSPEC, NULL, err);
	for (size_t i = 0; i < h->n_flows; i++) {
		const struct nm_flow *f = &h->flows[i];
		struct nm_conntrack_filter filter = {.flow = f};

		for (; (families & (1u << f->family)) && filter.shift < f->count; filter.shift++)
			if (dump(h, AF_UNSPEC, &filter, err) < 0)
				return -1;
	}
	return 0;
}

static int delete_all(struct hunt *h, size_t entries, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.tolerate = NM_NETLINK_ERRORS(ENOENT)};
	bool done;

	if (read_local(h, err) < 0 || delete_by_filter(h, entries, &done, err) < 0)
		return -1;
	if (find_stale(h, done ? NM_IPV6_BIT : NM_BOTH_FAMILIES, entries, err) < 0)
		return -1;
	for (size_t i = 0; i < h->deletions.n; i++)
		if (nm_netlink_talk(&h->nl, &h->deletions.v[i], &handler, err) < 0)
			return -1;
	return 0;
}

int nm_conntrack_delete(
	int fd, const struct nm_flow *flows, size_t n, unsigned *ret_deleted, struct nm_err *err)
{
	NM_CLEANUP(hunt_done)
	struct hunt h = {.nl = nm_netlink_borrow(fd), .flows = flows, .n_flows = n};
	uint32_t before = 0, after = 0;

	if (n > 0 && count_entries(&h.nl, &before, err) < 0)
		return nm_wrap(err, "counting connection tracking entries");
	if (before > 0 && delete_all(&h, before, err) < 0)
		return nm_wrap(err, "deleting connection tracking entries");
	if (before > 0 && count_entries(&h.nl, &after, err) < 0)
		return nm_wrap(err, "counting connection tracking entries");
	*ret_deleted = before > after ? before - after : 0;
	return 0;
}

/* Whatever the kernel says instead of an answer means that deleting entries would fail, too. */
bool nm_conntrack_is_supported(struct nm_netlink *nl)
{
	const struct nm_netlink_handler nothing = {.reply = NULL};
	struct nm_netlink_request r;
	struct nm_err err;

	nm_netlink_request_init(&r);
	(void)nm_netlink_request_begin(
		&r, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, 0, sizeof(struct nfgenmsg));
	return nm_netlink_talk(nl, &r, &nothing, &err) == 0;
}
