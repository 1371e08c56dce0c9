/* Making the rules of natmap's own tables what they should be. */
#ifndef NM_NFTABLES_COMPARE_RULES_H
#define NM_NFTABLES_COMPARE_RULES_H

#include "nft/transaction.h"
#include "nftables/chains.h"

/* One difference in natmap's own tables. */
struct nm_nftables_edit {
	enum nm_edit_kind kind; /* not MISPLACED */
	enum nm_family family;
	const char *where; /* chain or set; "": the table; of a table that is changed: "chain 'x'" */
	bool is_element;   /* not a rule: where is a set */
	const char *tag;   /* comment of the rule or element, not NUL-terminated */
	size_t tag_len;
};

/* Where differences go: into a transaction that mends them, or to note(). */
struct nm_nftables_diff_output {
	struct nm_nft_batch *txn; /* may be NULL */
	bool remakes;             /* what is added may have been there before */
	int (*note)(void *ctx, const struct nm_nftables_edit *edit, struct nm_err *err); /* may be NULL */
	void *ctx;
};

int nm_nftables_compare_rules_note(const struct nm_nftables_diff_output *output,
	const struct nm_nftables_edit *edit, struct nm_err *err) NM_MUST_USE;

/*
 * Compares the rules of the family's table with the constant ones, those for these prefix lengths and the
 * static ones, and hands over the differences; a transaction first creates what is missing of the table.
 * Right rules keep their handles and counters. Without statics (NULL), static rules and rules for further
 * prefix lengths stay as they are. anew: the transaction has deleted the table, so that all rules are
 * missing.
 */
int nm_nftables_compare_rules(struct nm_netlink *nl, enum nm_family family,
	const struct nm_nftables_prefix_lengths *lengths, const struct nm_rules *statics, bool anew,
	const struct nm_nftables_diff_output *output, struct nm_err *err) NM_MUST_USE;

/* Appends the rule to the transaction, before the rule with this handle; 0: to the end of its chain. */
int nm_nftables_compare_rules_add(struct nm_nft_batch *txn, const struct nm_nftables_rule *rule,
	uint64_t before, struct nm_err *err) NM_MUST_USE;

#endif
