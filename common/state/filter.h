/* A set of keys as text, to be asked which keys it cannot have. Pure. */
#ifndef NM_STATE_FILTER_H
#define NM_STATE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NM_FILTER_DIGITS_MIN 16
#define NM_FILTER_DIGITS_MAX 4096

/* The key of what these bytes say about a record; kind tells apart what is alike. The same in every version
 * of natmap and on every machine. */
uint64_t nm_filter_key(char kind, const void *bytes, size_t len);

/* How many digits a set of so many keys takes: a power of two within the bounds above. */
size_t nm_filter_digits(size_t n_keys);

/* Makes it the empty set. */
void nm_filter_clear(char *digits, size_t n);

void nm_filter_add(char *digits, size_t n, uint64_t key);

/* False when the key was never added; true when it was, and seldom when it was not. n: as
 * nm_filter_digits() says it. */
bool nm_filter_may_have(const char *digits, size_t n, uint64_t key);

#endif
