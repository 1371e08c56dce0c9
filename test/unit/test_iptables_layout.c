/* iptables/layout.c: all rules of a publication, exactly, as "FAMILY TABLE RULE" a line: DESIGN section 5 as
 * a table.
 */
#include <stdlib.h>

#include "iptables/layout.h"
#include "iptables/layout_network.h"
#include "iptables/print.h"
#include "given_publication.h"
#include "tap.h"

#define N(rows) (sizeof(rows) / sizeof(*(rows)))
enum { TEXT_MAX = 16384 };

static const char *print(const struct nm_rules *rules, char out[static TEXT_MAX])
{
	char rule[NM_RULE_STRLEN];
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < rules->n && used < TEXT_MAX; i++)
		used += (size_t)snprintf(out + used, TEXT_MAX - used, "%c %s %s\n",
			rules->v[i].family == NM_IPV4 ? '4' : '6', nm_rule_table_name(rules->v[i].table),
			nm_iptables_print_rule(&rules->v[i], rule));
	return out;
}

struct row {
	const char *name;
	const struct nm_layout_options *opt;
	const char *ports, *address, *allow, *guard; /* address: a list; allow, guard: NULL for none */
	const char *expected;
	const char *networks; /* further ones; NULL for none */
};

static void run(const struct row *row)
{
	static char got[TEXT_MAX];
	struct given_publication p;
	struct nm_rules rules = {0};
	struct nm_err err;

	if (given_publication(&p, row->ports, row->address, row->networks, row->allow, &err) < 0)
		tap_ok(false, "%s: %s", row->name, err.msg);
	p.pub.restricted = row->allow;
	if (nm_iptables_layout(&p.pub, row->opt, &rules, &err) < 0)
		tap_ok(false, "%s: %s", row->name, err.msg);
	if (row->guard && nm_iptables_layout_guard(row->guard, &rules, &err) < 0)
		tap_ok(false, "%s: %s", row->name, err.msg);
	tap_is(print(&rules, got), row->expected, "%s", row->name);
	nm_rules_done(&rules);
	given_publication_done(&p);
}

static void run_all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run(&rows[i]);
}

#define V4      "172.17.0.2/16"
#define V6      "fd00::2/64"
#define DUAL    V4 "," V6
#define BY(tag) " -m comment --comment \"natmap:web:" tag "\" -j "
#define LOCAL   " -m addrtype --dst-type LOCAL"
#define DNAT_CT " -m conntrack --ctstate DNAT --ctorigdstport "

/* The usual: 8080:80/tcp */
#define TCP   " -p tcp -m tcp --dport "
#define OURS  BY("8080")
#define TO_V4 OURS "DNAT --to-destination 172.17.0.2:80\n"
#define TO_V6 OURS "DNAT --to-destination [fd00::2]:80\n"
#define C4    " -d 172.17.0.2/32" TCP "80" DNAT_CT "8080"
#define C6    " -d fd00::2/128" TCP "80" DNAT_CT "8080"

#define NAT4        "4 nat -A NATMAP" TCP "8080" TO_V4
#define LOCAL4      "4 nat -A OUTPUT -d 127.0.0.1/32" TCP "8080" TO_V4
#define OUTPUT4     "4 nat -A OUTPUT ! -d 127.0.0.0/8" TCP "8080" LOCAL TO_V4
#define HAIRPIN4    "4 nat -I POSTROUTING -s 172.17.0.0/16" C4 OURS "MASQUERADE\n"
#define NETWORK4(n) "4 nat -I POSTROUTING -s " n C4 OURS "MASQUERADE\n"
#define NETWORK6(n) "6 nat -I POSTROUTING -s " n C6 OURS "MASQUERADE\n"
#define LOOPBACK4   "4 nat -I POSTROUTING -s 127.0.0.0/8" C4 OURS "MASQUERADE\n"
#define ALL4        "4 nat -I POSTROUTING" C4 OURS "MASQUERADE\n"
#define FORWARD4    "4 filter -A NATMAP" C4 OURS "ACCEPT\n"
#define NAT6        "6 nat -A NATMAP ! -s fe80::/10" TCP "8080" TO_V6
#define OUTPUT6     "6 nat -A OUTPUT ! -s fe80::/10 ! -d ::1/128" TCP "8080" LOCAL TO_V6
#define HAIRPIN6    "6 nat -I POSTROUTING -s fd00::/64" C6 OURS "MASQUERADE\n"
#define ALL6        "6 nat -I POSTROUTING" C6 OURS "MASQUERADE\n"
#define FORWARD6    "6 filter -A NATMAP" C6 OURS "ACCEPT\n"
#define WILDCARD4   NAT4 LOCAL4 OUTPUT4 HAIRPIN4 LOOPBACK4 FORWARD4
#define WILDCARD6   NAT6 OUTPUT6 HAIRPIN6 FORWARD6

static void test_wildcards(void)
{
	static const struct row rows[] = {
		{"wildcard, dual stack", &defaults, "8080:80", DUAL, NULL, NULL, WILDCARD4 WILDCARD6},
		{"wildcard, container with IPv4 only", &defaults, "8080:80", V4, NULL, NULL, WILDCARD4},
		{"wildcard, container with IPv6 only", &defaults, "8080:80", V6, NULL, NULL, WILDCARD6},
		{"0.0.0.0", &defaults, "0.0.0.0:8080:80", DUAL, NULL, NULL, WILDCARD4},
		{"[::]", &defaults, "[::]:8080:80", DUAL, NULL, NULL, WILDCARD6},
		{"[::], container with IPv4 only", &defaults, "[::]:8080:80", V4, NULL, NULL, ""},
		{"address without prefix", &defaults, "0.0.0.0:8080:80", "172.17.0.2", NULL, NULL,
			NAT4 LOCAL4 OUTPUT4 "4 nat -I POSTROUTING -s 172.17.0.2/32" C4 OURS
					    "MASQUERADE\n" LOOPBACK4 FORWARD4},
		{"localhost off", &no_localhost, "8080:80", DUAL, NULL, NULL,
			NAT4 OUTPUT4 HAIRPIN4 FORWARD4 WILDCARD6},
		{"hairpin off", &no_hairpin, "8080:80", DUAL, NULL, NULL,
			NAT4 LOCAL4 OUTPUT4 LOOPBACK4 FORWARD4 NAT6 OUTPUT6 FORWARD6},
		{"localhost and hairpin off", &neither, "8080:80", DUAL, NULL, NULL,
			NAT4 OUTPUT4 FORWARD4 NAT6 OUTPUT6 FORWARD6},
		{"masquerade_all", &masquerade_all, "8080:80", DUAL, NULL, NULL,
			NAT4 LOCAL4 OUTPUT4 ALL4 FORWARD4 NAT6 OUTPUT6 ALL6 FORWARD6},
		{"further networks", &defaults, "8080:80", DUAL, NULL, NULL,
			NAT4 LOCAL4 OUTPUT4 HAIRPIN4 NETWORK4("10.99.0.0/24") NETWORK4("10.5.0.0/16")
				LOOPBACK4 FORWARD4 NAT6 OUTPUT6 HAIRPIN6 NETWORK6("fd09::/64") FORWARD6,
			"10.99.0.0/24,fd09::/64,10.5.0.0/16"},
		{"further networks, masquerade_all", &masquerade_all, "8080:80", V4, NULL, NULL,
			NAT4 LOCAL4 OUTPUT4 ALL4 FORWARD4, "10.99.0.0/24"},
		{"further networks, hairpin off", &no_hairpin, "8080:80", V4, NULL, NULL,
			NAT4 LOCAL4 OUTPUT4 LOOPBACK4 FORWARD4, "10.99.0.0/24"},
		{"masquerade_all without hairpin has nothing to widen", &masquerade_all_no_hairpin, "8080:80",
			DUAL, NULL, NULL, NAT4 LOCAL4 OUTPUT4 LOOPBACK4 FORWARD4 NAT6 OUTPUT6 FORWARD6},
		{"guard of an interface with route_localnet", &defaults, "8080:80", DUAL, NULL,
			"@localnet/br0",
			WILDCARD4 WILDCARD6 "4 raw -I PREROUTING -d 127.0.0.0/8 -i br0 -m comment --comment "
					    "\"natmap:@localnet/br0\" -j DROP\n"
					    "4 raw -I PREROUTING -s 127.0.0.0/8 -i br0 -m comment --comment "
					    "\"natmap:@localnet/br0\" -j DROP\n"},
	};

	run_all(rows, N(rows));
}

#define AT " -m conntrack --ctstate DNAT --ctorigdst "
#define SPECIFIC4(h)                                                                     \
	"4 nat -I NATMAP -d " h "/32" TCP "8080" TO_V4 "4 nat -A OUTPUT -d " h "/32" TCP \
	"8080" LOCAL TO_V4 HAIRPIN4
#define ACCEPT4(h) "4 filter -A NATMAP -d 172.17.0.2/32" TCP "80" AT h " --ctorigdstport 8080" OURS "ACCEPT\n"
#define GUARD(h)   "4 raw -I PREROUTING -d " h "/32 ! -i lo" TCP "8080" OURS "DROP\n"

static void test_addresses(void)
{
	static const struct row rows[] = {
		{"specific IPv4", &defaults, "192.0.2.1:8080:80", DUAL, NULL, NULL,
			SPECIFIC4("192.0.2.1") ACCEPT4("192.0.2.1")},
		{"specific IPv4, localhost off", &no_localhost, "192.0.2.1:8080:80", DUAL, NULL, NULL,
			SPECIFIC4("192.0.2.1") ACCEPT4("192.0.2.1")},
		{"specific IPv4, container with IPv6 only", &defaults, "192.0.2.1:8080:80", V6, NULL, NULL,
			""},
		{"specific IPv6", &defaults, "[2001:db8::1]:8080:80", DUAL, NULL, NULL,
			"6 nat -I NATMAP ! -s fe80::/10 -d 2001:db8::1/128" TCP "8080" TO_V6
			"6 nat -A OUTPUT ! -s fe80::/10 -d 2001:db8::1/128" TCP "8080" LOCAL TO_V6 HAIRPIN6
			"6 filter -A NATMAP -d fd00::2/128" TCP "80" AT
			"2001:db8::1 --ctorigdstport 8080" OURS "ACCEPT\n"},
		{"127.0.0.1", &defaults, "127.0.0.1:8080:80", DUAL, NULL, NULL,
			GUARD("127.0.0.1") SPECIFIC4("127.0.0.1") LOOPBACK4},
		{"127.0.0.2", &defaults, "127.0.0.2:8080:80", DUAL, NULL, NULL,
			GUARD("127.0.0.2") SPECIFIC4("127.0.0.2") LOOPBACK4},
		{"127.0.0.2, allow does not matter", &defaults, "127.0.0.2:8080:80", V4, "10.0.0.0/8", NULL,
			GUARD("127.0.0.2") SPECIFIC4("127.0.0.2") LOOPBACK4},
		{"127.0.0.2, masquerade_all", &masquerade_all, "127.0.0.2:8080:80", V4, NULL, NULL,
			GUARD("127.0.0.2") "4 nat -I NATMAP -d 127.0.0.2/32" TCP "8080" TO_V4
					   "4 nat -A OUTPUT -d 127.0.0.2/32" TCP "8080" LOCAL TO_V4 ALL4},
		{"two addresses, in the order of the list", &no_hairpin,
			"192.0.2.1:8080:80,192.0.2.2:8080:80", V4, NULL, NULL,
			"4 nat -I NATMAP -d 192.0.2.1/32" TCP "8080" TO_V4
			"4 nat -A OUTPUT -d 192.0.2.1/32" TCP "8080" LOCAL TO_V4 ACCEPT4(
				"192.0.2.1") "4 nat -I NATMAP -d 192.0.2.2/32" TCP "8080" TO_V4
					     "4 nat -A OUTPUT -d 192.0.2.2/32" TCP
					     "8080" LOCAL TO_V4 ACCEPT4("192.0.2.2")},
	};

	run_all(rows, N(rows));
}

#define RANGE    " -p udp -m udp --dport 8000:8010"
#define TO_RANGE BY("8000-8010") "DNAT --to-destination 172.17.0.2:80-90/8000\n"
#define C_RANGE  " -d 172.17.0.2/32 -p udp -m udp --dport 80:90" DNAT_CT "8000:8010" BY("8000-8010")
#define TO_SAME  BY("8000-8010") "DNAT --to-destination 172.17.0.2:8000-8010/8000\n"
#define C_SAME   " -d 172.17.0.2/32" RANGE DNAT_CT "8000:8010" BY("8000-8010")
#define SCTP     " -p sctp -m sctp --dport "
#define TO_SCTP  BY("5000") "DNAT --to-destination 172.17.0.2:5001\n"
#define C_SCTP   " -d 172.17.0.2/32" SCTP "5001" DNAT_CT "5000" BY("5000")

static void test_ports(void)
{
	static const struct row rows[] = {
		{"shifted range, udp", &defaults, "8000-8010:80-90/udp", V4, NULL, NULL,
			"4 nat -A NATMAP" RANGE TO_RANGE "4 nat -A OUTPUT -d 127.0.0.1/32" RANGE TO_RANGE
			"4 nat -A OUTPUT ! -d 127.0.0.0/8" RANGE LOCAL TO_RANGE
			"4 nat -I POSTROUTING -s 172.17.0.0/16" C_RANGE "MASQUERADE\n"
			"4 nat -I POSTROUTING -s 127.0.0.0/8" C_RANGE "MASQUERADE\n"
			"4 filter -A NATMAP" C_RANGE "ACCEPT\n"},
		{"range that is not shifted", &neither, "8000-8010/udp", V4, NULL, NULL,
			"4 nat -A NATMAP" RANGE TO_SAME "4 nat -A OUTPUT ! -d 127.0.0.0/8" RANGE LOCAL TO_SAME
			"4 filter -A NATMAP" C_SAME "ACCEPT\n"},
		{"sctp", &defaults, "5000:5001/sctp", V4, NULL, NULL,
			"4 nat -A NATMAP" SCTP "5000" TO_SCTP "4 nat -A OUTPUT -d 127.0.0.1/32" SCTP
			"5000" TO_SCTP "4 nat -A OUTPUT ! -d 127.0.0.0/8" SCTP "5000" LOCAL TO_SCTP
			"4 nat -I POSTROUTING -s 172.17.0.0/16" C_SCTP "MASQUERADE\n"
			"4 nat -I POSTROUTING -s 127.0.0.0/8" C_SCTP "MASQUERADE\n"
			"4 filter -A NATMAP" C_SCTP "ACCEPT\n"},
	};

	run_all(rows, N(rows));
}

#define BEFORE4   NAT4 LOCAL4 OUTPUT4 HAIRPIN4 LOOPBACK4
#define BEFORE6   NAT6 OUTPUT6 HAIRPIN6
#define FROM4(s)  "4 filter -A NATMAP -s " s C4 OURS "ACCEPT\n"
#define FROM6(s)  "6 filter -A NATMAP -s " s C6 OURS "ACCEPT\n"
#define REST4     "4 filter -A NATMAP" C4 OURS "DROP\n"
#define REST6     "6 filter -A NATMAP" C6 OURS "DROP\n"
#define ACCEPT_AT " -d 172.17.0.2/32" TCP "80" AT "192.0.2.1 --ctorigdstport 8080" OURS

static void test_allow(void)
{
	static const struct row rows[] = {
		{"allow, both families", &defaults, "8080:80", DUAL, "10.1.2.3/8,2001:db8::9/32,192.0.2.7",
			NULL,
			BEFORE4 FROM4("10.0.0.0/8") FROM4("192.0.2.7/32") REST4 BEFORE6 FROM6("2001:db8::/32")
				REST6},
		{"allow of one family closes the other", &defaults, "8080:80", DUAL, "10.0.0.0/8", NULL,
			BEFORE4 FROM4("10.0.0.0/8") REST4 BEFORE6 REST6},
		{"allow nobody", &defaults, "8080:80", DUAL, "", NULL, BEFORE4 REST4 BEFORE6 REST6},
		{"allow everybody", &defaults, "0.0.0.0:8080:80", V4, "0.0.0.0/0", NULL,
			BEFORE4 FORWARD4 REST4},
		{"allow with a specific address", &defaults, "192.0.2.1:8080:80", V4, "10.0.0.0/8", NULL,
			SPECIFIC4("192.0.2.1") "4 filter -A NATMAP -s 10.0.0.0/8" ACCEPT_AT
					       "ACCEPT\n4 filter -A NATMAP" ACCEPT_AT "DROP\n"},
	};

	run_all(rows, N(rows));
}

static void test_base(void)
{
	static char got[TEXT_MAX];
	static const char *const expected[] = {
		"4 filter -I FORWARD -j DOCKER-USER\n"
		"4 filter -A DOCKER-USER -j NATMAP\n"
		"4 nat -A PREROUTING -m addrtype --dst-type LOCAL -j NATMAP\n"
		"4 filter -I NATMAP -m conntrack --ctstate RELATED,ESTABLISHED -m conntrack --ctstate DNAT "
		"-m comment --comment \"natmap:@established\" -j ACCEPT\n",
		"6 filter -I FORWARD -j DOCKER-USER\n"
		"6 filter -A DOCKER-USER -j NATMAP\n"
		"6 nat -A PREROUTING -m addrtype --dst-type LOCAL -j NATMAP\n"
		"6 filter -I NATMAP -m conntrack --ctstate RELATED,ESTABLISHED -m conntrack --ctstate DNAT "
		"-m comment --comment \"natmap:@established\" -j ACCEPT\n",
	};

	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
		struct nm_rules rules = {0};
		struct nm_err err;

		if (nm_iptables_layout_base(1u << f, &rules, &err) < 0)
			tap_ok(false, "%s", err.msg);
		tap_is(print(&rules, got), expected[f], "base, IPv%c", f == NM_IPV4 ? '4' : '6');
		nm_rules_done(&rules);
	}
}

#define TAG "-m comment --comment \"natmap:@network/natmap0\" -j "
#define BRIDGE(f)                                                                        \
	f " mangle -I FORWARD ! -i natmap0 -o natmap0 "                                  \
	  "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT " TAG "DROP\n" f            \
	  " mangle -I NATMAP -i natmap0 " TAG "RETURN\n" f                               \
	  " filter -I NATMAP -i natmap0 -m conntrack ! --ctstate DNAT " TAG "ACCEPT\n" f \
	  " filter -I NATMAP -o natmap0 -m conntrack --ctstate RELATED,ESTABLISHED " TAG "ACCEPT\n"
#define SUBNET(f, subnet)                                                              \
	f " mangle -I FORWARD ! -s " subnet " -i natmap0 ! -o natmap0 " TAG "DROP\n" f \
	  " nat -A POSTROUTING -s " subnet " ! -o natmap0 " TAG "MASQUERADE\n"
#define ISOLATED(f)                                   \
	f " mangle -I FORWARD -i natmap0 -o natmap0 " \
	  "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT " TAG "DROP\n"

static void test_network(void)
{
	static const struct {
		const char *addresses, *expected;
		bool isolated;
	} rows[] = {
		{"10.86.0.5/24", BRIDGE("4") SUBNET("4", "10.86.0.0/24"), false},
		{"fd00:86::5/64", BRIDGE("6") SUBNET("6", "fd00:86::/64"), false},
		{"10.86.0.5/16,fd00:86::5/64",
			BRIDGE("4") SUBNET("4", "10.86.0.0/16") ISOLATED("4") BRIDGE("6")
				SUBNET("6", "fd00:86::/64") ISOLATED("6"),
			true},
		{"", "", false},
	};
	static char got[TEXT_MAX];

	nm_each(row, rows) {
		struct nm_network_part parts[NM_NETWORK_PARTS_MAX];
		struct nm_attachment a = {.isolated = row->isolated};
		struct nm_prefixes list = {0};
		struct nm_rules rules = {0};
		struct nm_err err;
		bool failed = *row->addresses &&
			nm_prefixes_parse(row->addresses, 2, "", NM_ERR_FAILED, &list, &err) < 0;

		memcpy(a.bridge, "natmap0", *row->addresses ? sizeof("natmap0") : 0);
		for (size_t i = 0; i < list.n; i++) {
			a.families |= 1u << list.v[i].addr.family;
			a.address[list.v[i].addr.family] = list.v[i];
		}
		for (size_t i = 0, n = nm_network_parts(&a, parts); i < n; i++) {
			failed |= nm_iptables_layout_network(&parts[i], &rules, &err) < 0;
			for (size_t k = 0; k < i; k++)
				failed |= nm_network_part_equal(&parts[k], &parts[i]);
		}
		for (size_t i = 0; i < rules.n; i++)
			failed |= !nm_iptables_layout_may_have("@network/natmap0",
				&(struct nm_rule_place){
					rules.v[i].family, rules.v[i].table, rules.v[i].chain});
		tap_ok(!failed, "a network of %s is laid out", row->addresses);
		tap_is(print(&rules, got), row->expected, "network of %s", row->addresses);
		nm_rules_done(&rules);
		nm_prefixes_done(&list);
	}
}

int main(void)
{
	test_wildcards();
	test_addresses();
	test_ports();
	test_allow();
	test_base();
	test_network();
	return tap_done();
}
