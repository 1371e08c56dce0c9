/* Finds things of a list by a hash of what they are looked for by, however many there are. Pure. */
#ifndef NM_BASE_HASH_INDEX_H
#define NM_BASE_HASH_INDEX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct nm_hash_index {
	struct nm_hash_index_entry {
		uint64_t hash;
		uint32_t number;
	} * v; /* owned */
	size_t n;
};

/* Indexes the things with the numbers from 0 to n - 1 of the list, whose hashes the function tells. 0 with
 * *ret for nm_hash_index_done(), or -1 with *err (memory). */
int nm_hash_index_make(const void *list, size_t n, uint64_t (*hash)(const void *list, size_t number),
	struct nm_hash_index *ret, struct nm_err *err) NM_MUST_USE;
void nm_hash_index_done(struct nm_hash_index *index);

/* Returns the lowest number with this hash, and the next one when called again with the same *position, which
 * begins as 0. -1: there is no further one. Different things may have the same hash: compare them. */
ssize_t nm_hash_index_next(const struct nm_hash_index *index, uint64_t hash, size_t *position);

#endif
