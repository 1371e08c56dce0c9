/* iptables/index.c: found is what is there, in the order of the list, and
 * nothing else. */
#include "iptables/index.h"
#include "tap.h"

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

	while ((i = nm_iptables_index_next_rule(index, &place, tag, strlen(tag), &position)) >= 0)
		used += (size_t)snprintf(got + used, sizeof(got) - used, "%zd ", i);
	tap_is(got, expected, "rules of '%s'", tag);
}

static void test_rules(void)
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
	if (!tap_ok(rc == 0 && nm_iptables_index_rules(&rules, &index, &err) == 0, "an index is made"))
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

static void test_owners(void)
{
	static const char *const owners[] = {"web", "@localnet/br0", "db"};
	static const struct {
		const char *tag;
		bool expected;
	} rows[] = {
		{"natmap:web:80", true},
		{"natmap:db:8000-8010", true},
		{"natmap:@localnet/br0", true},
		{"natmap:web:x", false},
		{"natmap:webs:80", false},
		{"natmap:we:80", false},
		{"natmap:@localnet/br", false},
		{"natmap:@localnet/br0:80", false},
		{"my-natmap:web:80", false},
		{"web:80", false},
		{"", false},
	};
	struct nm_hash_index index, none;
	struct nm_err err;

	if (!tap_ok(nm_iptables_index_owners(owners, 3, &index, &err) == 0 &&
			    nm_iptables_index_owners(NULL, 0, &none, &err) == 0,
		    "indexes are made"))
		return;
	nm_each(row, rows) {
		tap_ok(nm_iptables_index_has_owner(&index, owners, row->tag, strlen(row->tag)) ==
				row->expected,
			"'%s'", row->tag);
		tap_ok(!nm_iptables_index_has_owner(&none, NULL, row->tag, strlen(row->tag)),
			"and it is nobody's");
	}
	nm_hash_index_done(&index);
	nm_hash_index_done(&none);
}

int main(void)
{
	test_rules();
	test_owners();
	return tap_done();
}
