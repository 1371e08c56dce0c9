/* Finds rules by family, table, chain and tag, and owners by the tags of their rules, however many there are.
 * Pure. */
#ifndef NM_IPTABLES_INDEX_H
#define NM_IPTABLES_INDEX_H

#include "base/hash.h"
#include "model/rule.h"

/* Where a rule is looked for. */
struct nm_rule_place {
	enum nm_family family;
	enum nm_table table;
	enum nm_chain chain;
};

/* Indexes the rules. 0 with *ret for nm_hash_index_done(), or -1 with *err (memory). */
int nm_iptables_index_rules(
	const struct nm_rules *rules, struct nm_hash_index *ret, struct nm_err *err) NM_MUST_USE;

/* Returns the number of the first rule at the place with the tag (len bytes; 0: a rule without), in the order
 * of the list, and of the following one when called again with the same *position: nm_hash_index_next(). */
ssize_t nm_iptables_index_next_rule(const struct nm_hash_index *index, const struct nm_rule_place *place,
	const char *tag, size_t len, size_t *position);

/* Indexes n owners (nm_rule.owner), likewise. */
int nm_iptables_index_owners(
	const char *const *owners, size_t n, struct nm_hash_index *ret, struct nm_err *err) NM_MUST_USE;

/* True when nm_tag_is_of() is for one of the owners, whose index it is. */
bool nm_iptables_index_has_owner(
	const struct nm_hash_index *index, const char *const *owners, const char *tag, size_t len);

#endif
