/* Finds rules by family, table, chain and comment, however many there are. Pure. */
#ifndef NM_RULE_INDEX_H
#define NM_RULE_INDEX_H

#include "rule.h"

struct nm_rule_index {
	const struct nm_rules *rules; /* borrowed */
	struct nm_rule_index_entry {
		uint64_t hash;
		uint32_t rule;
	} * entries; /* owned */
	size_t n;
};

/* Indexes the rules, which must not change as long as the index is used. 0 with *ret for
 * nm_rule_index_done(), or -1 with *err (memory). */
int nm_rule_index_make(
	const struct nm_rules *rules, struct nm_rule_index *ret, struct nm_err *err) NM_MUST_USE;
void nm_rule_index_done(struct nm_rule_index *index);

/* Where a rule is looked for. */
struct nm_rule_place {
	enum nm_family family;
	enum nm_table table;
	enum nm_chain chain;
};

/*
 * Returns the number of the first rule at the place with the tag (len bytes; 0: a rule without), in the order
 * of the list, and the following one when called again with the same *position, which begins as 0. -1: there
 * is no further one. Different tags may, very rarely, be taken for one another: compare the rules.
 */
ssize_t nm_rule_index_next(const struct nm_rule_index *index, const struct nm_rule_place *place,
	const char *tag, size_t len, size_t *position);

#endif
