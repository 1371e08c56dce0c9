/* What live containers lack in the kernel, counted for each of them. */
#ifndef NM_BACKEND_LOST_RULES_H
#define NM_BACKEND_LOST_RULES_H

#include "base/hash.h"
#include "state/records.h"

/* Begins as zeros. */
struct nm_lost_rules {
	const struct nm_records *live; /* borrowed */
	struct nm_lost {
		size_t n;    /* rules or elements that are missing */
		char *first; /* the sentence that tells the first of them, owned */
	} * v;               /* for each of live; owned */
	const char **owners; /* their ids; owned */
	struct nm_hash_index index;
};

/* Prepares to count for these records, which must outlive it. 0, or -1 with *err (memory);
 * nm_lost_rules_done() in both cases. */
int nm_lost_rules_init(
	struct nm_lost_rules *l, const struct nm_records *live, struct nm_err *err) NM_MUST_USE;
void nm_lost_rules_done(struct nm_lost_rules *l);

/* Counts from 0 again. */
void nm_lost_rules_reset(struct nm_lost_rules *l);

/* Counts a rule or element that is missing, by its tag; text tells of it. False: it is none of theirs. */
bool nm_lost_rules_count(struct nm_lost_rules *l, const char *tag, size_t len, const char *text);

#endif
