#include "model/rule.h"

#include <string.h>

#include "base/array.h"

int nm_rules_add(struct nm_rules *rules, const struct nm_rule *rule, struct nm_err *err)
{
	if (nm_grow(rules, "preparing the rules", err) < 0)
		return -1;
	rules->v[rules->n++] = *rule;
	return 0;
}

void nm_rules_done(struct nm_rules *rules)
{
	if (!rules)
		return;
	free(rules->v);
	*rules = (struct nm_rules){0};
}

const char *nm_rule_table_name(enum nm_table table)
{
	static const char *const names[NM_TABLE_MAX] = {
		[NM_TABLE_RAW] = "raw",
		[NM_TABLE_MANGLE] = "mangle",
		[NM_TABLE_NAT] = "nat",
		[NM_TABLE_FILTER] = "filter",
	};

	return names[table];
}

const char *nm_rule_chain_name(enum nm_chain chain)
{
	static const char *const names[NM_CHAIN_MAX] = {
		[NM_CHAIN_PREROUTING] = "PREROUTING",
		[NM_CHAIN_INPUT] = "INPUT",
		[NM_CHAIN_OUTPUT] = "OUTPUT",
		[NM_CHAIN_POSTROUTING] = "POSTROUTING",
		[NM_CHAIN_FORWARD] = "FORWARD",
		[NM_CHAIN_DOCKER_USER] = "DOCKER-USER",
		[NM_CHAIN_NATMAP] = "NATMAP",
	};

	return names[chain];
}

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

int nm_rules_index(const struct nm_rules *rules, struct nm_hash_index *ret, struct nm_err *err)
{
	return nm_hash_index_make(rules, rules->n, hash_rule_of, ret, err);
}

ssize_t nm_rules_next(const struct nm_hash_index *index, const struct nm_rule_place *place, const char *tag,
	size_t len, size_t *position)
{
	return nm_hash_index_next(index, hash_rule(place, tag, len), position);
}
