/* iptables/print.c: rules as text. */
#include <stdlib.h>

#include "iptables/print.h"
#include "tap.h"

#define V4(a, b, c, d, bits)                          \
	{                                             \
		.addr = {NM_IPV4, {a, b, c, d}}, bits \
	}
#define V6(last, bits)                                                           \
	{                                                                        \
		.addr = {NM_IPV6, {0x20, 0x01, 0x0d, 0xb8, [15] = (last)}}, bits \
	}

static void test_matches(void)
{
	static const struct nm_ports multiport[] = {{25, 25}, {465, 465}, {8000, 8010}};
	static const struct {
		struct nm_rule rule;
		const char *expected;
	} rows[] = {
		{{.chain = NM_CHAIN_FORWARD, .verdict = NM_VERDICT_ACCEPT}, "-A FORWARD -j ACCEPT"},
		{{.chain = NM_CHAIN_OUTPUT, .verdict = NM_VERDICT_DROP}, "-A OUTPUT -j DROP"},
		{{.chain = NM_CHAIN_DOCKER_USER, .verdict = NM_VERDICT_RETURN}, "-A DOCKER-USER -j RETURN"},
		{{.chain = NM_CHAIN_FORWARD,
			 .place = NM_PLACE_HEAD,
			 .verdict = NM_VERDICT_JUMP,
			 .target = NM_CHAIN_DOCKER_USER},
			"-I FORWARD -j DOCKER-USER"},
		{{.chain = NM_CHAIN_NATMAP, .in_if = "lo"}, "-A NATMAP -i lo -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .in_if = "lo", .not_in_if = true}, "-A NATMAP ! -i lo -j ACCEPT"},
		{{.chain = NM_CHAIN_POSTROUTING, .out_if = "eth0"}, "-A POSTROUTING -o eth0 -j ACCEPT"},
		{{.chain = NM_CHAIN_POSTROUTING, .place = NM_PLACE_AFTER_HEAD, .in_if = "a", .out_if = "b"},
			"-I POSTROUTING -i a -o b -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .src = V4(10, 1, 2, 3, 32)},
			"-A NATMAP -s 10.1.2.3/32 -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .src = V4(10, 1, 2, 3, 24), .not_src = true},
			"-A NATMAP ! -s 10.1.2.0/24 -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .src = V4(10, 1, 2, 3, 0)}, "-A NATMAP -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .src = V6(1, 128), .dst = V6(2, 64), .not_dst = true},
			"-A NATMAP -s 2001:db8::1/128 ! -d 2001:db8::/64 -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .protocol = IPPROTO_UDP}, "-A NATMAP -p udp -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .protocol = IPPROTO_TCP, .dports = {80, 80}},
			"-A NATMAP -p tcp -m tcp --dport 80 -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .protocol = IPPROTO_SCTP, .dports = {1, 65535}},
			"-A NATMAP -p sctp -m sctp --dport 1:65535 -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP,
			 .protocol = IPPROTO_UDP,
			 .multiport = multiport,
			 .n_multiport = 3},
			"-A NATMAP -p udp -m multiport --dports 25,465,8000:8010 -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP,
			 .in_if = "eth0",
			 .protocol = IPPROTO_TCP,
			 .multiport = multiport,
			 .n_multiport = 2,
			 .dst_local = true,
			 .owner = "@dnat/mail"},
			"-A NATMAP -i eth0 -p tcp -m multiport --dports 25,465 -m addrtype --dst-type LOCAL "
			"-m comment --comment \"natmap:@dnat/mail\" -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .dst_local = true},
			"-A NATMAP -m addrtype --dst-type LOCAL -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .ct_established = true},
			"-A NATMAP -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .ct_dnat = true},
			"-A NATMAP -m conntrack --ctstate DNAT -j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP,
			 .ct_dnat = true,
			 .ct_orig_dports = {80, 89},
			 .ct_orig_dst = V6(1, 128)},
			"-A NATMAP -m conntrack --ctstate DNAT --ctorigdst 2001:db8::1 --ctorigdstport 80:89 "
			"-j ACCEPT"},
		{{.chain = NM_CHAIN_NATMAP, .ct_orig_dports = {80, 80}}, "-A NATMAP -j ACCEPT"},
		{{.place = NM_PLACE_HEAD,
			 .chain = NM_CHAIN_PREROUTING,
			 .src = V4(10, 0, 0, 0, 8),
			 .dst = V4(192, 0, 2, 1, 32),
			 .in_if = "eth0",
			 .protocol = IPPROTO_TCP,
			 .dports = {80, 81},
			 .dst_local = true,
			 .ct_established = true,
			 .ct_dnat = true,
			 .ct_orig_dports = {8080, 8080},
			 .owner = "c",
			 .owner_ports = {8080, 8081},
			 .verdict = NM_VERDICT_DROP},
			"-I PREROUTING -s 10.0.0.0/8 -d 192.0.2.1/32 -i eth0 -p tcp -m tcp --dport 80:81 "
			"-m addrtype --dst-type LOCAL -m conntrack --ctstate RELATED,ESTABLISHED "
			"-m conntrack --ctstate DNAT --ctorigdstport 8080 "
			"-m comment --comment \"natmap:c:8080-8081\" -j DROP"},
	};
	char buf[NM_RULE_STRLEN];

	nm_each(row, rows)
		tap_is(nm_iptables_print_rule(&row->rule, buf), row->expected, "%s", buf);
}

static void test_targets(void)
{
	static const struct {
		struct nm_rule rule;
		const char *expected;
	} rows[] = {
		{{.verdict = NM_VERDICT_MASQUERADE}, "MASQUERADE"},
		{{.verdict = NM_VERDICT_JUMP, .target = NM_CHAIN_NATMAP}, "NATMAP"},
		{{.verdict = NM_VERDICT_DNAT, .to = {NM_IPV4, {10, 0, 0, 2}}},
			"DNAT --to-destination 10.0.0.2"},
		{{.verdict = NM_VERDICT_DNAT, .to = {NM_IPV4, {10, 0, 0, 2}}, .to_ports = {80, 80}},
			"DNAT --to-destination 10.0.0.2:80"},
		{{.verdict = NM_VERDICT_DNAT, .to = {NM_IPV6, {0xfd, [15] = 2}}},
			"DNAT --to-destination fd00::2"},
		{{.verdict = NM_VERDICT_DNAT, .to = {NM_IPV6, {0xfd, [15] = 2}}, .to_ports = {80, 80}},
			"DNAT --to-destination [fd00::2]:80"},
		{{.verdict = NM_VERDICT_DNAT, .dports = {80, 90}, .to = {NM_IPV4, {10, 0, 0, 2}}},
			"DNAT --to-destination 10.0.0.2"},
		{{.verdict = NM_VERDICT_SNAT, .to = {NM_IPV4, {10, 0, 0, 2}}}, "SNAT --to-source 10.0.0.2"},
		{{.verdict = NM_VERDICT_SNAT, .to = {NM_IPV6, {0xfd, [15] = 2}}}, "SNAT --to-source fd00::2"},
	};
	static const struct nm_rule shifted = {.protocol = IPPROTO_TCP,
		.dports = {8000, 8010},
		.verdict = NM_VERDICT_DNAT,
		.to = {NM_IPV4, {10, 0, 0, 2}},
		.to_ports = {80, 90}};
	char buf[NM_RULE_STRLEN];

	nm_each(row, rows)
		tap_is(strstr(nm_iptables_print_rule(&row->rule, buf), " -j ") + strlen(" -j "),
			row->expected, "%s", buf);
	tap_is(nm_iptables_print_rule(&shifted, buf),
		"-A PREROUTING -p tcp -m tcp --dport 8000:8010 -j DNAT --to-destination "
		"10.0.0.2:80-90/8000",
		"shifted range");
}

int main(void)
{
	test_matches();
	test_targets();
	return tap_done();
}
