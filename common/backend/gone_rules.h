/* What dead containers, and static NAT that is no longer configured, have left in the kernel, counted for
 * each of them. */
#ifndef NM_BACKEND_GONE_RULES_H
#define NM_BACKEND_GONE_RULES_H

#include "base/hash.h"
#include "model/publication.h"
#include "model/static_nat.h"
#include "model/tag.h"
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
	const struct nm_static_nats *statics; /* that are configured, borrowed */
	struct nm_gone_statics {
		struct nm_gone_static {
			char tag[NM_TAG_SIZE]; /* "natmap:@dnat/mail" */
			size_t n;
		} * v; /* owned */
		size_t n, capacity;
	} left; /* of others, as they are counted */
};

/* Prepares to count for these records and for what is not among these statics; both must outlive it. forwards
 * as above. 0, or -1 with *err (memory); nm_gone_rules_done() in both cases. */
int nm_gone_rules_init(struct nm_gone_rules *g, const struct nm_records *dead,
	const struct nm_static_nats *statics, unsigned forwards, struct nm_err *err) NM_MUST_USE;
void nm_gone_rules_done(struct nm_gone_rules *g);

/* Counts from 0 again. */
void nm_gone_rules_reset(struct nm_gone_rules *g);

/* Counts a stale rule or element by its tag, of two records of one id for the first. False: it is none of
 * theirs. */
bool nm_gone_rules_count(struct nm_gone_rules *g, enum nm_family family, const char *tag, size_t len);

#endif
