/* Reading the rules of nf_tables. */
#ifndef NM_NFT_RULES_H
#define NM_NFT_RULES_H

#include <linux/netfilter/nf_tables.h>

#include "nft/dump.h"

/* A rule of a chain, borrowed during the call of the handler. */
struct nm_nft_rule {
	uint64_t handle;
	const char *chain;
	struct nm_attrs expressions;
	const char *tag; /* its comment, not NUL-terminated; NULL: none. nftables' own, else that of -m
			    comment, as iptables-restore writes it */
	size_t tag_len;
};

struct nm_counters {
	uint64_t packets, bytes;
};

/* 0, -1 with *err, or 1: further rules are not wanted. */
typedef int nm_nft_rule_handler(void *ctx, const struct nm_nft_rule *rule, struct nm_err *err);

/* Calls handler for each rule of the chain, or of all chains of the table, in order; none when it is missing.
 * Interrupted as nm_nft_dump(). */
int nm_nft_rules_each(struct nm_netlink *nl, struct nm_nft_place place, nm_nft_rule_handler *handler,
	void *ctx, struct nm_err *err) NM_MUST_USE;

/* One of several requests that are sent together. */
struct nm_nft_rule_ask {
	struct nm_nft_place place; /* a chain */
	uint64_t handle;
};

/* Calls handler for those of the rules that are there. */
int nm_nft_rules_get(struct nm_netlink *nl, const struct nm_nft_rule_ask *v, size_t n,
	nm_nft_rule_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

/* True when both lists of expressions are the same, but for the values of counters. Others write the same
 * rule in other forms: nft/meaning.h. */
bool nm_nft_rule_expressions_equal(struct nm_attrs ours, struct nm_attrs theirs);

/* What the rule's counter says, or the expression when it is one; zeros without. */
struct nm_counters nm_nft_rule_counters(const struct nm_nft_rule *rule);
struct nm_counters nm_nft_rule_expression_counters(struct nm_attrs expression);

/* True when it is a counter, and has counted nothing. */
bool nm_nft_rule_expression_is_unused(struct nm_attrs expression);

/* True when the rule may keep a packet from those behind it: it has a verdict, or translates. */
bool nm_nft_rule_decides(const struct nm_nft_rule *rule);

/* What the rule does to every packet: NF_ACCEPT, NFT_JUMP, ..., as the kernel numbers verdicts, and for a
 * jump or goto the chain, NUL-terminated. NFT_CONTINUE: nothing, or not to every one. */
int nm_nft_rule_always(const struct nm_nft_rule *rule, char ret_chain[static NFT_NAME_MAXLEN]);

/* True when the rule jumps or goes to the chain. */
bool nm_nft_rule_leads_to(const struct nm_nft_rule *rule, const char *chain);

#define NM_NFT_EXPRESSION_SIZE 32 /* of any name of an expression, or of an xt match or target */
/* Takes the next of a rule's expressions off *list; *ret_data, borrowed, has its attributes. False: none is
 * left. */
bool nm_nft_rule_next_expression(
	struct nm_attrs *list, char name[static NM_NFT_EXPRESSION_SIZE], struct nm_attrs *ret_data);

#endif
