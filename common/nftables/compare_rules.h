/* Making the rules of natmap's own tables what they should be. */
#ifndef NM_NFTABLES_COMPARE_RULES_H
#define NM_NFTABLES_COMPARE_RULES_H

#include "nft/edit.h"
#include "nft/transaction.h"
#include "nftables/chains.h"

/* One difference in natmap's own tables. */
struct nm_nftables_edit {
	enum nm_edit_kind kind; /* not MISPLACED */
	enum nm_family family;
	const char *where; /* chain or set, or what is of another form; "": the table */
	bool is_element;   /* not a rule: where is a set */
	const char *tag;   /* comment of the rule or element, not NUL-terminated */
	size_t tag_len;
};

/* What becomes of differences: changes of a transaction, or whatever note() makes of them. */
struct nm_nftables_diff_output {
	struct nm_nft_batch *txn; /* NULL: nothing is changed */
	int (*note)(
		void *ctx, const struct nm_nftables_edit *edit, struct nm_err *err); /* NULL: nobody asks */
	void *ctx;
};

/*
 * Compares the rules of the family's table with those that lengths and statics (NULL: these stay as they are,
 * and so do further prefix lengths) ask for, and hands over the differences; if there are any, the table is
 * created first with all that belongs into it. Right rules keep their handles and counters. anew: what is
 * there goes, and does not count.
 */
int nm_nftables_compare_rules(struct nm_netlink *nl, enum nm_family family,
	const struct nm_nftables_prefix_lengths *lengths, const struct nm_rules *statics, bool anew,
	const struct nm_nftables_diff_output *output, struct nm_err *err) NM_MUST_USE;

/* Appends the rule to the transaction; before: handle of the rule that it goes before; 0: to the end. */
int nm_nftables_compare_rules_add(struct nm_nft_batch *txn, const struct nm_nftables_rule *w, uint64_t before,
	struct nm_err *err) NM_MUST_USE;

#endif
