/*
 * Local listeners, through sock_diag(7). Up to 64 lookups are made one by one, as the kernel does for a
 * packet, in 1 us each. For more of them, and for SCTP, which has no such lookup for listeners, all sockets
 * are dumped, which walks up to 65536 hash buckets.
 *
 * A lookup answers with the best socket, for a specific address perhaps that of the wildcard. IPv4 lookups
 * also find dual-stack IPv6 sockets, as packets do. Sockets bound to an interface listen to what comes by it:
 * they are found by the interface of a local address.
 */
#include "host/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "base/hash.h"
#include "host/attrs.h"

enum { LOOKUPS_MAX = 64 }; /* in one batch; an answer takes about 1.3 of the receive buffer's 208 KiB */

_Static_assert(LOOKUPS_MAX *(sizeof(struct nlmsghdr) + sizeof(struct inet_diag_req_v2)) <=
		NM_NETLINK_REQUEST_SIZE - NM_NETLINK_MESSAGE_MAX,
	"a batch is one request");

/* Where a socket listens. */
struct bound {
	bool any;
	unsigned families; /* of the wildcard */
	unsigned ifindex;  /* of the interface that it is bound to; 0: none */
	struct nm_listener listener;
};

static bool parse_socket(const struct nlmsghdr *msg, struct bound *ret)
{
	static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
	const struct inet_diag_msg *d = nm_netlink_header(msg, sizeof(*d));
	struct nm_attrs attrs = nm_attrs_of(msg, sizeof(*d));
	struct bound b = {.families = 0};
	struct nm_addr *a = &b.listener.address;
	uint8_t v6only = 0;

	if (!d || d->id.idiag_dport /* connected */ || !nm_addr_family_of_af(d->idiag_family, &a->family))
		return false;
	(void)nm_attrs_get(attrs, INET_DIAG_SKV6ONLY, &v6only, sizeof(v6only));
	(void)nm_attrs_get(
		attrs, INET_DIAG_CGROUP_ID, &b.listener.control_group, sizeof(b.listener.control_group));
	memcpy(a->bytes, d->id.idiag_src, nm_addr_size(a->family));
	if (a->family == NM_IPV6 && memcmp(a->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		*a = (struct nm_addr){.family = NM_IPV4};
		memcpy(a->bytes, &d->id.idiag_src[3], 4);
	}
	b.any = nm_addr_is_unspecified(a);
	b.families = 1u << a->family;
	if (b.any && a->family == NM_IPV6 && !v6only)
		b.families |= NM_IPV4_BIT;
	b.ifindex = d->id.idiag_if;
	b.listener.port = ntohs(d->id.idiag_sport);
	*ret = b;
	return true;
}

struct search {
	const struct nm_mapping *mapping;
	const struct nm_rtnl_addresses *hidden;
	struct nm_listener found; /* port 0: none */
};

static bool is_hidden_interface(const struct search *s, unsigned ifindex)
{
	for (size_t i = 0; i < s->hidden->n; i++)
		if (s->hidden->v[i].ifindex == ifindex)
			return true;
	return ifindex == 0;
}

static bool is_same_address(const struct nm_mapping *m, const struct bound *b)
{
	if (b->any || m->any_host)
		return b->any && m->any_host;
	return nm_addr_equal(&b->listener.address, &m->host);
}

static bool is_taken(const struct search *s, const struct bound *b)
{
	const struct nm_mapping *m = s->mapping;

	if (b->listener.port < m->host_port || b->listener.port - m->host_port >= m->count ||
		!(b->families & m->families))
		return false;
	if (!s->hidden)
		return b->ifindex == 0 && is_same_address(m, b);
	if (!is_hidden_interface(s, b->ifindex))
		return false;
	return b->any ||
		(m->any_host ? nm_rtnl_find_address(s->hidden, &b->listener.address) != NULL
			     : is_same_address(m, b));
}

static int on_socket(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	struct search *s = ctx;
	struct bound b;

	(void)err; /* never fails */
	if (msg->nlmsg_type == SOCK_DIAG_BY_FAMILY && parse_socket(msg, &b) && is_taken(s, &b) &&
		(!s->found.port || b.listener.port < s->found.port))
		s->found = b.listener;
	return 0;
}

static void on_restart(void *ctx)
{
	((struct search *)ctx)->found.port = 0;
}

/* No such socket, or a kernel without sock_diag for the protocol or the family. */
#define NOTHING NM_NETLINK_ERRORS(ENOENT, EINVAL, EOPNOTSUPP, EPROTONOSUPPORT, EAFNOSUPPORT)

static struct inet_diag_req_v2 *begin(
	struct nm_netlink_request *r, uint16_t flags, uint8_t af, uint8_t protocol)
{
	struct inet_diag_req_v2 *q = nm_netlink_request_begin(r, SOCK_DIAG_BY_FAMILY, flags, sizeof(*q));

	q->sdiag_family = af;
	q->sdiag_protocol = protocol;
	q->idiag_states = protocol == IPPROTO_UDP ? 1u << TCP_CLOSE : 1u << TCP_LISTEN;
	q->id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	q->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return q;
}

/* Appends the lookup of a port, of the address or, with NULL, of the wildcard. For UDP the address to look up
 * is the destination, as in a packet (udp_dump_one: "src and dst are swapped for historical reasons");
 * measured on Linux 6.18. */
static void put_lookup(struct nm_netlink_request *r, uint8_t protocol, enum nm_family family, uint16_t port,
	const struct nm_addr *address, unsigned ifindex)
{
	struct inet_diag_req_v2 *q = begin(r, 0, nm_addr_family_to_af(family), protocol);
	bool swapped = protocol == IPPROTO_UDP;

	if (address)
		memcpy(swapped ? q->id.idiag_dst : q->id.idiag_src, address->bytes, nm_addr_size(family));
	if (swapped)
		q->id.idiag_dport = htons(port);
	else
		q->id.idiag_sport = htons(port);
	q->id.idiag_if = ifindex;
}

/* Looks the ports up on the mapping's own address, by each interface, or on all those which it hides. */
static void put_lookups(struct nm_netlink_request *r, const struct search *s, enum nm_family family)
{
	const struct nm_mapping *m = s->mapping;
	const struct nm_addr *host = m->any_host ? NULL : &m->host;

	for (unsigned i = 0; i < m->count; i++) {
		uint16_t port = (uint16_t)(m->host_port + i);

		put_lookup(r, m->protocol, family, port, host, 0);
		for (size_t j = 0; s->hidden && j < s->hidden->n; j++) {
			const struct nm_rtnl_address *a = &s->hidden->v[j];

			if (a->prefix.addr.family == family)
				put_lookup(r, m->protocol, family, port, host ? host : &a->prefix.addr,
					a->ifindex);
		}
	}
}

/* Looks the ports up, or dumps all sockets of the family. */
static int search_family(
	struct nm_netlink *nl, enum nm_family family, bool dump, struct search *s, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {
		.reply = on_socket, .restart = on_restart, .tolerate = NOTHING, .ctx = s};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	if (dump)
		(void)begin(&r, NLM_F_DUMP, nm_addr_family_to_af(family), s->mapping->protocol);
	else
		put_lookups(&r, s, family);
	return nm_netlink_talk(nl, &r, &handler, err);
}

int nm_listener_find(struct nm_netlink *nl, const struct nm_mapping *m,
	const struct nm_rtnl_addresses *hidden, struct nm_listener *ret, struct nm_err *err)
{
	size_t lookups = m->count * (1 + (hidden ? hidden->n : 0));
	bool dump = m->protocol == IPPROTO_SCTP || lookups > LOOKUPS_MAX;
	/* A dump shows dual-stack listeners as the IPv6 sockets that they are. */
	unsigned families = dump ? m->families | NM_IPV6_BIT : m->families;
	struct search s = {.mapping = m, .hidden = hidden};

	nm_each_family(f, families) {
		if (!s.found.port && search_family(nl, f, dump, &s, err) < 0)
			return nm_wrap(
				err, "looking for local %s sockets", nm_mapping_protocol_name(m->protocol));
	}
	*ret = s.found;
	return 0;
}

struct fingerprint {
	uint64_t sum, before; /* before: of the dump */
};

static int on_any_socket(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	struct fingerprint *f = ctx;
	struct bound b;

	(void)err; /* never fails */
	if (msg->nlmsg_type == SOCK_DIAG_BY_FAMILY && parse_socket(msg, &b)) {
		const uint32_t what[] = {
			b.any, b.families, b.ifindex, b.listener.port, b.listener.address.family};

		f->sum += nm_hash(nm_hash(NM_HASH_BEGIN, what, sizeof(what)), b.listener.address.bytes,
			nm_addr_size(b.listener.address.family));
	}
	return 0;
}

static void on_fingerprint_restart(void *ctx)
{
	struct fingerprint *f = ctx;

	f->sum = f->before;
}

int nm_listener_fingerprint(struct nm_netlink *nl, uint64_t *ret, struct nm_err *err)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	struct fingerprint f = {*ret, *ret};
	const struct nm_netlink_handler handler = {
		.reply = on_any_socket, .restart = on_fingerprint_restart, .tolerate = NOTHING, .ctx = &f};
	struct nm_netlink_request r;

	for (size_t p = 0; p < sizeof(protocols); p++)
		nm_each_family(family, NM_BOTH_FAMILIES) {
			f.before =
				f.sum * 3 + protocols[p]; /* one that moves to another protocol is another */
			f.sum = f.before;
			nm_netlink_request_init(&r);
			(void)begin(&r, NLM_F_DUMP, nm_addr_family_to_af(family), protocols[p]);
			if (nm_netlink_talk(nl, &r, &handler, err) < 0)
				return nm_wrap(err, "looking for local sockets");
		}
	*ret = f.sum;
	return 0;
}
