#include "iptables/index.h"

#include <string.h>

static uint64_t hash_rule(const struct nm_rule_place *place, const char *tag, size_t len)
{
	uint8_t where[] = {(uint8_t)place->family, (uint8_t)place->table, (uint8_t)place->chain};

	return nm_hash(nm_hash(NM_HASH_BEGIN, where, sizeof(where)), tag, len);
}

static uint64_t hash_rule_of(const void *rules, size_t i)
{
	const struct nm_rule *r = &((const struct nm_rules *)rules)->v[i];
	struct nm_rule_place place = {r->family, r->table, r->chain};
	char tag[NM_TAG_SIZE];

	nm_tag_print(r->owner, r->owner_ports, tag);
	return hash_rule(&place, tag, strlen(tag));
}

int nm_iptables_index_rules(const struct nm_rules *rules, struct nm_hash_index *ret, struct nm_err *err)
{
	return nm_hash_index_make(rules, rules->n, hash_rule_of, ret, err);
}

ssize_t nm_iptables_index_next_rule(const struct nm_hash_index *index, const struct nm_rule_place *place,
	const char *tag, size_t len, size_t *position)
{
	return nm_hash_index_next(index, hash_rule(place, tag, len), position);
}

static uint64_t hash_owner_of(const void *owners, size_t i)
{
	static const struct nm_ports no_ports;
	char tag[NM_TAG_SIZE];

	nm_tag_print(((const char *const *)owners)[i], no_ports, tag);
	return nm_tag_hash(tag, strlen(tag));
}

int nm_iptables_index_owners(
	const char *const *owners, size_t n, struct nm_hash_index *ret, struct nm_err *err)
{
	return nm_hash_index_make(owners, n, hash_owner_of, ret, err);
}

bool nm_iptables_index_has_owner(
	const struct nm_hash_index *index, const char *const *owners, const char *tag, size_t len)
{
	size_t position = 0;
	ssize_t i;

	while (index->n && (i = nm_hash_index_next(index, nm_tag_hash(tag, len), &position)) >= 0)
		if (nm_tag_is_of(tag, len, owners[i]))
			return true;
	return false;
}
