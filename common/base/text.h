/* Text: put together in a buffer, and taken apart into numbers, list elements and characters. Pure. */
#ifndef NM_BASE_TEXT_H
#define NM_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct nm_text {
	char *buf; /* borrowed, NUL-terminated after the first nm_text_put() */
	size_t size, used;
};

/* Appends; cuts off what does not fit. */
void nm_text_put(struct nm_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Parses a decimal number of at most max, without sign, blanks or leading zeros. 0, or -1 for anything else.
 */
int nm_text_number(const char *text, size_t len, uint64_t max, uint64_t *ret) NM_MUST_USE;

/* Number of elements of a comma-separated list: one more than commas. */
size_t nm_text_list_count(const char *text);

/* How often c is in these bytes. */
size_t nm_text_count(const char *text, size_t len, char c);

/* Takes the first element off the comma-separated list *text, which becomes NULL after the last one. Returns
 * the element (borrowed, *ret_len bytes) without the blanks around it, NULL when *text is NULL. */
const char *nm_text_list_next(const char **text, size_t *ret_len);

#define NM_TEXT_WORD_SIZE 1024
/* Quotes text as one word for the shell, cut to size. Returns buf. */
const char *nm_text_word(const char *text, char buf[static NM_TEXT_WORD_SIZE]);

/* Decodes the UTF-8 (RFC 3629) character at text, of which there are len > 0 bytes. Returns its size in
 * bytes, 0 when it is not valid UTF-8. */
size_t nm_text_decode(const char *text, size_t len, uint32_t *ret);

#endif
