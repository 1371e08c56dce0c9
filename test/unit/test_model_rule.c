#include "model/rule.h"

#include "tap.h"

static void test_names(void)
{
	static const char *const tables[] = {"raw", "nat", "filter"};
	static const char *const chains[] = {
		"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING", "FORWARD", "DOCKER-USER", "NATMAP"};

	for (enum nm_table t = NM_TABLE_RAW; t < NM_TABLE_MAX; t++)
		tap_is(nm_rule_table_name(t), tables[t], "table %s", tables[t]);
	for (enum nm_chain c = NM_CHAIN_PREROUTING; c < NM_CHAIN_MAX; c++)
		tap_is(nm_rule_chain_name(c), chains[c], "chain %s", chains[c]);
}

static void test_list(void)
{
	struct nm_rules rules = {0};
	struct nm_err err;
	bool in_order = true;

	for (unsigned i = 1; i <= 1000; i++)
		if (nm_rules_add(&rules, &(struct nm_rule){.dports = {(uint16_t)i, 0}}, &err) < 0)
			tap_ok(false, "%s", err.msg);
	for (size_t i = 0; i < rules.n; i++)
		in_order &= rules.v[i].dports.first == i + 1;
	tap_ok(rules.n == 1000 && in_order, "rules stay in order");
	nm_rules_done(&rules);
	tap_ok(!rules.v && !rules.n && !rules.capacity, "and are gone afterwards");
}

int main(void)
{
	test_names();
	test_list();
	return tap_done();
}
