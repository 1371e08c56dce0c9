#include "model/rule.h"

#include "tap.h"

static void test_names(void)
{
	static const char *const tables[] = {"raw", "mangle", "nat", "filter"};
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

enum { MANY = 1000 };

static struct nm_rule rule(enum nm_chain chain, const char *owner, uint16_t port)
{
	return (struct nm_rule){
		.table = NM_TABLE_NAT, .chain = chain, .owner = owner, .owner_ports = {port, port}};
}

static void find(
	const struct nm_hash_index *index, enum nm_chain chain, const char *tag, const char *expected)
{
	const struct nm_rule_place place = {NM_IPV4, NM_TABLE_NAT, chain};
	size_t position = 0, used = 0;
	char got[64] = "";
	ssize_t i;

	while ((i = nm_rules_next(index, &place, tag, strlen(tag), &position)) >= 0)
		used += (size_t)snprintf(got + used, sizeof(got) - used, "%zd ", i);
	tap_is(got, expected, "rules of '%s'", tag);
}

static void test_index(void)
{
	struct nm_hash_index index;
	struct nm_rules rules = {0};
	struct nm_err err;
	int rc = 0;

	for (uint16_t i = 1; i <= MANY && rc == 0; i++) {
		struct nm_rule r = rule(NM_CHAIN_NATMAP, "web", i);

		rc = nm_rules_add(&rules, &r, &err);
	}
	for (int i = 0; i < 2 && rc == 0; i++) {
		struct nm_rule r = rule(NM_CHAIN_OUTPUT, "web", 7);

		rc = nm_rules_add(&rules, &r, &err);
	}
	if (!tap_ok(rc == 0 && nm_rules_index(&rules, &index, &err) == 0, "an index is made"))
		return;
	find(&index, NM_CHAIN_NATMAP, "natmap:web:1", "0 ");
	find(&index, NM_CHAIN_NATMAP, "natmap:web:1000", "999 ");
	find(&index, NM_CHAIN_NATMAP, "natmap:web:1001", "");
	find(&index, NM_CHAIN_OUTPUT, "natmap:web:7", "1000 1001 ");
	find(&index, NM_CHAIN_POSTROUTING, "natmap:web:7", "");
	find(&index, NM_CHAIN_NATMAP, "", "");
	nm_hash_index_done(&index);
	nm_rules_done(&rules);
}

int main(void)
{
	test_names();
	test_list();
	test_index();
	return tap_done();
}
