/* Building rules of natmap's own tables, and lists of them. */
#ifndef NM_NFTABLES_RULE_H
#define NM_NFTABLES_RULE_H

#include <stdalign.h>

#include "model/rule.h"
#include "nft/batch.h"
#include "nft/expr.h"
#include "nftables/sets.h"

/* A rule as it is sent, or was read. */
struct nm_nftables_rule {
	enum nm_family family;
	uint64_t handle;   /* of one that was read */
	const char *chain; /* borrowed, of static storage */
	char *comment;     /* owned; "": none */
	void *expressions; /* owned: contents of NFTA_RULE_EXPRESSIONS */
	size_t len;
};

struct nm_nftables_rules {
	struct nm_nftables_rule *v; /* owned */
	size_t n, capacity;
};

/* Appends the rule with copies of expressions and comment. -1 with *err (memory). */
int nm_nftables_rules_add(struct nm_nftables_rules *rules, struct nm_nftables_rule rule,
	struct nm_attrs expressions, const char *comment, size_t comment_len, struct nm_err *err) NM_MUST_USE;
void nm_nftables_rules_done(struct nm_nftables_rules *rules);

/* The kernel's number of a register of 4 bytes, as it dumps it. What is compared goes to the first one,
 * NFT_REG_1, as nft has it; a key's fields begin there, too, one after the other. */
uint32_t nm_nftables_rule_register(size_t word);

struct nm_nftables_rule_builder {
	alignas(struct nlmsghdr) char bytes[NM_NFT_RULE_SIZE];
	struct nm_message msg;
	struct nlattr *nest;
	enum nm_family family;
};

/* Begin a rule, append to it (also by nft/expr.h, to &b->msg), and end it by appending it to the list. -1
 * with *err (memory, or a rule that is too long). */
void nm_nftables_rule_begin(struct nm_nftables_rule_builder *b, enum nm_family family);
int nm_nftables_rule_end(struct nm_nftables_rule_builder *b, const char *chain, const char *comment,
	struct nm_nftables_rules *ret, struct nm_err *err) NM_MUST_USE;

/* Loads the field into the register and returns the number of the next one. */
size_t nm_nftables_rule_load(struct nm_nftables_rule_builder *b, enum nm_nftables_field field, size_t word);
/* Cuts the address in the first register to its network. */
void nm_nftables_rule_mask(struct nm_nftables_rule_builder *b, uint8_t len);

/* The following go on with the rule if the packet matches. */

/* The address is in the network, or outside of it. A network without length matches everything. */
void nm_nftables_rule_match_prefix(struct nm_nftables_rule_builder *b, enum nm_nftables_field field,
	const struct nm_prefix *p, bool negate);
/* key: NFT_META_IIFNAME or NFT_META_OIFNAME */
void nm_nftables_rule_match_interface(
	struct nm_nftables_rule_builder *b, uint32_t key, const char *name, bool negate);
void nm_nftables_rule_match_protocol(struct nm_nftables_rule_builder *b, uint8_t protocol);
/* The word in the first register has one of these bits, or none of them. */
void nm_nftables_rule_match_bits(struct nm_nftables_rule_builder *b, uint32_t bits, bool set);

/* Appends the family's static rules (nm_iptables_layout_static()), translated into native expressions. */
int nm_nftables_rules_add_static(enum nm_family family, const struct nm_rules *statics,
	struct nm_nftables_rules *ret, struct nm_err *err) NM_MUST_USE;

#endif
