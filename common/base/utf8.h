/* UTF-8 (RFC 3629). Pure. */
#ifndef NM_BASE_UTF8_H
#define NM_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decodes the character at text, of which there are len > 0 bytes. Returns its size in bytes, 0 when it is
 * not valid UTF-8. */
size_t nm_utf8_decode(const char *text, size_t len, uint32_t *ret);

#endif
