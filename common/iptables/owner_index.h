/* Tells whose a rule is by its comment, however many owners there are. Pure. */
#ifndef NM_IPTABLES_OWNER_INDEX_H
#define NM_IPTABLES_OWNER_INDEX_H

#include "base/hash.h"
#include "model/rule.h"

struct nm_owner_index {
	const char *const *owners; /* borrowed */
	struct nm_hash_index index;
};

/* Indexes n owners (nm_rule.owner). 0 with *ret for nm_owner_index_done(), or -1 with *err (memory). */
int nm_iptables_owner_index_make(
	const char *const *owners, size_t n, struct nm_owner_index *ret, struct nm_err *err) NM_MUST_USE;
void nm_owner_index_done(struct nm_owner_index *index);

/* True when nm_tag_is_of() is for one of them. */
bool nm_owner_index_has(const struct nm_owner_index *index, const char *tag, size_t len);

#endif
