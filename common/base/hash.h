/* A hash, and an index that finds the members of a list by it, however many there are. Pure. */
#ifndef NM_BASE_HASH_H
#define NM_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* FNV-1a, 64 bits (draft-eastlake-fnv): of the bytes behind those that h is the hash of. For ids, which no
 * adversary chooses: they come from the runtime. */
#define NM_HASH_BEGIN UINT64_C(0xcbf29ce484222325)
uint64_t nm_hash(uint64_t h, const void *bytes, size_t len);

struct nm_hash_index {
	struct nm_hash_index_entry {
		uint64_t hash;
		uint32_t number;
	} * v; /* owned */
	size_t n;
};

/* Indexes the members 0 to n - 1 of the list by the hash that the function computes of each. 0 with *ret for
 * nm_hash_index_done(), or -1 with *err (memory). */
int nm_hash_index_make(const void *list, size_t n, uint64_t (*hash)(const void *list, size_t number),
	struct nm_hash_index *ret, struct nm_err *err) NM_MUST_USE;
void nm_hash_index_done(struct nm_hash_index *index);

/* Returns the lowest number with this hash, and the next one when called again with the same *position, which
 * begins as 0. -1: there is no further one. Different members may have the same hash: compare them. */
ssize_t nm_hash_index_next(const struct nm_hash_index *index, uint64_t hash, size_t *position);

#endif
