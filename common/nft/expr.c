#include "nft/expr.h"

#include <linux/netfilter/nf_nat.h>
#include <string.h>

struct nm_expr nm_expr_begin(struct nm_message *m, const char *name)
{
	struct nm_expr e;

	e.elem = nm_message_nest(m, NFTA_LIST_ELEM);
	nm_message_put_string(m, NFTA_EXPR_NAME, name);
	e.data = nm_message_nest(m, NFTA_EXPR_DATA);
	return e;
}

void nm_expr_end(struct nm_message *m, struct nm_expr e)
{
	nm_message_nest_end(m, e.data);
	nm_message_nest_end(m, e.elem);
}

void nm_expr_put_value(struct nm_message *m, uint16_t type, const void *value, size_t len)
{
	struct nlattr *nest = nm_message_nest(m, type);

	nm_message_put(m, NFTA_DATA_VALUE, value, len);
	nm_message_nest_end(m, nest);
}

void nm_expr_put_comment(struct nm_message *m, uint16_t type, const char *comment)
{
	struct {
		uint8_t type, len;
		char text[NM_NFT_COMMENT_SIZE];
	} udata = {.type = 0};
	size_t len = strnlen(comment, NM_NFT_COMMENT_SIZE - 2);

	memcpy(udata.text, comment, len);
	udata.len = (uint8_t)(len + 1);
	nm_message_put(m, type, &udata, 2u + udata.len);
}

/* An expression of numbers only. */
struct number {
	uint16_t type; /* 0 ends the list */
	uint32_t value;
};

static void put_numbers(struct nm_message *m, const char *name, const struct number *n)
{
	struct nm_expr e = nm_expr_begin(m, name);

	for (; n->type; n++)
		nm_message_put_be32(m, n->type, n->value);
	nm_expr_end(m, e);
}

void nm_expr_meta(struct nm_message *m, uint32_t key, uint32_t dreg)
{
	put_numbers(m, "meta", (struct number[]){{NFTA_META_KEY, key}, {NFTA_META_DREG, dreg}, {0}});
}

void nm_expr_set_meta(struct nm_message *m, uint32_t key, uint32_t sreg)
{
	put_numbers(m, "meta", (struct number[]){{NFTA_META_KEY, key}, {NFTA_META_SREG, sreg}, {0}});
}

void nm_expr_payload(struct nm_message *m, uint32_t base, uint32_t offset, uint32_t len, uint32_t dreg)
{
	put_numbers(m, "payload",
		(struct number[]){{NFTA_PAYLOAD_DREG, dreg}, {NFTA_PAYLOAD_BASE, base},
			{NFTA_PAYLOAD_OFFSET, offset}, {NFTA_PAYLOAD_LEN, len}, {0}});
}

void nm_expr_ct(struct nm_message *m, uint32_t key, uint32_t dreg)
{
	put_numbers(m, "ct", (struct number[]){{NFTA_CT_DREG, dreg}, {NFTA_CT_KEY, key}, {0}});
}

void nm_expr_ct_dir(struct nm_message *m, uint32_t key, uint8_t direction, uint32_t dreg)
{
	struct nm_expr e = nm_expr_begin(m, "ct");

	nm_message_put_be32(m, NFTA_CT_DREG, dreg);
	nm_message_put_be32(m, NFTA_CT_KEY, key);
	nm_message_put(m, NFTA_CT_DIRECTION, &direction, sizeof(direction));
	nm_expr_end(m, e);
}

void nm_expr_fib_daddr_type(struct nm_message *m, uint32_t dreg)
{
	put_numbers(m, "fib",
		(struct number[]){{NFTA_FIB_DREG, dreg}, {NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE},
			{NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR}, {0}});
}

void nm_expr_value(struct nm_message *m, uint32_t dreg, const void *value, size_t len)
{
	struct nm_expr e = nm_expr_begin(m, "immediate");

	nm_message_put_be32(m, NFTA_IMMEDIATE_DREG, dreg);
	nm_expr_put_value(m, NFTA_IMMEDIATE_DATA, value, len);
	nm_expr_end(m, e);
}

void nm_expr_bitwise(struct nm_message *m, uint32_t reg, const void *mask, const void *flip, size_t len)
{
	struct nm_expr e = nm_expr_begin(m, "bitwise");

	nm_message_put_be32(m, NFTA_BITWISE_SREG, reg);
	nm_message_put_be32(m, NFTA_BITWISE_DREG, reg);
	nm_message_put_be32(m, NFTA_BITWISE_LEN, (uint32_t)len);
	nm_message_put_be32(m, NFTA_BITWISE_OP, NFT_BITWISE_BOOL);
	nm_expr_put_value(m, NFTA_BITWISE_MASK, mask, len);
	nm_expr_put_value(m, NFTA_BITWISE_XOR, flip, len);
	nm_expr_end(m, e);
}

void nm_expr_cmp(struct nm_message *m, uint32_t op, uint32_t sreg, const void *value, size_t len)
{
	struct nm_expr e = nm_expr_begin(m, "cmp");

	nm_message_put_be32(m, NFTA_CMP_SREG, sreg);
	nm_message_put_be32(m, NFTA_CMP_OP, op);
	nm_expr_put_value(m, NFTA_CMP_DATA, value, len);
	nm_expr_end(m, e);
}

void nm_expr_lookup(struct nm_message *m, const char *set, uint32_t sreg, uint32_t dreg)
{
	struct nm_expr e = nm_expr_begin(m, "lookup");

	nm_message_put_string(m, NFTA_LOOKUP_SET, set);
	nm_message_put_be32(m, NFTA_LOOKUP_SREG, sreg);
	if (dreg)
		nm_message_put_be32(m, NFTA_LOOKUP_DREG, dreg);
	nm_message_put_be32(m, NFTA_LOOKUP_FLAGS, 0);
	nm_expr_end(m, e);
}

static uint32_t nat_flags(const struct nm_expr_nat *nat)
{
	uint32_t flags = NF_NAT_RANGE_MAP_IPS;

	if (nat->reg_port)
		flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
	/* what the port has more than the base port, which nf_tables leaves at 0 */
	if (nat->reg_last_port)
		flags |= NF_NAT_RANGE_PROTO_OFFSET;
	return flags;
}

void nm_expr_nat_to(struct nm_message *m, const struct nm_expr_nat *nat)
{
	uint32_t last_port = nat->reg_last_port ? nat->reg_last_port : nat->reg_port;
	struct nm_expr e = nm_expr_begin(m, "nat");

	nm_message_put_be32(m, NFTA_NAT_TYPE, nat->type);
	nm_message_put_be32(m, NFTA_NAT_FAMILY, nat->nfproto);
	nm_message_put_be32(m, NFTA_NAT_REG_ADDR_MIN, nat->reg_addr);
	nm_message_put_be32(m, NFTA_NAT_REG_ADDR_MAX, nat->reg_addr);
	if (nat->reg_port) {
		nm_message_put_be32(m, NFTA_NAT_REG_PROTO_MIN, nat->reg_port);
		nm_message_put_be32(m, NFTA_NAT_REG_PROTO_MAX, last_port);
	}
	/* the kernel adds what follows from the registers, and dumps it */
	nm_message_put_be32(m, NFTA_NAT_FLAGS, nat_flags(nat));
	nm_expr_end(m, e);
}

void nm_expr_nat(struct nm_message *m, uint32_t type, uint32_t nfproto, uint32_t reg_addr, uint32_t reg_port)
{
	const struct nm_expr_nat nat = {type, nfproto, reg_addr, reg_port, 0};

	nm_expr_nat_to(m, &nat);
}

void nm_expr_masquerade(struct nm_message *m)
{
	nm_expr_end(m, nm_expr_begin(m, "masq"));
}

void nm_expr_counter(struct nm_message *m)
{
	struct nm_expr e = nm_expr_begin(m, "counter");

	nm_message_put_be64(m, NFTA_COUNTER_BYTES, 0);
	nm_message_put_be64(m, NFTA_COUNTER_PACKETS, 0);
	nm_expr_end(m, e);
}

void nm_expr_verdict(struct nm_message *m, int code, const char *chain)
{
	struct nm_expr e = nm_expr_begin(m, "immediate");
	struct nlattr *data, *verdict;

	nm_message_put_be32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nm_message_nest(m, NFTA_IMMEDIATE_DATA);
	verdict = nm_message_nest(m, NFTA_DATA_VERDICT);
	nm_message_put_be32(m, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		nm_message_put_string(m, NFTA_VERDICT_CHAIN, chain);
	nm_message_nest_end(m, verdict);
	nm_message_nest_end(m, data);
	nm_expr_end(m, e);
}
