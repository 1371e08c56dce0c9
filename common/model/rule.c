#include "model/rule.h"

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
