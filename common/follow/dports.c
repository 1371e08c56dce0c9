#include "follow/dports.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stddef.h>
#include <string.h>

#include "nft/rules.h"

enum { DPORT_OFFSET = 2 };

static struct nm_ports read_sctp(struct nm_attrs info)
{
	struct xt_sctp_info m;

	if (info.len < sizeof(m))
		return (struct nm_ports){0};
	memcpy(&m, info.data, sizeof(m));
	if (!(m.flags & XT_SCTP_DEST_PORTS) || m.invflags & XT_SCTP_DEST_PORTS)
		return (struct nm_ports){0};
	return (struct nm_ports){m.dpts[0], m.dpts[1]};
}

/* -m tcp, udp or sctp: struct xt_tcp begins like struct xt_udp. */
static struct nm_ports read_match(struct nm_attrs match)
{
	struct nm_attrs info = nm_attrs_nested(match, NFTA_MATCH_INFO);
	char name[NM_NFT_EXPRESSION_SIZE] = "";
	bool inverted;
	struct xt_udp u;

	(void)nm_attrs_string(match, NFTA_MATCH_NAME, name, sizeof(name)); /* "" is none */
	if (!strcmp(name, "sctp"))
		return read_sctp(info);
	if (strcmp(name, "tcp") != 0 && strcmp(name, "udp") != 0)
		return (struct nm_ports){0};
	if (info.len < sizeof(u))
		return (struct nm_ports){0};
	memcpy(&u, info.data, sizeof(u));
	inverted = !strcmp(name, "tcp") ? info.len < sizeof(struct xt_tcp) ||
			((const uint8_t *)info.data)[offsetof(struct xt_tcp, invflags)] & XT_TCP_INV_DSTPT
					: u.invflags & XT_UDP_INV_DSTPT;
	if (inverted || (u.dpts[0] == 0 && u.dpts[1] == UINT16_MAX))
		return (struct nm_ports){0};
	return (struct nm_ports){u.dpts[0], u.dpts[1]};
}

static bool loads_dport(const char *name, struct nm_attrs data)
{
	uint32_t base, offset, len;

	return !strcmp(name, "payload") && nm_attrs_be32(data, NFTA_PAYLOAD_BASE, &base) &&
		nm_attrs_be32(data, NFTA_PAYLOAD_OFFSET, &offset) &&
		nm_attrs_be32(data, NFTA_PAYLOAD_LEN, &len) && base == NFT_PAYLOAD_TRANSPORT_HEADER &&
		offset == DPORT_OFFSET && len == sizeof(uint16_t);
}

static struct nm_ports read_cmp(struct nm_attrs data)
{
	struct nm_attrs value = nm_attrs_nested(nm_attrs_nested(data, NFTA_CMP_DATA), NFTA_DATA_VALUE);
	uint32_t op;
	uint16_t port;

	if (!nm_attrs_be32(data, NFTA_CMP_OP, &op) || op != NFT_CMP_EQ || value.len != sizeof(port))
		return (struct nm_ports){0};
	memcpy(&port, value.data, sizeof(port));
	return (struct nm_ports){ntohs(port), ntohs(port)};
}

struct nm_ports nm_dports_find(struct nm_attrs expressions)
{
	char name[NM_NFT_EXPRESSION_SIZE];
	struct nm_ports ports = {0};
	struct nm_attrs data;
	bool loaded = false;

	while (!ports.last && nm_nft_rule_next_expression(&expressions, name, &data)) {
		if (!strcmp(name, "match"))
			ports = read_match(data);
		else if (loaded && !strcmp(name, "cmp"))
			ports = read_cmp(data);
		loaded = loads_dport(name, data);
	}
	return ports;
}
