/* Headers are put together byte by byte, as a client would send them: a SYN, without options. */
#include "follow/packet.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* <linux/ip.h>, <linux/ipv6.h>, <linux/tcp.h> */
enum {
	IPV4_PROTOCOL = 9,
	IPV4_SADDR = 12,
	IPV4_DADDR = 16,
	IPV4_SIZE = 20,
	IPV6_NEXTHDR = 6,
	IPV6_SADDR = 8,
	IPV6_DADDR = 24,
	IPV6_SIZE = 40,
	TCP_FLAGS = 13,
	TCP_SIZE = 20,
	TCP_SYN = 2,
	TCP_ACK = 16,
	SPORT = 0,
	DPORT = 2,
};

enum { SOURCE_PORT = 50000 };

const struct nm_follow_target *nm_follow_packet_target(const struct nm_follow_state *s)
{
	return s->is_translated ? &s->packet->translated : &s->packet->first;
}

static void put_address(struct nm_value *to, size_t at, const struct nm_addr *address, bool is_named)
{
	if (is_named)
		nm_value_put(to, at, address->bytes, nm_addr_size(address->family));
	else
		nm_value_put_unnamed(to, at, nm_addr_size(address->family));
}

/* Of an answer both are exchanged. */
static void put_ends(struct nm_follow_state *s)
{
	const struct nm_follow_packet *p = s->packet;
	const struct nm_follow_target *t = nm_follow_packet_target(s);
	bool is_ipv4 = p->family == NM_IPV4;
	size_t source = is_ipv4 ? IPV4_SADDR : IPV6_SADDR, target = is_ipv4 ? IPV4_DADDR : IPV6_DADDR;
	const uint16_t from = htons(SOURCE_PORT), to = htons(t->port);
	struct nm_addr client = p->source, server = t->address;

	client.family = server.family = p->family; /* also where there is none */
	put_address(&s->network, p->is_answer ? target : source, &client, p->has_source);
	nm_value_forget(
		&s->network, p->is_answer ? target : source, nm_addr_size(p->family), p->unknown_bits);
	put_address(&s->network, p->is_answer ? source : target, &server, !t->unnamed);
	nm_value_forget(
		&s->network, p->is_answer ? source : target, nm_addr_size(p->family), t->unknown_bits);
	nm_value_put(&s->transport, p->is_answer ? DPORT : SPORT, &from, sizeof(from));
	nm_value_put(&s->transport, p->is_answer ? SPORT : DPORT, &to, sizeof(to));
	if (t->any_port)
		nm_value_put_unknown(&s->transport, p->is_answer ? SPORT : DPORT, sizeof(to));
}

static void put_network(struct nm_follow_state *s)
{
	static const uint8_t ipv4[] = {0x45, 0}, unfragmented[] = {0x40, 0}, ipv6[] = {0x60};
	bool is_ipv4 = s->packet->family == NM_IPV4;

	if (is_ipv4) {
		nm_value_put(&s->network, 0, ipv4, sizeof(ipv4));
		nm_value_put(&s->network, 6, unfragmented, sizeof(unfragmented));
	} else {
		nm_value_put(&s->network, 0, ipv6, sizeof(ipv6));
	}
	nm_value_put(&s->network, is_ipv4 ? IPV4_PROTOCOL : IPV6_NEXTHDR, &s->packet->protocol, 1);
	put_ends(s);
}

void nm_follow_packet_begin(struct nm_follow_state *s, const struct nm_follow_packet *packet, uint32_t hook)
{
	static const uint32_t no_mark;
	const uint8_t flags = packet->is_answer ? TCP_SYN | TCP_ACK : TCP_SYN;

	*s = (struct nm_follow_state){.packet = packet, .hook = hook, .is_translated = packet->is_translated};
	nm_value_put(&s->marks, NM_FOLLOW_MARK, &packet->mark, sizeof(packet->mark));
	nm_value_put(&s->marks, NM_FOLLOW_CT_MARK, &no_mark, sizeof(no_mark));
	if (packet->protocol == IPPROTO_TCP)
		nm_value_put(&s->transport, TCP_FLAGS, &flags, sizeof(flags));
	put_network(s);
}

void nm_follow_packet_translate(struct nm_follow_state *s)
{
	s->is_translated = true;
	put_ends(s);
}

bool nm_follow_packet_is_to_host(const struct nm_follow_state *s)
{
	return !s->packet->is_answer && nm_follow_packet_target(s)->local;
}

uint32_t nm_follow_packet_ct_state(const struct nm_follow_state *s)
{
	if (!s->is_tracked)
		return NF_CT_STATE_INVALID_BIT;
	return s->packet->is_answer ? NF_CT_STATE_BIT(IP_CT_ESTABLISHED) : NF_CT_STATE_BIT(IP_CT_NEW);
}

/* NAT of the source comes last; whether an answer makes the connection assured depends on its protocol. */
uint32_t nm_follow_packet_ct_status(const struct nm_follow_state *s, uint32_t *ret_known)
{
	uint32_t status = s->is_translated ? IPS_DST_NAT | IPS_DST_NAT_DONE : 0;

	*ret_known = s->packet->is_answer ? ~(uint32_t)IPS_ASSURED : UINT32_MAX;
	return s->packet->is_answer ? status | IPS_SEEN_REPLY | IPS_CONFIRMED | IPS_SRC_NAT_DONE : status;
}

bool nm_follow_packet_dport(const struct nm_follow_state *s, uint16_t *ret)
{
	uint16_t port;

	if (!nm_value_is_known(&s->transport, DPORT, sizeof(port)))
		return false;
	memcpy(&port, s->transport.bytes + DPORT, sizeof(port));
	*ret = ntohs(port);
	return true;
}

size_t nm_follow_packet_register(uint32_t reg)
{
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return (reg - NFT_REG_1) * NFT_REG_SIZE;
	if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		return (reg - NFT_REG32_00) * NFT_REG32_SIZE;
	return NM_FOLLOW_BYTES;
}

/* Each of these loads into registers at that offset. */

static void put_u8(struct nm_follow_state *s, size_t at, uint8_t value)
{
	const uint8_t bytes[NFT_REG32_SIZE] = {value};

	nm_value_put(&s->registers, at, bytes, sizeof(bytes));
}

static void put_u32(struct nm_follow_state *s, size_t at, uint32_t value)
{
	nm_value_put(&s->registers, at, &value, sizeof(value));
}

static void put_be16(struct nm_follow_state *s, size_t at, uint16_t value)
{
	uint8_t bytes[NFT_REG32_SIZE] = {(uint8_t)(value >> 8), (uint8_t)value};

	nm_value_put(&s->registers, at, bytes, sizeof(bytes));
}

static void put_interface(
	struct nm_follow_state *s, size_t at, const struct nm_follow_interface *interface, bool name)
{
	if (!interface->known)
		nm_value_put_unknown(&s->registers, at, name ? IF_NAMESIZE : sizeof(interface->index));
	else if (name)
		nm_value_put(&s->registers, at, interface->name, IF_NAMESIZE);
	else
		put_u32(s, at, interface->index);
}

static enum nm_tri load_meta(struct nm_follow_state *s, struct nm_attrs data, size_t at)
{
	const struct nm_follow_packet *p = s->packet;
	uint32_t key = 0;

	(void)nm_attrs_be32(data, NFTA_META_KEY, &key); /* the kernel always tells */
	switch (key) {
	case NFT_META_PROTOCOL:
		put_be16(s, at, p->family == NM_IPV4 ? ETH_P_IP : ETH_P_IPV6);
		return NM_TRUE;
	case NFT_META_NFPROTO:
		put_u8(s, at, nm_addr_family_to_af(p->family)); /* the same numbers */
		return NM_TRUE;
	case NFT_META_L4PROTO:
		put_u8(s, at, p->protocol);
		return NM_TRUE;
	case NFT_META_IIF:
	case NFT_META_IIFNAME:
		put_interface(s, at, &p->in, key == NFT_META_IIFNAME);
		return NM_TRUE;
	case NFT_META_OIF:
	case NFT_META_OIFNAME:
		put_interface(s, at, &p->out, key == NFT_META_OIFNAME);
		return NM_TRUE;
	case NFT_META_MARK:
		nm_value_copy(&s->registers, at, &s->marks, NM_FOLLOW_MARK, sizeof(uint32_t));
		return NM_TRUE;
	case NFT_META_SKUID:
	case NFT_META_SKGID:
		nm_value_put_unknown(&s->registers, at, sizeof(uint32_t));
		return s->hook == NF_INET_LOCAL_OUT ? NM_TRUE : NM_FALSE;
	case NFT_META_PKTTYPE:
		put_u8(s, at, 0); /* PACKET_HOST */
		return NM_TRUE;
	default:
		nm_value_put_unknown(&s->registers, at, NFT_REG_SIZE);
		return NM_TRUE;
	}
}

static enum nm_tri load_payload(struct nm_follow_state *s, struct nm_attrs data, size_t at)
{
	uint32_t base = 0, offset = 0, len = 0;
	const struct nm_value *header;
	size_t size;

	(void)nm_attrs_be32(data, NFTA_PAYLOAD_BASE, &base); /* the kernel always tells */
	(void)nm_attrs_be32(data, NFTA_PAYLOAD_OFFSET, &offset);
	(void)nm_attrs_be32(data, NFTA_PAYLOAD_LEN, &len);
	header = base == NFT_PAYLOAD_NETWORK_HEADER ? &s->network : &s->transport;
	size = base == NFT_PAYLOAD_NETWORK_HEADER ? (s->packet->family == NM_IPV4 ? IPV4_SIZE : IPV6_SIZE)
						  : TCP_SIZE;
	nm_value_put_unknown(&s->registers, at, (len + NFT_REG32_SIZE - 1) / NFT_REG32_SIZE * NFT_REG32_SIZE);
	if (len % NFT_REG32_SIZE) /* the kernel clears the rest of the last register */
		put_u32(s, at + len / NFT_REG32_SIZE * NFT_REG32_SIZE, 0);
	if ((base == NFT_PAYLOAD_NETWORK_HEADER || base == NFT_PAYLOAD_TRANSPORT_HEADER) && offset <= size &&
		len <= size - offset)
		nm_value_copy(&s->registers, at, header, offset, len);
	else
		nm_value_put_unknown(&s->registers, at, len);
	return NM_TRUE;
}

static void put_ct_status(struct nm_follow_state *s, size_t at)
{
	uint32_t known, status = nm_follow_packet_ct_status(s, &known);

	put_u32(s, at, status);
	if (at + sizeof(known) <= NM_FOLLOW_BYTES)
		memcpy(s->registers.known + at, &known, sizeof(known));
}

static void put_ct_address(struct nm_follow_state *s, size_t at, uint32_t key)
{
	const struct nm_follow_packet *p = s->packet;
	struct nm_addr source = p->source, target = p->first.address;

	source.family = target.family = p->family;
	if (key == NFT_CT_SRC || key == NFT_CT_SRC_IP || key == NFT_CT_SRC_IP6) {
		put_address(&s->registers, at, &source, p->has_source);
		nm_value_forget(&s->registers, at, nm_addr_size(p->family), p->unknown_bits);
	} else if (key == NFT_CT_DST || key == NFT_CT_DST_IP || key == NFT_CT_DST_IP6) {
		put_address(&s->registers, at, &target, !p->first.unnamed);
		nm_value_forget(&s->registers, at, nm_addr_size(p->family), p->first.unknown_bits);
	}
}

static enum nm_tri load_ct(struct nm_follow_state *s, struct nm_attrs data, size_t at)
{
	uint8_t direction = 0;
	uint32_t key = 0;

	(void)nm_attrs_be32(data, NFTA_CT_KEY, &key); /* the kernel always tells */
	(void)nm_attrs_get(data, NFTA_CT_DIRECTION, &direction, sizeof(direction)); /* of keys that have it */
	if (!s->is_tracked && key != NFT_CT_STATE)
		return NM_FALSE;
	nm_value_put_unknown(&s->registers, at, NFT_REG_SIZE);
	if (key == NFT_CT_STATE)
		put_u32(s, at, nm_follow_packet_ct_state(s));
	else if (key == NFT_CT_DIRECTION)
		put_u8(s, at, s->packet->is_answer ? IP_CT_DIR_REPLY : IP_CT_DIR_ORIGINAL);
	else if (key == NFT_CT_STATUS)
		put_ct_status(s, at);
	else if (key == NFT_CT_MARK)
		nm_value_copy(&s->registers, at, &s->marks, NM_FOLLOW_CT_MARK, sizeof(uint32_t));
	else if (key == NFT_CT_PROTOCOL)
		put_u8(s, at, s->packet->protocol);
	else if (key == NFT_CT_L3PROTOCOL)
		put_u8(s, at, nm_addr_family_to_af(s->packet->family));
	else if (key == NFT_CT_PROTO_DST && direction == IP_CT_DIR_ORIGINAL && !s->packet->first.any_port)
		put_be16(s, at, s->packet->first.port);
	else if (key == NFT_CT_PROTO_SRC && direction == IP_CT_DIR_ORIGINAL)
		put_be16(s, at, SOURCE_PORT);
	else if (direction == IP_CT_DIR_ORIGINAL)
		put_ct_address(s, at, key);
	return NM_TRUE;
}

/* Clients are where the host's routes lead to: what it came in by is where the answer goes. */
static enum nm_tri load_fib(struct nm_follow_state *s, struct nm_attrs data, size_t at)
{
	uint32_t result = 0, flags = 0;

	(void)nm_attrs_be32(data, NFTA_FIB_RESULT, &result); /* the kernel always tells */
	(void)nm_attrs_be32(data, NFTA_FIB_FLAGS, &flags);
	nm_value_put_unknown(&s->registers, at, NFT_REG_SIZE);
	if (result == NFT_FIB_RESULT_ADDRTYPE && flags & NFTA_FIB_F_DADDR)
		put_u32(s, at, nm_follow_packet_is_to_host(s) ? RTN_LOCAL : RTN_UNICAST);
	else if (result == NFT_FIB_RESULT_ADDRTYPE)
		put_u32(s, at, s->hook == NF_INET_LOCAL_OUT ? RTN_LOCAL : RTN_UNICAST);
	else if (flags & NFTA_FIB_F_PRESENT)
		put_u8(s, at, 1);
	else if (flags & NFTA_FIB_F_SADDR && s->packet->in.known && s->packet->in.index)
		put_interface(s, at, &s->packet->in, result == NFT_FIB_RESULT_OIFNAME);
	return NM_TRUE;
}

enum nm_tri nm_follow_packet_load(struct nm_follow_state *s, const char *name, struct nm_attrs data)
{
	static const struct {
		const char *name;
		uint16_t dreg;
		enum nm_tri (*load)(struct nm_follow_state *s, struct nm_attrs data, size_t at);
	} loads[] = {
		{"meta", NFTA_META_DREG, load_meta},
		{"payload", NFTA_PAYLOAD_DREG, load_payload},
		{"ct", NFTA_CT_DREG, load_ct},
		{"fib", NFTA_FIB_DREG, load_fib},
	};
	uint32_t reg;

	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++)
		if (!strcmp(name, loads[i].name) && nm_attrs_be32(data, loads[i].dreg, &reg))
			return loads[i].load(s, data, nm_follow_packet_register(reg));
	return NM_UNDECIDED;
}
