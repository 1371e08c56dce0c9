/* Looking a value up in a set. Pure. */
#ifndef NM_FOLLOW_SET_H
#define NM_FOLLOW_SET_H

#include "follow/ruleset.h"
#include "follow/value.h"

/* Whether the set (NULL: one that is not known) has the bytes of *v at that place as key; *ret is the
 * element, borrowed, NULL unless NM_TRUE. */
enum nm_tri nm_follow_set_find(const struct nm_ruleset_set *set, const struct nm_value *v, size_t at,
	const struct nm_ruleset_element **ret);

#endif
