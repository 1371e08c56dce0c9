#include "follow/xt_target.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_mark.h>
#include <string.h>

struct range {
	unsigned flags; /* NF_NAT_RANGE_* */
	const void *address;
	uint16_t port; /* network order */
};

static enum nm_tri send_elsewhere(
	const struct nm_follow_state *s, const struct range *range, struct nm_follow_action *ret)
{
	enum nm_family family = s->packet->family;

	ret->act = NM_FOLLOW_SENDS_ELSEWHERE;
	ret->to_port = range->flags & NF_NAT_RANGE_PROTO_SPECIFIED;
	ret->port = ntohs(range->port);
	ret->to_address = range->flags & NF_NAT_RANGE_MAP_IPS;
	ret->address = (struct nm_addr){.family = family};
	memcpy(ret->address.bytes, range->address, nm_addr_size(family));
	return NM_TRUE;
}

static enum nm_tri on_dnat(
	struct nm_follow_state *s, struct nm_attrs info, uint32_t revision, struct nm_follow_action *ret)
{
	struct nf_nat_ipv4_multi_range_compat old;
	struct nf_nat_range now; /* struct nf_nat_range2 begins like it */

	ret->act = NM_FOLLOW_SENDS_ELSEWHERE;
	if (revision == 0 && info.len >= sizeof(old)) {
		memcpy(&old, info.data, sizeof(old));
		return send_elsewhere(s,
			&(struct range){old.range[0].flags, &old.range[0].min_ip, old.range[0].min.all}, ret);
	}
	if (revision > 0 && info.len >= sizeof(now)) {
		memcpy(&now, info.data, sizeof(now));
		return send_elsewhere(s, &(struct range){now.flags, &now.min_addr, now.min_proto.all}, ret);
	}
	return NM_TRUE;
}

static enum nm_tri on_redirect(
	struct nm_follow_state *s, struct nm_attrs info, uint32_t revision, struct nm_follow_action *ret)
{
	enum nm_tri t = on_dnat(s, info, revision, ret);

	ret->to_address = false;
	ret->to_host = true;
	return t;
}

static enum nm_tri on_accept(
	struct nm_follow_state *s, struct nm_attrs info, uint32_t revision, struct nm_follow_action *ret)
{
	(void)s;
	(void)info;
	(void)revision;
	ret->act = NM_FOLLOW_ACCEPTS;
	return NM_TRUE;
}

static enum nm_tri on_masquerade(
	struct nm_follow_state *s, struct nm_attrs info, uint32_t revision, struct nm_follow_action *ret)
{
	ret->masquerades = true;
	return on_accept(s, info, revision, ret);
}

static enum nm_tri on_drop(
	struct nm_follow_state *s, struct nm_attrs info, uint32_t revision, struct nm_follow_action *ret)
{
	(void)on_accept(s, info, revision, ret);
	ret->act = NM_FOLLOW_DROPS;
	return NM_TRUE;
}

static enum nm_tri on_nothing(
	struct nm_follow_state *s, struct nm_attrs info, uint32_t revision, struct nm_follow_action *ret)
{
	(void)s;
	(void)info;
	(void)revision;
	(void)ret;
	return NM_TRUE;
}

/* The mark becomes (mark & ~mask) ^ value. */
static enum nm_tri on_mark(
	struct nm_follow_state *s, struct nm_attrs info, uint32_t revision, struct nm_follow_action *ret)
{
	struct xt_mark_tginfo2 m;
	uint8_t value[sizeof(m.mark)], mask[sizeof(m.mask)];

	(void)ret;
	if (revision != 2 || info.len < sizeof(m)) {
		nm_value_put_unknown(&s->marks, NM_FOLLOW_MARK, sizeof(m.mark));
		return NM_TRUE;
	}
	memcpy(&m, info.data, sizeof(m));
	memcpy(value, &m.mark, sizeof(value));
	memcpy(mask, &m.mask, sizeof(mask));
	for (size_t i = 0; i < sizeof(value); i++) {
		s->marks.bytes[NM_FOLLOW_MARK + i] &= (uint8_t)~mask[i];
		s->marks.bytes[NM_FOLLOW_MARK + i] ^= value[i];
		s->marks.known[NM_FOLLOW_MARK + i] |= mask[i];
	}
	return NM_TRUE;
}

static enum nm_tri on_connmark(
	struct nm_follow_state *s, struct nm_attrs info, uint32_t revision, struct nm_follow_action *ret)
{
	(void)info;
	(void)revision;
	(void)ret;
	nm_value_put_unknown(&s->marks, 0, 2 * sizeof(uint32_t)); /* either of them may have been set */
	return NM_TRUE;
}

static const struct {
	const char *name;
	enum nm_tri (*apply)(struct nm_follow_state *s, struct nm_attrs info, uint32_t revision,
		struct nm_follow_action *ret);
} known[] = {
	{"DNAT", on_dnat},
	{"REDIRECT", on_redirect},
	{"MASQUERADE", on_masquerade},
	{"SNAT", on_accept},
	{"NETMAP", on_dnat},
	{"REJECT", on_drop},
	{"TARPIT", on_drop},
	{"MARK", on_mark},
	{"CONNMARK", on_connmark},
	{"LOG", on_nothing},
	{"NFLOG", on_nothing},
	{"TRACE", on_nothing},
	{"TCPMSS", on_nothing},
	{"CLASSIFY", on_nothing},
	{"CT", on_nothing},
	{"SET", on_nothing},
	{"DSCP", on_nothing},
	{"TOS", on_nothing},
	{"TTL", on_nothing},
	{"HL", on_nothing},
	{"CHECKSUM", on_nothing},
	{"AUDIT", on_nothing},
	{"RATEEST", on_nothing},
	{"TEE", on_nothing},
	{"SECMARK", on_nothing},
	{"CONNSECMARK", on_nothing},
};

enum nm_tri nm_follow_xt_target(
	struct nm_follow_state *s, struct nm_attrs target, enum nm_tri matches, struct nm_follow_action *ret)
{
	struct nm_attrs info = nm_attrs_nested(target, NFTA_TARGET_INFO);
	char name[NM_NFT_EXPRESSION_SIZE];
	uint32_t revision = 0;

	(void)nm_attrs_be32(target, NFTA_TARGET_REV, &revision); /* the kernel always tells */
	if (!nm_attrs_string(target, NFTA_TARGET_NAME, name, sizeof(name)))
		return NM_UNDECIDED;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(name, known[i].name)) {
			struct nm_value before = s->marks;
			enum nm_tri t = known[i].apply(s, info, revision, ret);

			if (matches != NM_TRUE && memcmp(&before, &s->marks, sizeof(before)) != 0)
				nm_value_put_unknown(&s->marks, 0, 2 * sizeof(uint32_t));
			return t;
		}
	return NM_UNDECIDED;
}
