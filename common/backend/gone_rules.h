/* What dead containers have left in the kernel, counted for each of them. */
#ifndef NM_BACKEND_GONE_RULES_H
#define NM_BACKEND_GONE_RULES_H

#include "base/hash.h"
#include "model/publication.h"
#include "state/records.h"

/* Begins as zeros. */
struct nm_gone_rules {
	const struct nm_records *dead; /* borrowed */
	size_t *n;         /* for each of them: rules or elements that are there for it alone; owned */
	unsigned forwards; /* families in which only dead containers need forwarding */
	/* owners of tags, n_owners of them, and whose they are: ids, and guards of interfaces; owned */
	size_t n_owners, *records;
	const char **owners;
	char (*guards)[NM_PUBLICATION_GUARD_SIZE];
	struct nm_hash_index index;
};

/* Prepares to count for these records, which must outlive it; forwards as above. 0, or -1 with *err (memory);
 * nm_gone_rules_done() in both cases. */
int nm_gone_rules_init(struct nm_gone_rules *g, const struct nm_records *dead, unsigned forwards,
	struct nm_err *err) NM_MUST_USE;
void nm_gone_rules_done(struct nm_gone_rules *g);

/* Counts from 0 again. */
void nm_gone_rules_reset(struct nm_gone_rules *g);

/* Counts a stale rule or element by its tag, of two records of one id for the first. False: it is none of
 * theirs. */
bool nm_gone_rules_count(struct nm_gone_rules *g, enum nm_family family, const char *tag, size_t len);

#endif
