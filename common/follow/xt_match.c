/* An ordinary client exceeds no limit, is in no list, and its route leads back to where it came from. */
#include "follow/xt_match.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_hashlimit.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_rpfilter.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stddef.h>
#include <string.h>

enum {
	ANY_REVISION = 0xff,
	SOURCE_PORT_AT = 0,
	DEST_PORT_AT = 2,
	TCP_FLAGS_AT = 13,
	PORT_SIZE = 2,
	IPV4_SADDR = 12,
	IPV4_DADDR = 16,
	IPV6_SADDR = 8,
	IPV6_DADDR = 24,
};

static enum nm_tri tri(bool value)
{
	return value ? NM_TRUE : NM_FALSE;
}

static enum nm_tri invert_if(bool inverted, enum nm_tri t)
{
	return inverted ? nm_value_not(t) : t;
}

static enum nm_tri port_within(const struct nm_follow_state *s, size_t at, uint16_t first, uint16_t last)
{
	uint16_t from = htons(first), to = htons(last);

	return nm_value_within(&s->transport, at, &from, &to, PORT_SIZE);
}

/* struct xt_tcp begins like this. */
static enum nm_tri match_ports(const struct nm_follow_state *s, const struct xt_udp *u, uint8_t inverted)
{
	return nm_value_and(invert_if(inverted & XT_UDP_INV_SRCPT,
				    port_within(s, SOURCE_PORT_AT, u->spts[0], u->spts[1])),
		invert_if(inverted & XT_UDP_INV_DSTPT, port_within(s, DEST_PORT_AT, u->dpts[0], u->dpts[1])));
}

static enum nm_tri match_udp(const struct nm_follow_state *s, const void *info)
{
	const struct xt_udp *u = info;

	return s->packet->protocol == IPPROTO_UDP ? match_ports(s, u, u->invflags) : NM_FALSE;
}

static enum nm_tri match_tcp(const struct nm_follow_state *s, const void *info)
{
	const struct xt_tcp *t = info;
	struct xt_udp ports = {.spts = {t->spts[0], t->spts[1]}, .dpts = {t->dpts[0], t->dpts[1]}};
	bool flags = (s->transport.bytes[TCP_FLAGS_AT] & t->flg_mask) == t->flg_cmp;

	if (s->packet->protocol != IPPROTO_TCP || flags == !!(t->invflags & XT_TCP_INV_FLAGS))
		return NM_FALSE;
	return nm_value_and(t->option ? NM_UNDECIDED : NM_TRUE,
		match_ports(s, &ports, t->invflags & (XT_TCP_INV_SRCPT | XT_TCP_INV_DSTPT)));
}

/* flags has the parts that are asked for. */
static enum nm_tri match_sctp_part(const struct xt_sctp_info *m, uint32_t part, enum nm_tri matches)
{
	return m->flags & part ? invert_if(m->invflags & part, matches) : NM_TRUE;
}

static enum nm_tri match_sctp(const struct nm_follow_state *s, const void *info)
{
	const struct xt_sctp_info *m = info;
	enum nm_tri from = port_within(s, SOURCE_PORT_AT, m->spts[0], m->spts[1]);
	enum nm_tri to = port_within(s, DEST_PORT_AT, m->dpts[0], m->dpts[1]);

	if (s->packet->protocol != IPPROTO_SCTP)
		return NM_FALSE;
	return nm_value_and(match_sctp_part(m, XT_SCTP_CHUNK_TYPES, NM_UNDECIDED),
		nm_value_and(match_sctp_part(m, XT_SCTP_SRC_PORTS, from),
			match_sctp_part(m, XT_SCTP_DEST_PORTS, to)));
}

static enum nm_tri match_multiport(const struct nm_follow_state *s, const void *info)
{
	const struct xt_multiport_v1 *m = info;
	enum nm_tri found = NM_FALSE;

	if (!nm_value_is_known(&s->transport, SOURCE_PORT_AT, 2 * PORT_SIZE))
		return NM_UNDECIDED;
	for (size_t i = 0; i < m->count && i < XT_MULTI_PORTS; i++) {
		uint16_t first = m->ports[i];
		uint16_t last = m->pflags[i] && i + 1 < XT_MULTI_PORTS ? m->ports[++i] : first;

		if ((m->flags != XT_MULTIPORT_SOURCE &&
			    port_within(s, DEST_PORT_AT, first, last) == NM_TRUE) ||
			(m->flags != XT_MULTIPORT_DESTINATION &&
				port_within(s, SOURCE_PORT_AT, first, last) == NM_TRUE))
			found = NM_TRUE;
	}
	return invert_if(m->invert, found);
}

static enum nm_tri bits_are(const struct nm_follow_state *s, size_t at, uint32_t value, uint32_t mask)
{
	struct nm_value v = s->marks;
	uint8_t bits[sizeof(mask)], wanted[sizeof(value)];

	memcpy(bits, &mask, sizeof(bits));
	memcpy(wanted, &value, sizeof(wanted));
	for (size_t i = 0; i < sizeof(bits); i++) {
		v.bytes[at + i] &= bits[i];
		v.known[at + i] |= (uint8_t)~bits[i];
	}
	return nm_value_equal(&v, at, wanted, sizeof(wanted));
}

static enum nm_tri match_mark(const struct nm_follow_state *s, const void *info)
{
	const struct xt_mark_mtinfo1 *m = info;

	return invert_if(m->invert, bits_are(s, NM_FOLLOW_MARK, m->mark, m->mask));
}

static enum nm_tri match_connmark(const struct nm_follow_state *s, const void *info)
{
	const struct xt_connmark_mtinfo1 *m = info;

	return invert_if(m->invert, bits_are(s, NM_FOLLOW_CT_MARK, m->mark, m->mask));
}

static enum nm_tri match_addrtype(const struct nm_follow_state *s, const void *info)
{
	const struct xt_addrtype_info_v1 *a = info;
	unsigned to = nm_follow_packet_is_to_host(s) ? XT_ADDRTYPE_LOCAL : XT_ADDRTYPE_UNICAST;
	unsigned from = s->hook == NF_INET_LOCAL_OUT ? XT_ADDRTYPE_LOCAL : XT_ADDRTYPE_UNICAST;

	if (a->dest && !!(a->dest & to) == !!(a->flags & XT_ADDRTYPE_INVERT_DEST))
		return NM_FALSE;
	return tri(!a->source || !!(a->source & from) != !!(a->flags & XT_ADDRTYPE_INVERT_SOURCE));
}

static enum nm_tri match_state(const struct nm_follow_state *s, const void *info)
{
	const struct xt_state_info *state = info;

	return tri(state->statemask & nm_follow_packet_ct_state(s)); /* the same bits */
}

/* What of a connection is compared, in one form. */
struct connection {
	unsigned flags, inverted, state, status;
	uint16_t protocol, dport, dport_last;
	const union nf_inet_addr *daddr, *dmask;
};

static enum nm_tri match_orig_dst(const struct nm_follow_state *s, const struct connection *c)
{
	const struct nm_addr *a = &s->packet->first.address;
	const uint8_t *address = (const uint8_t *)c->daddr, *mask = (const uint8_t *)c->dmask;
	bool equal = true;

	if (s->packet->first.unnamed || s->packet->first.unknown_bits)
		return s->packet->first.unnamed ? NM_FALSE : NM_UNDECIDED;
	for (size_t i = 0; i < nm_addr_size(a->family); i++)
		equal &= (a->bytes[i] & mask[i]) == (address[i] & mask[i]);
	return tri(equal);
}

static enum nm_tri match_connection(const struct nm_follow_state *s, const struct connection *c)
{
	uint32_t known, status = nm_follow_packet_ct_status(s, &known);
	unsigned state = nm_follow_packet_ct_state(s) |
		(s->is_tracked && status & IPS_DST_NAT ? XT_CONNTRACK_STATE_DNAT : 0);
	uint16_t port = s->packet->first.port;
	const struct {
		unsigned flag;
		enum nm_tri matches;
	} parts[] = {
		{XT_CONNTRACK_STATE, tri(c->state & state)},
		{XT_CONNTRACK_PROTO, tri(c->protocol == s->packet->protocol)},
		{XT_CONNTRACK_ORIGDST, match_orig_dst(s, c)},
		{XT_CONNTRACK_ORIGDST_PORT,
			s->packet->first.any_port ? NM_UNDECIDED
						  : tri(port >= c->dport && port <= c->dport_last)},
		{XT_CONNTRACK_STATUS,
			c->status & ~known && !(c->status & status) ? NM_UNDECIDED : tri(c->status & status)},
		{XT_CONNTRACK_ORIGSRC, s->packet->has_source ? NM_UNDECIDED : NM_FALSE},
		{XT_CONNTRACK_REPLDST, s->packet->has_source ? NM_UNDECIDED : NM_FALSE},
	};
	enum nm_tri all = NM_TRUE;
	unsigned left = c->flags & ~(unsigned)(XT_CONNTRACK_STATE_ALIAS | XT_CONNTRACK_DIRECTION);

	if (!s->is_tracked && left & ~(unsigned)XT_CONNTRACK_STATE)
		return NM_FALSE;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!(left & parts[i].flag))
			continue;
		left &= ~parts[i].flag;
		all = nm_value_and(all, invert_if(c->inverted & parts[i].flag, parts[i].matches));
	}
	if (c->flags & XT_CONNTRACK_DIRECTION) /* inverted: of replies */
		all = nm_value_and(
			all, tri(s->packet->is_answer == !!(c->inverted & XT_CONNTRACK_DIRECTION)));
	return left ? nm_value_and(all, NM_UNDECIDED) : all;
}

static enum nm_tri match_conntrack3(const struct nm_follow_state *s, const void *info)
{
	const struct xt_conntrack_mtinfo3 *m = info;
	const struct connection c = {m->match_flags, m->invert_flags, m->state_mask, m->status_mask,
		m->l4proto, m->origdst_port, m->origdst_port_high, &m->origdst_addr, &m->origdst_mask};

	return match_connection(s, &c);
}

static enum nm_tri match_conntrack2(const struct nm_follow_state *s, const void *info)
{
	const struct xt_conntrack_mtinfo2 *m = info;
	const uint16_t port = ntohs(m->origdst_port);
	const struct connection c = {m->match_flags, m->invert_flags, m->state_mask, m->status_mask,
		m->l4proto, port, port, &m->origdst_addr, &m->origdst_mask};

	return match_connection(s, &c);
}

static enum nm_tri match_iprange(const struct nm_follow_state *s, const void *info)
{
	const struct xt_iprange_mtinfo *m = info;
	bool is_ipv4 = s->packet->family == NM_IPV4;
	size_t size = nm_addr_size(s->packet->family);
	enum nm_tri from = nm_value_within(
		&s->network, is_ipv4 ? IPV4_SADDR : IPV6_SADDR, &m->src_min, &m->src_max, size);
	enum nm_tri to = nm_value_within(
		&s->network, is_ipv4 ? IPV4_DADDR : IPV6_DADDR, &m->dst_min, &m->dst_max, size);

	return nm_value_and(m->flags & IPRANGE_SRC ? invert_if(m->flags & IPRANGE_SRC_INV, from) : NM_TRUE,
		m->flags & IPRANGE_DST ? invert_if(m->flags & IPRANGE_DST_INV, to) : NM_TRUE);
}

/* What is routed from outside has passed no port of a bridge that br_netfilter has noted. */
static enum nm_tri match_physdev(const struct nm_follow_state *s, const void *info)
{
	const struct xt_physdev_info *m = info;

	return s->packet->has_source ? NM_UNDECIDED : tri(!(m->bitmask & ~m->invert));
}

static enum nm_tri match_recent(const struct nm_follow_state *s, const void *info)
{
	const struct xt_recent_mtinfo *m = info;

	(void)s;
	return invert_if(m->invert, tri(m->check_set & XT_RECENT_SET));
}

static enum nm_tri match_connlimit(const struct nm_follow_state *s, const void *info)
{
	const struct xt_connlimit_info *m = info;

	(void)s;
	return tri(m->flags & XT_CONNLIMIT_INVERT);
}

static enum nm_tri match_hashlimit(const struct nm_follow_state *s, const void *info)
{
	const struct xt_hashlimit_mtinfo1 *m = info;

	(void)s;
	return tri(!(m->cfg.mode & XT_HASHLIMIT_INVERT));
}

static enum nm_tri match_hashlimit3(const struct nm_follow_state *s, const void *info)
{
	const struct xt_hashlimit_mtinfo3 *m = info; /* revision 2 has the mode there, too */

	(void)s;
	return tri(!(m->cfg.mode & XT_HASHLIMIT_INVERT));
}

static enum nm_tri match_rpfilter(const struct nm_follow_state *s, const void *info)
{
	const struct xt_rpfilter_info *m = info;

	(void)s;
	return tri(!(m->flags & XT_RPFILTER_INVERT));
}

static enum nm_tri match_set(const struct nm_follow_state *s, const void *info)
{
	const struct xt_set_info *m = info;

	if (s->packet->has_source || m->dim != IPSET_DIM_ONE || !(m->flags & IPSET_DIM_ONE_SRC))
		return NM_UNDECIDED;
	return tri(m->flags & IPSET_INV_MATCH);
}

static enum nm_tri match_true(const struct nm_follow_state *s, const void *info)
{
	(void)s;
	(void)info;
	return NM_TRUE;
}

static enum nm_tri match_false(const struct nm_follow_state *s, const void *info)
{
	return nm_value_not(match_true(s, info));
}

static const struct {
	const char *name;
	uint32_t revision;
	size_t size;
	enum nm_tri (*match)(const struct nm_follow_state *s, const void *info);
} known[] = {
	{"comment", ANY_REVISION, 0, match_true},
	{"conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), match_conntrack3},
	{"conntrack", 2, sizeof(struct xt_conntrack_mtinfo2), match_conntrack2},
	{"tcp", 0, sizeof(struct xt_tcp), match_tcp},
	{"udp", 0, offsetof(struct xt_udp, invflags) + 1, match_udp},
	{"sctp", 0, sizeof(struct xt_sctp_info), match_sctp},
	{"addrtype", 1, sizeof(struct xt_addrtype_info_v1), match_addrtype},
	{"multiport", 1, sizeof(struct xt_multiport_v1), match_multiport},
	{"mark", 1, sizeof(struct xt_mark_mtinfo1), match_mark},
	{"connmark", 1, sizeof(struct xt_connmark_mtinfo1), match_connmark},
	{"state", 0, sizeof(struct xt_state_info), match_state},
	{"iprange", 1, offsetof(struct xt_iprange_mtinfo, flags) + 1, match_iprange},
	{"physdev", 0, offsetof(struct xt_physdev_info, bitmask) + 1, match_physdev},
	{"limit", ANY_REVISION, 0, match_true},
	{"hashlimit", 1, sizeof(struct xt_hashlimit_mtinfo1), match_hashlimit},
	{"hashlimit", 2, sizeof(struct xt_hashlimit_mtinfo3), match_hashlimit3},
	{"hashlimit", 3, sizeof(struct xt_hashlimit_mtinfo3), match_hashlimit3},
	{"recent", ANY_REVISION, offsetof(struct xt_recent_mtinfo, name), match_recent},
	{"connlimit", 1, offsetof(struct xt_connlimit_info, data), match_connlimit},
	{"rpfilter", 0, sizeof(struct xt_rpfilter_info), match_rpfilter},
	{"set", ANY_REVISION, sizeof(struct xt_set_info), match_set},
	{"icmp", ANY_REVISION, 0, match_false},
	{"icmp6", ANY_REVISION, 0, match_false},
};

enum nm_tri nm_follow_xt_match(const struct nm_follow_state *s, struct nm_attrs match)
{
	struct nm_attrs info = nm_attrs_nested(match, NFTA_MATCH_INFO);
	char name[NM_NFT_EXPRESSION_SIZE];
	_Alignas(8) char copy[1024]; /* attributes are aligned to four bytes */
	uint32_t revision;

	if (!nm_attrs_string(match, NFTA_MATCH_NAME, name, sizeof(name)) || info.len > sizeof(copy) ||
		!nm_attrs_be32(match, NFTA_MATCH_REV, &revision))
		return NM_UNDECIDED;
	if (info.len)
		memcpy(copy, info.data, info.len);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(name, known[i].name) && info.len >= known[i].size &&
			(known[i].revision == revision || known[i].revision == ANY_REVISION))
			return known[i].match(s, copy);
	return NM_UNDECIDED;
}
