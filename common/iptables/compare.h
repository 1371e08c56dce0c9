/* What distinguishes the kernel's rules from the wanted ones, in the iptables layout. Changes nothing. */
#ifndef NM_IPTABLES_COMPARE_H
#define NM_IPTABLES_COMPARE_H

#include "iptables/index.h"
#include "nft/edit.h"
#include "nft/rules.h"

/* What is compared. */
struct nm_iptables_scope {
	const struct nm_rules *wanted;
	bool everything;           /* whatever natmap ever made and is not wanted goes */
	const char *const *owners; /* else: of these owners */
	size_t n_owners;
	bool look_for_old; /* false: none of these has rules yet, so that there is no need to search all
			      chains; everything needs true */
};

/* One addition or deletion; a rule that is to be moved takes both, of the same kind. */
struct nm_edit {
	enum nm_edit_kind kind;
	struct nm_rule_place place;
	const struct nm_rule *wanted; /* NULL for STALE */
	bool add;
	uint64_t handle;    /* deletion: of the rule */
	const char *tag;    /* deletion: comment of the rule, "" for a jump; borrowed during the call */
	bool restored;      /* deletion: nm_nft_rule.restored */
	uint64_t neighbour; /* addition: handle of the rule that it goes behind, or before; 0: at the
			       head or the end, as wanted says */
	bool behind;
};

struct nm_iptables_compare_handler {
	/* Called for each edit, in the order in which they have to be made. */
	int (*edit)(void *ctx, const struct nm_edit *edit, struct nm_err *err);
	void *ctx;
	struct nm_counters
		*counters; /* of the wanted rules that are there, in their order; NULL: not asked for */
};

/* Compares the rules of the families over nl (NETLINK_NETFILTER). Interrupted as nm_nft_dump(). */
int nm_iptables_compare(struct nm_netlink *nl, const struct nm_iptables_scope *scope, unsigned families,
	const struct nm_iptables_compare_handler *sink, struct nm_err *err) NM_MUST_USE;

#endif
