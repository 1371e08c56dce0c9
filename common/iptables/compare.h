/* How the kernel's rules differ from the desired ones, in the iptables layout. Changes nothing. */
#ifndef NM_IPTABLES_COMPARE_H
#define NM_IPTABLES_COMPARE_H

#include "iptables/encode.h"
#include "model/rule.h"

/* What is compared. */
struct nm_iptables_scope {
	const struct nm_rules *desired;
	bool everything;           /* all rules of natmap's that are not desired are stale */
	const char *const *owners; /* else: those of these owners */
	size_t n_owners;
	/* By family: chains where nothing of the owners that are containers is looked for; NULL: none */
	const bool (*settled)[NM_TABLE_MAX][NM_CHAIN_MAX];
	/* The families whose rules of nm_iptables_layout_base() are known to be there, and nat not to be
	 * ended by rules of others: these are not looked for. */
	unsigned based;
	bool look_for_old; /* false: none of the owners has rules, so that only chains are read in which
			      others may have written desired ones; true with everything */
};

/* One addition or deletion; a rule that is to be moved takes both, of the same kind. */
struct nm_edit {
	enum nm_edit_kind kind;
	struct nm_rule_place place;
	const struct nm_rule *desired; /* NULL for STALE */
	bool add;
	uint64_t handle; /* deletion: of the rule */
	const char *tag; /* deletion: comment of the rule, "" for a jump; borrowed during the call */
	enum nm_iptables_form form; /* deletion: of the rule */
	bool behind_others; /* deletion, MISPLACED: for no other reason than that a rule of others comes
			       before it that may keep packets from it */
	uint64_t neighbour; /* addition: handle of the rule that it goes behind, or before; 0: at the
			       head or the end */
	bool behind;
	bool at_head;
};

struct nm_iptables_compare_handler {
	/* Called for each edit, in the order in which they have to be made. */
	int (*edit)(void *ctx, const struct nm_edit *edit, struct nm_err *err);
	void *ctx;
	/* of each desired rule found, by its number; NULL: not asked for */
	struct nm_counters *counters;
	uint64_t *handles;
	/* The families in which rules of others end nat, so that natmap's come before them; NULL: not asked
	 * for. */
	unsigned *ended;
};

/* Compares the rules of the families over nl (NETLINK_NETFILTER). Interrupted as nm_nft_dump(). */
int nm_iptables_compare(struct nm_netlink *nl, const struct nm_iptables_scope *scope, unsigned families,
	const struct nm_iptables_compare_handler *handler, struct nm_err *err) NM_MUST_USE;

#endif
