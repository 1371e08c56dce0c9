/*
 * Local listeners, through sock_diag(7). Up to 64 ports are looked up one by one, as the kernel does for a
 * packet, in 1 us each. For more ports, and for SCTP, which has no such lookup for listeners, all sockets are
 * dumped, which walks up to 65536 hash buckets.
 *
 * A lookup answers with the best socket, for a specific address perhaps that of the wildcard: so each answer
 * is compared with the mapping. IPv4 lookups also find dual-stack IPv6 sockets, as packets do. Sockets bound
 * to an interface do not count: they do not listen on all of their address.
 */
#include "host/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "host/attrs.h"

enum { LOOKUPS_MAX = 64 }; /* in one batch; an answer takes about 1.3 of the receive buffer's 208 KiB */

_Static_assert(LOOKUPS_MAX *(sizeof(struct nlmsghdr) + sizeof(struct inet_diag_req_v2)) <=
		NM_NETLINK_REQUEST_SIZE - NM_NETLINK_MESSAGE_MAX,
	"a batch is one request");

/* The address that a socket listens on. */
struct bound {
	bool any;
	unsigned families; /* of the wildcard */
	struct nm_addr address;
	uint16_t port;
};

static bool parse_socket(const struct nlmsghdr *msg, struct bound *ret)
{
	static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
	const struct inet_diag_msg *d = nm_netlink_header(msg, sizeof(*d));
	struct bound b = {.families = 0};
	uint8_t v6only = 0;

	if (!d || !nm_addr_family_of_af(d->idiag_family, &b.address.family))
		return false;
	(void)nm_attrs_get(nm_attrs_of(msg, sizeof(*d)), INET_DIAG_SKV6ONLY, &v6only, sizeof(v6only));
	memcpy(b.address.bytes, d->id.idiag_src, nm_addr_size(b.address.family));
	if (b.address.family == NM_IPV6 &&
		memcmp(b.address.bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		b.address = (struct nm_addr){.family = NM_IPV4};
		memcpy(b.address.bytes, &d->id.idiag_src[3], 4);
	}
	b.any = nm_addr_is_unspecified(&b.address);
	b.families = 1u << b.address.family;
	if (b.any && b.address.family == NM_IPV6 && !v6only)
		b.families |= NM_IPV4_BIT;
	b.port = ntohs(d->id.idiag_sport);
	*ret = b;
	return d->id.idiag_dport == 0 &&
		d->id.idiag_if == 0; /* neither connected nor bound to an interface */
}

struct search {
	const struct nm_mapping *mapping;
	uint16_t port; /* found; 0: none */
};

static int on_socket(void *ctx, const struct nlmsghdr *msg, struct nm_err *err)
{
	struct search *s = ctx;
	const struct nm_mapping *m = s->mapping;
	struct bound b;

	(void)err; /* never fails */
	if (msg->nlmsg_type != SOCK_DIAG_BY_FAMILY || !parse_socket(msg, &b))
		return 0;
	if (b.port < m->host_port || b.port - m->host_port >= m->count || b.any != m->any_host)
		return 0;
	if (b.any ? (b.families & m->families) != 0 : nm_addr_equal(&b.address, &m->host))
		s->port = b.port;
	return 0;
}

static void on_restart(void *ctx)
{
	((struct search *)ctx)->port = 0;
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

/* Appends the lookup of one port. For UDP the address to look up is the destination, as in a packet
 * (udp_dump_one: "src and dst are swapped for historical reasons"); measured on Linux 6.18. */
static void put_lookup(
	struct nm_netlink_request *r, const struct nm_mapping *m, enum nm_family family, uint16_t port)
{
	struct inet_diag_req_v2 *q = begin(r, 0, nm_addr_family_to_af(family), m->protocol);
	bool swapped = m->protocol == IPPROTO_UDP;

	if (!m->any_host)
		memcpy(swapped ? q->id.idiag_dst : q->id.idiag_src, m->host.bytes, nm_addr_size(family));
	if (swapped)
		q->id.idiag_dport = htons(port);
	else
		q->id.idiag_sport = htons(port);
}

/* Looks the ports up, or dumps all sockets of the family. */
static int search_family(
	struct nm_netlink *nl, enum nm_family family, bool dump, struct search *s, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {
		.reply = on_socket, .restart = on_restart, .tolerate = NOTHING, .ctx = s};
	const struct nm_mapping *m = s->mapping;
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	if (dump)
		(void)begin(&r, NLM_F_DUMP, nm_addr_family_to_af(family), m->protocol);
	for (unsigned i = 0; !dump && i < m->count; i++)
		put_lookup(&r, m, family, (uint16_t)(m->host_port + i));
	return nm_netlink_talk(nl, &r, &handler, err);
}

int nm_listener_find(
	struct nm_netlink *nl, const struct nm_mapping *m, uint16_t *ret_port, struct nm_err *err)
{
	bool dump = m->protocol == IPPROTO_SCTP || m->count > LOOKUPS_MAX;
	/* A dump shows dual-stack listeners as the IPv6 sockets that they are. */
	unsigned families = dump ? m->families | NM_IPV6_BIT : m->families;
	struct search s = {.mapping = m};

	nm_each_family(f, families) {
		if (!s.port && search_family(nl, f, dump, &s, err) < 0)
			return nm_wrap(
				err, "looking for local %s sockets", nm_mapping_protocol_name(m->protocol));
	}
	*ret_port = s.port;
	return 0;
}
