/*
 * Searches the bytes of a JSON text for what has to be known before it is parsed. One pass, no memory of its
 * own, nothing but comparisons: the text may be hostile, and malformed.
 */
#ifndef NM_INPUT_SCAN_H
#define NM_INPUT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Returns the end of key at p, each character as it is or escaped, NULL when it is not there. */
const char *nm_scan_skip(const char *p, const char *end, const char *key);

/* Returns the first character after the next quotation mark of the text, from p on, that is not escaped;
 * NULL: there is none. A search must not begin at others, or one for the end of a string with many of them
 * would read it as many times. */
const char *nm_scan_string(const char *text, const char *p, const char *end);

/* True when a colon follows the string that goes on at p, or would, were the text not cut short. */
bool nm_scan_is_key(const char *p, const char *end);

/* True when the text has this key, at whatever depth; perhaps also when only its beginning is there. */
bool nm_scan_has(const char *text, size_t len, const char *key);

/*
 * Returns the number that the text, an OCI state, has as its member "pid", at most NM_SCAN_PID_MAX; 0: none.
 * For each text that nm_oci_state_parse() takes with a pid, it is that pid; for others it may be any.
 */
#define NM_SCAN_PID_MAX (1 << 22) /* the kernel's PID_MAX_LIMIT */
pid_t nm_scan_pid(const char *text, size_t len);

#endif
