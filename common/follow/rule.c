/* A rule is a list of conditions that must all be met. It goes on behind one that is not decided: another one
 * that is not met decides it. */
#include "follow/rule.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <stdio.h>
#include <string.h>

#include "follow/set.h"
#include "follow/xt_match.h"
#include "follow/xt_target.h"

/* A rule while its expressions are read. */
struct reading {
	struct nm_follow_state *s;
	const struct nm_ruleset *ruleset;
	const struct nm_ruleset_chain *chain;
	enum nm_tri matches; /* so far */
	struct nm_follow_action *action;
};

/* Each of these tells whether the rule goes on behind the expression. */
typedef enum nm_tri evaluate(struct reading *r, struct nm_attrs data);

static size_t register_of(struct nm_attrs data, uint16_t type)
{
	uint32_t reg;

	return nm_attrs_be32(data, type, &reg) ? nm_follow_packet_register(reg) : NM_FOLLOW_BYTES;
}

static struct nm_attrs value_of(struct nm_attrs data, uint16_t type)
{
	return nm_attrs_nested(nm_attrs_nested(data, type), NFTA_DATA_VALUE);
}

static enum nm_tri on_cmp(struct reading *r, struct nm_attrs data)
{
	struct nm_attrs value = value_of(data, NFTA_CMP_DATA);
	size_t at = register_of(data, NFTA_CMP_SREG);
	uint32_t op;

	if (at == NM_FOLLOW_BYTES || !nm_attrs_be32(data, NFTA_CMP_OP, &op))
		return NM_UNDECIDED;
	return nm_value_compare(&r->s->registers, at, op, value.data, value.len);
}

static enum nm_tri on_range(struct reading *r, struct nm_attrs data)
{
	struct nm_attrs from = value_of(data, NFTA_RANGE_FROM_DATA), to = value_of(data, NFTA_RANGE_TO_DATA);
	size_t at = register_of(data, NFTA_RANGE_SREG);
	enum nm_tri within;
	uint32_t op;

	if (at == NM_FOLLOW_BYTES || from.len != to.len || !nm_attrs_be32(data, NFTA_RANGE_OP, &op))
		return NM_UNDECIDED;
	within = nm_value_within(&r->s->registers, at, from.data, to.data, from.len);
	return op == NFT_RANGE_EQ ? within : nm_value_not(within);
}

/* A bit that is masked out is known: it is that of xor. */
static void mask_byte(
	struct nm_value *v, size_t to, const struct nm_value *from, size_t at, uint8_t mask, uint8_t flip)
{
	v->bytes[to] = (uint8_t)((from->bytes[at] & from->known[at] & mask) ^ flip);
	v->known[to] = from->known[at] | (uint8_t)~mask;
	v->unnamed[to] = from->unnamed[at] && mask;
}

static enum nm_tri on_bitwise(struct reading *r, struct nm_attrs data)
{
	struct nm_attrs mask = value_of(data, NFTA_BITWISE_MASK), flip = value_of(data, NFTA_BITWISE_XOR);
	size_t from = register_of(data, NFTA_BITWISE_SREG), to = register_of(data, NFTA_BITWISE_DREG);
	struct nm_value *v = &r->s->registers, before = *v;
	uint32_t op = NFT_BITWISE_BOOL, len = 0;

	(void)nm_attrs_be32(data, NFTA_BITWISE_OP, &op); /* older kernels know no other */
	(void)nm_attrs_be32(data, NFTA_BITWISE_LEN, &len);
	if (op != NFT_BITWISE_BOOL || mask.len != len || flip.len != len || from + len > NM_FOLLOW_BYTES ||
		to + len > NM_FOLLOW_BYTES) {
		nm_value_put_unknown(v, to, len);
		return NM_TRUE;
	}
	for (size_t i = 0; i < len; i++)
		mask_byte(v, to + i, &before, from + i, ((const uint8_t *)mask.data)[i],
			((const uint8_t *)flip.data)[i]);
	return NM_TRUE;
}

static enum nm_tri on_byteorder(struct reading *r, struct nm_attrs data)
{
	size_t from = register_of(data, NFTA_BYTEORDER_SREG), to = register_of(data, NFTA_BYTEORDER_DREG);
	const struct nm_value before = r->s->registers;
	uint32_t len = 0, size = 0;

	(void)nm_attrs_be32(data, NFTA_BYTEORDER_LEN, &len); /* the kernel always tells */
	(void)nm_attrs_be32(data, NFTA_BYTEORDER_SIZE, &size);
	for (size_t i = 0; size && i < len && i < NM_FOLLOW_BYTES; i++)
		nm_value_copy(&r->s->registers, to + i, &before,
			from + (htons(1) == 1 ? i : i / size * size + size - 1 - i % size), 1);
	return NM_TRUE;
}

enum nm_tri nm_follow_rule_verdict(int32_t code, const char *chain, struct nm_follow_action *ret)
{
	switch (code) {
	case NF_ACCEPT:
		ret->act = NM_FOLLOW_ACCEPTS;
		return NM_TRUE;
	case NF_DROP:
		ret->act = NM_FOLLOW_DROPS;
		return NM_TRUE;
	case NFT_RETURN:
		ret->act = NM_FOLLOW_RETURNS;
		return NM_TRUE;
	case NFT_CONTINUE:
		return NM_TRUE;
	case NFT_JUMP:
	case NFT_GOTO:
		ret->act = code == NFT_JUMP ? NM_FOLLOW_JUMPS : NM_FOLLOW_GOES_TO;
		(void)snprintf(ret->chain, sizeof(ret->chain), "%s", chain ? chain : "");
		return NM_TRUE;
	default:
		return NM_UNDECIDED;
	}
}

static enum nm_tri on_immediate(struct reading *r, struct nm_attrs data)
{
	struct nm_attrs value = value_of(data, NFTA_IMMEDIATE_DATA);
	struct nm_attrs verdict =
		nm_attrs_nested(nm_attrs_nested(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
	char chain[NFT_NAME_MAXLEN] = "";
	uint32_t code;

	if (!nm_attrs_be32(verdict, NFTA_VERDICT_CODE, &code)) {
		nm_value_put(&r->s->registers, register_of(data, NFTA_IMMEDIATE_DREG), value.data, value.len);
		return NM_TRUE;
	}
	(void)nm_attrs_string(verdict, NFTA_VERDICT_CHAIN, chain, sizeof(chain)); /* "" for no chain */
	return nm_follow_rule_verdict((int32_t)code, chain, r->action);
}

static enum nm_tri on_lookup(struct reading *r, struct nm_attrs data)
{
	size_t at = register_of(data, NFTA_LOOKUP_SREG);
	const struct nm_ruleset_set *set = NULL;
	const struct nm_ruleset_element *e;
	char name[NFT_NAME_MAXLEN];
	uint32_t flags = 0, dreg;
	enum nm_tri found;

	if (nm_attrs_string(data, NFTA_LOOKUP_SET, name, sizeof(name)))
		set = nm_ruleset_find_set(r->ruleset, r->chain, name);
	(void)nm_attrs_be32(data, NFTA_LOOKUP_FLAGS, &flags); /* none is 0 */
	found = nm_follow_set_find(set, &r->s->registers, at, &e);
	if (flags & NFT_LOOKUP_F_INV)
		return nm_value_not(found);
	if (found == NM_FALSE || !nm_attrs_be32(data, NFTA_LOOKUP_DREG, &dreg))
		return found;
	if (dreg != NFT_REG_VERDICT && set && e && e->data) {
		nm_value_put(&r->s->registers, nm_follow_packet_register(dreg), e->data, set->data_size);
		r->action->element = e;
	} else if (dreg != NFT_REG_VERDICT) {
		nm_value_put_unknown(&r->s->registers, nm_follow_packet_register(dreg), NFT_REG_SIZE);
	} else if (e) {
		r->action->element = e;
		return nm_follow_rule_verdict(e->verdict, e->chain, r->action);
	}
	return found;
}

/* The port of a DNAT, or of a REDIRECT. */
static void put_port(struct reading *r, struct nm_attrs data, uint16_t type)
{
	size_t at = register_of(data, type);
	uint16_t port;

	r->action->to_port = at < NM_FOLLOW_BYTES && nm_value_is_known(&r->s->registers, at, sizeof(port));
	if (!r->action->to_port)
		return;
	memcpy(&port, r->s->registers.bytes + at, sizeof(port));
	r->action->port = ntohs(port);
}

static enum nm_tri on_nat(struct reading *r, struct nm_attrs data)
{
	size_t at = register_of(data, NFTA_NAT_REG_ADDR_MIN), size;
	enum nm_family family = r->s->packet->family;
	uint32_t type = NFT_NAT_SNAT, nfproto = 0;

	(void)nm_attrs_be32(data, NFTA_NAT_TYPE, &type); /* the kernel always tells */
	(void)nm_attrs_be32(data, NFTA_NAT_FAMILY, &nfproto);
	if (nfproto != nm_addr_family_to_af(family) && nfproto != NFPROTO_INET)
		return NM_FALSE;
	r->action->act = type == NFT_NAT_DNAT ? NM_FOLLOW_SENDS_ELSEWHERE : NM_FOLLOW_ACCEPTS;
	put_port(r, data, NFTA_NAT_REG_PROTO_MIN);
	size = nm_addr_size(family);
	r->action->to_address = at < NM_FOLLOW_BYTES && nm_value_is_known(&r->s->registers, at, size);
	if (!r->action->to_address)
		return NM_TRUE;
	r->action->address = (struct nm_addr){.family = family};
	memcpy(r->action->address.bytes, r->s->registers.bytes + at, size);
	return NM_TRUE;
}

static enum nm_tri on_redir(struct reading *r, struct nm_attrs data)
{
	r->action->act = NM_FOLLOW_SENDS_ELSEWHERE;
	r->action->to_host = true;
	put_port(r, data, NFTA_REDIR_REG_PROTO_MIN);
	return NM_TRUE;
}

static enum nm_tri on_masq(struct reading *r, struct nm_attrs data)
{
	(void)data;
	r->action->act = NM_FOLLOW_ACCEPTS;
	r->action->masquerades = true;
	return NM_TRUE;
}

static enum nm_tri on_reject(struct reading *r, struct nm_attrs data)
{
	(void)data;
	r->action->act = NM_FOLLOW_DROPS;
	return NM_TRUE;
}

/* An ordinary client exceeds no limit. */
static enum nm_tri on_limit(struct reading *r, struct nm_attrs data)
{
	uint32_t flags = 0;

	(void)r;
	(void)nm_attrs_be32(data, NFTA_LIMIT_FLAGS, &flags); /* none is 0 */
	return flags & NFT_LIMIT_F_INV ? NM_FALSE : NM_TRUE;
}

static enum nm_tri on_connlimit(struct reading *r, struct nm_attrs data)
{
	uint32_t flags = 0;

	(void)r;
	(void)nm_attrs_be32(data, NFTA_CONNLIMIT_FLAGS, &flags); /* none is 0 */
	return flags & NFT_CONNLIMIT_F_INV ? NM_FALSE : NM_TRUE;
}

static enum nm_tri on_dynset(struct reading *r, struct nm_attrs data)
{
	struct nm_attrs inner = nm_attrs_nested(data, NFTA_DYNSET_EXPR);
	struct nm_attrs condition = nm_attrs_nested(inner, NFTA_EXPR_DATA);
	char name[NM_NFT_EXPRESSION_SIZE];

	if (!nm_attrs_string(inner, NFTA_EXPR_NAME, name, sizeof(name)))
		return NM_TRUE;
	if (!strcmp(name, "limit"))
		return on_limit(r, condition);
	return !strcmp(name, "connlimit") ? on_connlimit(r, condition) : NM_TRUE; /* a counter */
}

static enum nm_tri on_match(struct reading *r, struct nm_attrs data)
{
	return nm_follow_xt_match(r->s, data);
}

static enum nm_tri on_target(struct reading *r, struct nm_attrs data)
{
	return nm_follow_xt_target(r->s, data, r->matches, r->action);
}

/* meta or ct set a value, or load one. */
static enum nm_tri on_set(struct reading *r, size_t from, bool is_mark, size_t mark)
{
	if (!is_mark)
		return NM_TRUE;
	if (r->matches == NM_TRUE && from < NM_FOLLOW_BYTES)
		nm_value_copy(&r->s->marks, mark, &r->s->registers, from, sizeof(uint32_t));
	else
		nm_value_put_unknown(&r->s->marks, mark, sizeof(uint32_t));
	return NM_TRUE;
}

static enum nm_tri on_meta(struct reading *r, struct nm_attrs data)
{
	uint32_t key = 0, sreg;

	(void)nm_attrs_be32(data, NFTA_META_KEY, &key); /* the kernel always tells */
	return nm_attrs_be32(data, NFTA_META_SREG, &sreg)
		? on_set(r, nm_follow_packet_register(sreg), key == NFT_META_MARK, NM_FOLLOW_MARK)
		: nm_follow_packet_load(r->s, "meta", data);
}

static enum nm_tri on_ct(struct reading *r, struct nm_attrs data)
{
	uint32_t key = 0, sreg;

	(void)nm_attrs_be32(data, NFTA_CT_KEY, &key); /* the kernel always tells */
	return nm_attrs_be32(data, NFTA_CT_SREG, &sreg)
		? on_set(r, nm_follow_packet_register(sreg), key == NFT_CT_MARK, NM_FOLLOW_CT_MARK)
		: nm_follow_packet_load(r->s, "ct", data);
}

static enum nm_tri on_payload(struct reading *r, struct nm_attrs data)
{
	uint32_t sreg;

	if (nm_attrs_be32(data, NFTA_PAYLOAD_SREG, &sreg)) /* changes the packet */
		return NM_TRUE;
	return nm_follow_packet_load(r->s, "payload", data);
}

static enum nm_tri on_fib(struct reading *r, struct nm_attrs data)
{
	return nm_follow_packet_load(r->s, "fib", data);
}

static enum nm_tri on_nothing(struct reading *r, struct nm_attrs data)
{
	(void)r;
	(void)data;
	return NM_TRUE;
}

/* What it loads, and where to, is not known. */
static enum nm_tri on_unknown(struct reading *r, struct nm_attrs data)
{
	(void)data;
	nm_value_put_unknown(&r->s->registers, 0, NM_FOLLOW_BYTES);
	return NM_UNDECIDED;
}

static evaluate *find_evaluation(const char *name)
{
	static const struct {
		const char *name;
		evaluate *evaluate;
	} known[] = {
		{"cmp", on_cmp},
		{"meta", on_meta},
		{"payload", on_payload},
		{"immediate", on_immediate},
		{"counter", on_nothing},
		{"match", on_match},
		{"target", on_target},
		{"bitwise", on_bitwise},
		{"lookup", on_lookup},
		{"ct", on_ct},
		{"range", on_range},
		{"fib", on_fib},
		{"nat", on_nat},
		{"masq", on_masq},
		{"redir", on_redir},
		{"reject", on_reject},
		{"limit", on_limit},
		{"connlimit", on_connlimit},
		{"dynset", on_dynset},
		{"byteorder", on_byteorder},
		{"log", on_nothing},
		{"last", on_nothing},
		{"objref", on_nothing},
		{"dup", on_nothing},
		{"flow_offload", on_nothing},
		{"notrack", on_nothing},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(name, known[i].name))
			return known[i].evaluate;
	return on_unknown;
}

enum nm_tri nm_follow_rule(struct nm_follow_state *s, const struct nm_ruleset *ruleset,
	const struct nm_ruleset_chain *chain, const struct nm_ruleset_rule *rule,
	struct nm_follow_action *ret)
{
	struct reading r = {.s = s, .ruleset = ruleset, .chain = chain, .matches = NM_TRUE, .action = ret};
	struct nm_attrs list = rule->expressions, data;
	char name[NM_NFT_EXPRESSION_SIZE];

	*ret = (struct nm_follow_action){.act = NM_FOLLOW_GOES_ON};
	while (nm_nft_rule_next_expression(&list, name, &data)) {
		r.matches = nm_value_and(r.matches, find_evaluation(name)(&r, data));
		if (r.matches == NM_FALSE)
			return NM_FALSE;
	}
	return r.matches;
}
