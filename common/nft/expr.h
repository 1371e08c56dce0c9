/* nf_tables expressions as netlink attributes, one function each; values and registers are the caller's. The
 * attributes stand in the order in which the kernel dumps them, so that what was read back compares byte by
 * byte (nm_nft_rule_expressions_equal()). */
#ifndef NM_NFT_EXPR_H
#define NM_NFT_EXPR_H

#include <linux/netfilter/nf_tables.h>
#include <stdint.h>

#include "nft/dump.h"

/* An expression of that name: begin, the attributes of its data, end. */
struct nm_expr {
	struct nlattr *elem, *data;
};
struct nm_expr nm_expr_begin(struct nm_message *m, const char *name);
void nm_expr_end(struct nm_message *m, struct nm_expr e);
/* A nested NFTA_DATA_VALUE. */
void nm_expr_put_value(struct nm_message *m, uint16_t type, const void *value, size_t len);
/* A comment as user data; what is longer than NM_NFT_COMMENT_SIZE - 2 is cut. */
void nm_expr_put_comment(struct nm_message *m, uint16_t type, const char *comment);

void nm_expr_meta(struct nm_message *m, uint32_t key, uint32_t dreg); /* NFT_META_* */
void nm_expr_set_meta(struct nm_message *m, uint32_t key, uint32_t sreg);
void nm_expr_payload(struct nm_message *m, uint32_t base, uint32_t offset, uint32_t len, uint32_t dreg);
void nm_expr_ct(struct nm_message *m, uint32_t key, uint32_t dreg); /* NFT_CT_*, without direction */
void nm_expr_ct_dir(struct nm_message *m, uint32_t key, uint8_t direction, uint32_t dreg); /* IP_CT_DIR_* */
void nm_expr_fib_daddr_type(struct nm_message *m, uint32_t dreg);
void nm_expr_value(struct nm_message *m, uint32_t dreg, const void *value, size_t len);
/* reg = reg & mask ^ flip */
void nm_expr_bitwise(struct nm_message *m, uint32_t reg, const void *mask, const void *flip, size_t len);
void nm_expr_cmp(struct nm_message *m, uint32_t op, uint32_t sreg, const void *value, size_t len);
/* dreg 0: only whether it is there */
void nm_expr_lookup(struct nm_message *m, const char *set, uint32_t sreg, uint32_t dreg);
/* type NFT_NAT_DNAT or NFT_NAT_SNAT; reg_port 0: the port stays */
void nm_expr_nat(struct nm_message *m, uint32_t type, uint32_t nfproto, uint32_t reg_addr, uint32_t reg_port);
struct nm_expr_nat {
	uint32_t type, nfproto; /* as above */
	uint32_t reg_addr, reg_port;
	/* Not 0: the port is shifted to one from reg_port to this: what it is modulo their number is added to
	 * the first. */
	uint32_t reg_last_port;
};
void nm_expr_nat_to(struct nm_message *m, const struct nm_expr_nat *nat);
void nm_expr_masquerade(struct nm_message *m);
void nm_expr_counter(struct nm_message *m);
void nm_expr_verdict(struct nm_message *m, int code, const char *chain); /* NF_*, NFT_*; chain: of a jump */

#endif
