/* follow/landmarks.c: ports and addresses of one class are treated alike by every rule, and what rules treat
 * differently is of different classes. */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <stdalign.h>
#include <stdlib.h>

#include "follow/dports.h"
#include "follow/landmarks.h"
#include "recorded_rules.h"
#include "small_ruleset.h"
#include "tap.h"

enum { TEXT_SIZE = 256, PORTS = 65536, STEP = 509, LOW = 256, ADDRESSES = 34 * 256 };

static enum nm_follow_own nobodys(
	const void *ctx, const struct nm_ruleset_chain *chain, const struct nm_ruleset_rule *rule)
{
	(void)ctx;
	(void)chain;
	return rule && !strcmp(rule->tag, "natmap") ? NM_FOLLOW_PASSES : NM_FOLLOW_OTHERS;
}

/* A ruleset of one recorded rule in a chain of FORWARD. */
struct one_rule {
	alignas(8) uint8_t bytes[RECORDED_RULE_SIZE];
	struct nm_ruleset_rule rule;
	struct nm_ruleset_chain chain;
	struct nm_ruleset ruleset;
};

static void make(const struct recorded_rule *row, struct one_rule *ret)
{
	ret->rule =
		(struct nm_ruleset_rule){.expressions = {ret->bytes, recorded_rule_decode(row, ret->bytes)}};
	ret->rule.dports = nm_dports_find(ret->rule.expressions);
	ret->chain = (struct nm_ruleset_chain){.nfproto = NFPROTO_INET,
		.table = "f",
		.name = "c",
		.is_base = true,
		.hook = NF_INET_FORWARD,
		.v = &ret->rule,
		.n = 1};
	ret->ruleset = (struct nm_ruleset){.chains = {&ret->chain, 1, 1}};
}

/* What becomes of a packet to these ports and to this container. */
static struct nm_follow_result ask(
	const struct nm_follow *f, uint16_t host_port, const struct nm_addr *to, uint16_t port)
{
	const struct nm_follow_packet packet = {.family = NM_IPV4,
		.protocol = IPPROTO_TCP,
		.in = {true, 2, "up0"},
		.out = {true, 3, "br0"},
		.first = {.address = {NM_IPV4, {192, 0, 2, 1}}, .port = host_port, .local = true},
		.translated = {.address = *to, .port = port},
		.is_translated = true};
	struct nm_follow_result result;

	nm_follow(f, NF_INET_FORWARD, &packet, &result);
	return result;
}

static bool same(const struct nm_follow_result *a, const struct nm_follow_result *b)
{
	return a->end == b->end && a->is_sure == b->is_sure && a->place.rule == b->place.rule &&
		a->place.element == b->place.element && a->place.chain == b->place.chain;
}

static const struct nm_addr container = {NM_IPV4, {10, 88, 7, 2}};

/* Ports that the class of one before has, and were treated differently. */
static unsigned count_wrong_ports(const struct nm_follow *f, const struct nm_landmarks *l, bool is_host)
{
	struct nm_follow_result of_class = {0};
	unsigned wrong = 0;

	for (uint32_t port = 1; port < PORTS; port++) {
		bool begins = port == 1 ||
			nm_landmarks_port(l, (uint16_t)port) != nm_landmarks_port(l, (uint16_t)(port - 1));
		bool ends = port < PORTS - 1 &&
			nm_landmarks_port(l, (uint16_t)port) != nm_landmarks_port(l, (uint16_t)(port + 1));
		struct nm_follow_result now;

		if (!begins && !ends && port > LOW && (port < 8070 || port > 8090) && port % STEP != 0)
			continue;
		now = ask(f, is_host ? (uint16_t)port : 8080, &container, is_host ? 80 : (uint16_t)port);
		wrong += !begins && !same(&now, &of_class);
		of_class = now;
	}
	return wrong;
}

static unsigned count_wrong_addresses(const struct nm_follow *f, const struct nm_landmarks *l)
{
	struct nm_follow_result before = {0};
	struct nm_addr a = {.family = NM_IPV4}, last = a;
	unsigned wrong = 0;

	for (uint32_t i = 0; i < ADDRESSES; i++) {
		const uint8_t bytes[] = {10, 88, (uint8_t)(i >> 8), (uint8_t)i};
		struct nm_follow_result now;

		memcpy(a.bytes, bytes, sizeof(bytes));
		now = ask(f, 8080, &a, 80);
		wrong += i > 0 && !same(&now, &before) &&
			nm_landmarks_address(l, &a) == nm_landmarks_address(l, &last);
		before = now;
		last = a;
	}
	return wrong;
}

static void check(const struct nm_ruleset *ruleset, const char *what)
{
	const struct nm_follow f = {.ruleset = ruleset, .own = nobodys};
	struct nm_landmarks l = {0};
	struct nm_err err;

	if (!tap_ok(nm_landmarks_find(&f, &l, &err) == 0, "%s", what))
		return;
	tap_ok(count_wrong_ports(&f, &l, false) == 0, "%s: ports of the container", what);
	tap_ok(count_wrong_ports(&f, &l, true) == 0, "%s: ports of the host", what);
	tap_ok(count_wrong_addresses(&f, &l) == 0, "%s: addresses", what);
	nm_landmarks_done(&l);
}

static void test_recorded(void)
{
	static struct one_rule one;

	for (const struct recorded_rule *row = recorded_rules; row->text; row++) {
		make(row, &one);
		check(&one.ruleset, row->text);
	}
}

/* Pairs of ports: "=" of one class, "|" not. Few classes are what makes a host with thousands of ports quick
 * to judge. */
static const struct {
	const char *ruleset, *pairs;
} rows[] = {
	{"", "1=80 80=8080 8080=65535"},
	{"base f fwd 0\nrule dport:80 drop", "1=79 79|80 80|81 81=65535"},
	{"base f fwd 0\nrule dport:65535 drop", "1=65534 65534|65535"},
	{"base f fwd 0\nrule dport:80 drop\nchain c\nrule dport:81 drop", "79|80 80|81 81|82 82=65535"},
	{"base f fwd 0\nrule dport:80 tag:natmap accept", "79=80 80=81"},
	{"base f fwd 0\nrule dport:80 tag:other accept", "79|80 80|81"},
	{"set s 22 80\nbase f fwd 0\nrule in-set:s drop", "21|22 22|23 23=79 79|80 80|81 81=65535"},
	{"map m 70-90=drop\nbase f fwd 0\nrule vmap:m", "69|70 71=90 90|91 92=65535"},
	{"map m *=drop 80=accept\nbase f fwd 0\nrule vmap:m", "79|80 80|81"},
	{"set s 70~90\nbase f fwd 0\nrule in-set:s drop", "69|70 70=90 90|91 91=65535"},
	{"base f fwd 0\nrule not-dports:70-90 drop", "69|70 70=90 90|91 91=65535"},
	{"base f fwd 0\nrule xt-dports:70-90 drop", "69|70 70=90 90|91 91=65535"},
	{"base f fwd 0\nrule accept", "1=65535"},
	{"base f fwd 0\nrule daddr-24:10.88.7.0 daddr:10.88.7.2 drop", "1=65535"},
	{"base f fwd 0\nrule daddr:10.88.9.0 drop\nrule daddr:10.88.7.2 drop\nrule daddr:10.88.8.1 "
	 "drop\nrule daddr:10.88.7.9 drop",
		"1=65535"},
};

static void test_pairs(void)
{
	nm_each(row, rows) {
		struct nm_ruleset r;
		const struct nm_follow f = {.ruleset = &r, .own = nobodys};
		struct nm_landmarks l = {0};
		struct nm_err err;
		const char *p = row->pairs;

		small_ruleset_read(row->ruleset, &r);
		if (!tap_ok(nm_landmarks_find(&f, &l, &err) == 0, "ruleset %zu", (size_t)(row - rows)))
			continue;
		for (; *p; p += strcspn(p, " "), p += *p == ' ') {
			unsigned a, b;
			char relation;

			(void)sscanf(p, "%u%c%u", &a, &relation, &b);
			tap_ok((nm_landmarks_port(&l, (uint16_t)a) == nm_landmarks_port(&l, (uint16_t)b)) ==
					(relation == '='),
				"ports %u %c %u", a, relation, b);
		}
		check(&r, "the same, followed");
		nm_landmarks_done(&l);
		nm_ruleset_done(&r);
	}
}

static bool is_one_class(const struct nm_landmarks *l, const char *a, const char *b)
{
	struct nm_addr x, y;

	return nm_addr_parse(a, strlen(a), &x) == 0 && nm_addr_parse(b, strlen(b), &y) == 0 &&
		nm_landmarks_address(l, &x) == nm_landmarks_address(l, &y);
}

/* Where networks begin and end, of the recorded rules of that text. */
static const struct {
	const char *text, *a, *b;
	bool same;
} addresses[] = {
	{"ip daddr 10.88.7.0/24 reject", "10.88.6.255", "10.88.7.0", false},
	{"ip daddr 10.88.7.0/24 reject", "10.88.7.0", "10.88.7.255", true},
	{"ip daddr 10.88.7.0/24 reject", "10.88.7.255", "10.88.8.0", false},
	{"ip daddr 10.88.7.0/24 reject", "10.88.8.0", "10.90.0.1", true},
	{"ip daddr 10.88.16.0/20 drop", "10.88.15.255", "10.88.16.0", false},
	{"ip daddr 10.88.16.0/20 drop", "10.88.16.0", "10.88.31.255", true},
	{"ip daddr 10.88.16.0/20 drop", "10.88.31.255", "10.88.32.0", false},
	{"ip6 daddr fd00::1 drop", "fd00::", "fd00::1", false},
	{"ip6 daddr fd00::1 drop", "fd00::1", "fd00::2", false},
	{"ip6 daddr fd00::1 drop", "fd00::2", "fd00::ffff", true},
	{"iptables -m iprange --dst-range 10.88.7.1-10.88.7.9 -j DROP", "10.88.7.0", "10.88.7.1", false},
	{"iptables -m iprange --dst-range 10.88.7.1-10.88.7.9 -j DROP", "10.88.7.1", "10.88.7.9", true},
	{"iptables -m iprange --dst-range 10.88.7.1-10.88.7.9 -j DROP", "10.88.7.9", "10.88.7.10", false},
	{"iptables -m conntrack --ctorigdst 192.0.2.9 -j DROP", "192.0.2.8", "192.0.2.9", false},
	{"iptables -m conntrack --ctorigdst 192.0.2.9 -j DROP", "192.0.2.9", "192.0.2.10", false},
	{"iptables -m conntrack --ctorigdst 192.0.2.9 -j DROP", "192.0.2.10", "192.0.3.1", true},
};

static const struct recorded_rule *find_rule(const char *text)
{
	const struct recorded_rule *row = recorded_rules;

	while (row->text && strcmp(row->text, text) != 0)
		row++;
	return row->text ? row : NULL;
}

static void test_addresses(void)
{
	static struct one_rule one;
	const struct nm_follow f = {.ruleset = &one.ruleset, .own = nobodys};

	nm_each(row, addresses) {
		struct nm_landmarks l = {0};
		struct nm_err err;

		if (!tap_ok(find_rule(row->text) != NULL, "there is '%s'", row->text))
			continue;
		make(find_rule(row->text), &one);
		tap_ok(nm_landmarks_find(&f, &l, &err) == 0 && is_one_class(&l, row->a, row->b) == row->same,
			"%s %s %s", row->a, row->same ? "=" : "|", row->b);
		nm_landmarks_done(&l);
	}
}

/* Of thousands of rules each port has a class, and they are found at once. */
static void test_many(void)
{
	enum { RULES = 20000, LINE = 32 };
	char *text = malloc(RULES * LINE), *p = text;
	struct nm_ruleset r;
	const struct nm_follow f = {.ruleset = &r, .own = nobodys};
	struct nm_landmarks l = {0};
	struct nm_err err;

	if (!text)
		exit(2);
	p += sprintf(p, "base f fwd 0");
	for (int i = 1; i <= RULES - 1; i++)
		p += sprintf(p, "\nrule dport:%d drop", i * 3);
	small_ruleset_read(text, &r);
	tap_ok(nm_landmarks_find(&f, &l, &err) == 0 && nm_landmarks_port(&l, PORTS - 1) == 2 * (RULES - 1),
		"%d rules", RULES - 1);
	tap_ok(ask(&f, 8080, &container, 59997).end == NM_FOLLOW_DROPPED &&
			ask(&f, 8080, &container, 59998).end == NM_FOLLOW_THROUGH,
		"and the last of them is found");
	nm_landmarks_done(&l);
	nm_ruleset_done(&r);
	free(text);
}

/* The second part of a key, too. */
static void test_concatenation(void)
{
	static const uint8_t key[] = {10, 88, 7, 2, 0, 80, 0, 0};
	struct nm_ruleset_element e = {.key = key};
	struct nm_ruleset_set set = {.key_size = sizeof(key), .v = &e, .n = 1};
	const struct nm_ruleset r = {.sets = {&set, 1, 1}};
	const struct nm_follow f = {.ruleset = &r, .own = nobodys};
	struct nm_landmarks l = {0};
	struct nm_err err;

	tap_ok(nm_landmarks_find(&f, &l, &err) == 0 &&
			nm_landmarks_port(&l, 79) != nm_landmarks_port(&l, 80) &&
			nm_landmarks_port(&l, 80) != nm_landmarks_port(&l, 81),
		"the port of a concatenation");
	tap_ok(!is_one_class(&l, "10.88.7.1", "10.88.7.2") && !is_one_class(&l, "10.88.7.2", "10.88.7.3"),
		"its address");
	nm_landmarks_done(&l);
}

static void test_none(void)
{
	const struct nm_landmarks none = {0};

	tap_ok(nm_landmarks_port(&none, 80) != nm_landmarks_port(&none, 81),
		"without landmarks ports differ");
	tap_ok(!is_one_class(&none, "10.0.0.1", "10.0.0.2"), "and addresses");
	tap_ok(is_one_class(&none, "10.0.0.1", "10.0.0.1"), "but not from themselves");
}

int main(void)
{
	test_pairs();
	test_many();
	test_concatenation();
	test_none();
	if (!recorded_rules_are_of_this_machine())
		return tap_done();
	test_recorded();
	test_addresses();
	return tap_done();
}
