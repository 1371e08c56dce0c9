/* Tags: the comments by which natmap knows its rules and elements again. Pure. */
#ifndef NM_MODEL_TAG_H
#define NM_MODEL_TAG_H

#include "base/hash.h"
#include "base/port.h"

/* With NUL. nft takes no longer comment than 128 bytes, and then refuses all of the ruleset that has it. */
#define NM_TAG_SIZE 128

/*
 * Writes "natmap:OWNER:PORT", "natmap:OWNER:FIRST-LAST", or "natmap:OWNER" without ports. An owner that would
 * make it longer than NM_TAG_SIZE - 1 is cut and ends in '~' and the 16 hexadecimal digits of nm_hash() of
 * the whole ('~' cannot occur in a container id). Returns buf; "" for owner NULL.
 */
const char *nm_tag_print(const char *owner, struct nm_ports ports, char buf[static NM_TAG_SIZE]);

/* Tags that were read have len bytes without NUL, and are NULL where there is none. */

/* True when nm_tag_print() makes the tag for owner, or an older natmap has, which cut longer ones only;
 * whatever the ports, which only an owner that begins with '@' has not: "natmap:abc:80" is of "abc",
 * "natmap:abcd:80" and "my-natmap:abc:80" are not. */
bool nm_tag_is_of(const char *tag, size_t len, const char *owner);

/* True when natmap makes such a tag, for any owner: "natmap:abc:80", "natmap:@dnat/mail", but not
 * "natmap:abc". */
bool nm_tag_is_ours(const char *tag, size_t len);
/* The same for a container. */
bool nm_tag_is_of_container(const char *tag, size_t len);

/* A hash that all tags of one owner have in common, with ports or without, of this natmap or an older one. */
uint64_t nm_tag_hash(const char *tag, size_t len);

/* Indexes n owners by that hash. 0 with *ret for nm_hash_index_done(), or -1 with *err (memory). */
int nm_tag_index_owners(
	const char *const *owners, size_t n, struct nm_hash_index *ret, struct nm_err *err) NM_MUST_USE;
/* The number of the first owner for which nm_tag_is_of() is true; -1: none of these, whose index it is. */
ssize_t nm_tag_find_owner(
	const struct nm_hash_index *index, const char *const *owners, const char *tag, size_t len);

/* Comment of the tables and chains that natmap has created. */
#define NM_TAG_MADE "natmap:@made"
bool nm_tag_is_made(const char *tag, size_t len);

#endif
