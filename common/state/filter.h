/* A Bloom filter as text: a set of keys that can tell which keys it does not have. Pure. */
#ifndef NM_STATE_FILTER_H
#define NM_STATE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NM_FILTER_DIGITS_MIN 16
#define NM_FILTER_DIGITS_MAX 4096

/* The key of a property of a record: its kind and its bytes. The same in every version of natmap and on every
 * machine. */
uint64_t nm_filter_key(char kind, const void *bytes, size_t len);

/* Number of digits for a set of n_keys keys: a power of two within the bounds above. */
size_t nm_filter_digits(size_t n_keys);

/* Writes the empty set into n digits. */
void nm_filter_clear(char *digits, size_t n);

void nm_filter_add(char *digits, size_t n, uint64_t key);

/* True when the key was added, and rarely when it was not. n: a result of nm_filter_digits(). */
bool nm_filter_may_have(const char *digits, size_t n, uint64_t key);

#endif
