/* Finds rules by family, table, chain and comment. Pure. */
#ifndef NM_IPTABLES_RULE_INDEX_H
#define NM_IPTABLES_RULE_INDEX_H

#include "base/hash.h"
#include "model/rule.h"

/* Indexes the rules. 0 with *ret for nm_hash_index_done(), or -1 with *err (memory). */
int nm_iptables_rule_index_make(
	const struct nm_rules *rules, struct nm_hash_index *ret, struct nm_err *err) NM_MUST_USE;

/* Where a rule is looked for. */
struct nm_rule_place {
	enum nm_family family;
	enum nm_table table;
	enum nm_chain chain;
};

/*
 * Returns the number of the first rule at the place with the tag (len bytes; 0: a rule without), in the order
 * of the list, and the following one when called again with the same *position: nm_hash_index_next().
 */
ssize_t nm_iptables_rule_index_next(const struct nm_hash_index *index, const struct nm_rule_place *place,
	const char *tag, size_t len, size_t *position);

#endif
