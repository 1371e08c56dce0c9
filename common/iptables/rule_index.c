/* The hash is of the place and the comment. */
#include "iptables/rule_index.h"

#include <string.h>

static uint64_t hash(const struct nm_rule_place *place, const char *tag, size_t len)
{
	uint8_t where[] = {(uint8_t)place->family, (uint8_t)place->table, (uint8_t)place->chain};

	return nm_hash(nm_hash(NM_HASH_BEGIN, where, sizeof(where)), tag, len);
}

static uint64_t hash_rule(const void *rules, size_t i)
{
	const struct nm_rule *r = &((const struct nm_rules *)rules)->v[i];
	struct nm_rule_place place = {r->family, r->table, r->chain};
	char tag[NM_TAG_SIZE];

	nm_rule_tag(r, tag);
	return hash(&place, tag, strlen(tag));
}

int nm_iptables_rule_index_make(const struct nm_rules *rules, struct nm_hash_index *ret, struct nm_err *err)
{
	return nm_hash_index_make(rules, rules->n, hash_rule, ret, err);
}

ssize_t nm_iptables_rule_index_next(const struct nm_hash_index *index, const struct nm_rule_place *place,
	const char *tag, size_t len, size_t *position)
{
	return nm_hash_index_next(index, hash(place, tag, len), position);
}
