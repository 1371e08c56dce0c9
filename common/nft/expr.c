#include "nft/expr.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_nat.h>
#include <string.h>

#include "nft/dump.h"

void nm_expr_put_be32(struct nlmsghdr *nlh, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(nlh, type, htonl(value));
}

struct nm_expr nm_expr_begin(struct nlmsghdr *nlh, const char *name)
{
	struct nm_expr e;

	e.elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	e.data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	return e;
}

void nm_expr_end(struct nlmsghdr *nlh, struct nm_expr e)
{
	mnl_attr_nest_end(nlh, e.data);
	mnl_attr_nest_end(nlh, e.elem);
}

void nm_expr_put_value(struct nlmsghdr *nlh, uint16_t type, const void *value, size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(nlh, nest);
}

void nm_expr_put_comment(struct nlmsghdr *nlh, uint16_t type, const char *comment)
{
	struct {
		uint8_t type, len;
		char text[NM_NFT_COMMENT_SIZE];
	} udata = {.type = 0};
	size_t len = strnlen(comment, NM_NFT_COMMENT_SIZE - 2);

	memcpy(udata.text, comment, len);
	udata.len = (uint8_t)(len + 1);
	mnl_attr_put(nlh, type, 2u + udata.len, &udata);
}

/* An expression of numbers only. */
struct number {
	uint16_t type; /* 0 ends the list */
	uint32_t value;
};

static void put_numbers(struct nlmsghdr *nlh, const char *name, const struct number *n)
{
	struct nm_expr e = nm_expr_begin(nlh, name);

	for (; n->type; n++)
		nm_expr_put_be32(nlh, n->type, n->value);
	nm_expr_end(nlh, e);
}

void nm_expr_meta(struct nlmsghdr *nlh, uint32_t key, uint32_t dreg)
{
	put_numbers(nlh, "meta", (struct number[]){{NFTA_META_KEY, key}, {NFTA_META_DREG, dreg}, {0}});
}

void nm_expr_set_meta(struct nlmsghdr *nlh, uint32_t key, uint32_t sreg)
{
	put_numbers(nlh, "meta", (struct number[]){{NFTA_META_KEY, key}, {NFTA_META_SREG, sreg}, {0}});
}

void nm_expr_payload(struct nlmsghdr *nlh, uint32_t base, uint32_t offset, uint32_t len, uint32_t dreg)
{
	put_numbers(nlh, "payload",
		(struct number[]){{NFTA_PAYLOAD_DREG, dreg}, {NFTA_PAYLOAD_BASE, base},
			{NFTA_PAYLOAD_OFFSET, offset}, {NFTA_PAYLOAD_LEN, len}, {0}});
}

void nm_expr_ct(struct nlmsghdr *nlh, uint32_t key, uint32_t dreg)
{
	put_numbers(nlh, "ct", (struct number[]){{NFTA_CT_DREG, dreg}, {NFTA_CT_KEY, key}, {0}});
}

void nm_expr_ct_dir(struct nlmsghdr *nlh, uint32_t key, uint8_t direction, uint32_t dreg)
{
	struct nm_expr e = nm_expr_begin(nlh, "ct");

	nm_expr_put_be32(nlh, NFTA_CT_DREG, dreg);
	nm_expr_put_be32(nlh, NFTA_CT_KEY, key);
	mnl_attr_put_u8(nlh, NFTA_CT_DIRECTION, direction);
	nm_expr_end(nlh, e);
}

void nm_expr_fib_daddr_type(struct nlmsghdr *nlh, uint32_t dreg)
{
	put_numbers(nlh, "fib",
		(struct number[]){{NFTA_FIB_DREG, dreg}, {NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE},
			{NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR}, {0}});
}

void nm_expr_value(struct nlmsghdr *nlh, uint32_t dreg, const void *value, size_t len)
{
	struct nm_expr e = nm_expr_begin(nlh, "immediate");

	nm_expr_put_be32(nlh, NFTA_IMMEDIATE_DREG, dreg);
	nm_expr_put_value(nlh, NFTA_IMMEDIATE_DATA, value, len);
	nm_expr_end(nlh, e);
}

void nm_expr_bitwise(struct nlmsghdr *nlh, uint32_t reg, const void *mask, const void *flip, size_t len)
{
	struct nm_expr e = nm_expr_begin(nlh, "bitwise");

	nm_expr_put_be32(nlh, NFTA_BITWISE_SREG, reg);
	nm_expr_put_be32(nlh, NFTA_BITWISE_DREG, reg);
	nm_expr_put_be32(nlh, NFTA_BITWISE_LEN, (uint32_t)len);
	nm_expr_put_be32(nlh, NFTA_BITWISE_OP, NFT_BITWISE_BOOL);
	nm_expr_put_value(nlh, NFTA_BITWISE_MASK, mask, len);
	nm_expr_put_value(nlh, NFTA_BITWISE_XOR, flip, len);
	nm_expr_end(nlh, e);
}

void nm_expr_cmp(struct nlmsghdr *nlh, uint32_t op, uint32_t sreg, const void *value, size_t len)
{
	struct nm_expr e = nm_expr_begin(nlh, "cmp");

	nm_expr_put_be32(nlh, NFTA_CMP_SREG, sreg);
	nm_expr_put_be32(nlh, NFTA_CMP_OP, op);
	nm_expr_put_value(nlh, NFTA_CMP_DATA, value, len);
	nm_expr_end(nlh, e);
}

void nm_expr_lookup(struct nlmsghdr *nlh, const char *set, uint32_t sreg, uint32_t dreg)
{
	struct nm_expr e = nm_expr_begin(nlh, "lookup");

	mnl_attr_put_strz(nlh, NFTA_LOOKUP_SET, set);
	nm_expr_put_be32(nlh, NFTA_LOOKUP_SREG, sreg);
	if (dreg)
		nm_expr_put_be32(nlh, NFTA_LOOKUP_DREG, dreg);
	nm_expr_put_be32(nlh, NFTA_LOOKUP_FLAGS, 0);
	nm_expr_end(nlh, e);
}

void nm_expr_nat(struct nlmsghdr *nlh, uint32_t type, uint32_t nfproto, uint32_t reg_addr, uint32_t reg_port)
{
	struct nm_expr e = nm_expr_begin(nlh, "nat");

	nm_expr_put_be32(nlh, NFTA_NAT_TYPE, type);
	nm_expr_put_be32(nlh, NFTA_NAT_FAMILY, nfproto);
	nm_expr_put_be32(nlh, NFTA_NAT_REG_ADDR_MIN, reg_addr);
	nm_expr_put_be32(nlh, NFTA_NAT_REG_ADDR_MAX, reg_addr);
	if (reg_port) {
		nm_expr_put_be32(nlh, NFTA_NAT_REG_PROTO_MIN, reg_port);
		nm_expr_put_be32(nlh, NFTA_NAT_REG_PROTO_MAX, reg_port);
	}
	/* the kernel adds what follows from the registers, and dumps it */
	nm_expr_put_be32(
		nlh, NFTA_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS | (reg_port ? NF_NAT_RANGE_PROTO_SPECIFIED : 0));
	nm_expr_end(nlh, e);
}

void nm_expr_masquerade(struct nlmsghdr *nlh)
{
	nm_expr_end(nlh, nm_expr_begin(nlh, "masq"));
}

void nm_expr_counter(struct nlmsghdr *nlh)
{
	struct nm_expr e = nm_expr_begin(nlh, "counter");

	mnl_attr_put_u64(nlh, NFTA_COUNTER_BYTES, 0);
	mnl_attr_put_u64(nlh, NFTA_COUNTER_PACKETS, 0);
	nm_expr_end(nlh, e);
}

void nm_expr_verdict(struct nlmsghdr *nlh, int code, const char *chain)
{
	struct nm_expr e = nm_expr_begin(nlh, "immediate");
	struct nlattr *data, *verdict;

	nm_expr_put_be32(nlh, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
	nm_expr_put_be32(nlh, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, data);
	nm_expr_end(nlh, e);
}
