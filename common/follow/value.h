/* Values of which some bits are known, and the answers that comparing them gives. Pure. */
#ifndef NM_FOLLOW_VALUE_H
#define NM_FOLLOW_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nm_tri { NM_FALSE, NM_TRUE, NM_UNDECIDED };

/* NM_UNDECIDED stays. */
enum nm_tri nm_value_not(enum nm_tri t);
enum nm_tri nm_value_and(enum nm_tri a, enum nm_tri b);

/* The registers of nf_tables, in bytes: NFT_REG32_COUNT of 4. */
enum { NM_FOLLOW_BYTES = 64 };

struct nm_value {
	uint8_t bytes[NM_FOLLOW_BYTES];
	uint8_t known[NM_FOLLOW_BYTES]; /* bits of bytes that are known */
	bool unnamed[NM_FOLLOW_BYTES];  /* part of a value that is not in any rule */
};

/* Write len bytes at the place: known ones, not known ones, or such as no rule names. */
void nm_value_put(struct nm_value *v, size_t at, const void *bytes, size_t len);
void nm_value_put_unknown(struct nm_value *v, size_t at, size_t len);
void nm_value_put_unnamed(struct nm_value *v, size_t at, size_t len);
void nm_value_copy(struct nm_value *to, size_t at, const struct nm_value *from, size_t from_at, size_t len);

/* Forgets the last bits of len bytes. */
void nm_value_forget(struct nm_value *v, size_t at, size_t len, unsigned bits);

bool nm_value_is_known(const struct nm_value *v, size_t at, size_t len);
bool nm_value_is_unnamed(const struct nm_value *v, size_t at, size_t len);

/* Whether the len bytes are these. */
enum nm_tri nm_value_equal(const struct nm_value *v, size_t at, const void *bytes, size_t len);
/* Whether they are within first and last, numbers with the highest byte first. What no rule names is within
 * all values alone. */
enum nm_tri nm_value_within(
	const struct nm_value *v, size_t at, const void *first, const void *last, size_t len);
/* NFT_CMP_*. */
enum nm_tri nm_value_compare(const struct nm_value *v, size_t at, uint32_t op, const void *bytes, size_t len);

#endif
