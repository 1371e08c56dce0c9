/* follow/rule.c: what rules of nft and iptables make of one packet, translated by natmap, on its way through
 * the FORWARD chain. */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <stdalign.h>

#include "follow/rule.h"
#include "recorded_rules.h"
#include "given_packet.h"
#include "tap.h"

enum { TEXT_SIZE = 512 };

static const char *print(enum nm_tri matches, const struct nm_follow_action *a, char buf[static TEXT_SIZE])
{
	static const char *const acts[] = {[NM_FOLLOW_GOES_ON] = "goes on",
		[NM_FOLLOW_ACCEPTS] = "accepts",
		[NM_FOLLOW_DROPS] = "drops",
		[NM_FOLLOW_RETURNS] = "returns",
		[NM_FOLLOW_JUMPS] = "jumps to ",
		[NM_FOLLOW_GOES_TO] = "goes to ",
		[NM_FOLLOW_SENDS_ELSEWHERE] = "sends to "};
	char address[NM_ADDR_STRLEN] = "?";

	if (matches == NM_FALSE)
		return "no";
	if (a->to_address)
		(void)nm_addr_print(&a->address, address);
	(void)snprintf(
		buf, TEXT_SIZE, "%s%s%s", matches == NM_UNDECIDED ? "perhaps " : "", acts[a->act], a->chain);
	if (a->act == NM_FOLLOW_SENDS_ELSEWHERE)
		(void)snprintf(buf, TEXT_SIZE, "sends to %s, %u", a->to_host ? "host" : address, a->port);
	return buf;
}

/* As no kernel writes it. */
static void test_without_data(void)
{
	static const struct nm_ruleset_chain chain = {.nfproto = NFPROTO_INET, .table = "f", .name = "c"};
	static const struct nm_ruleset ruleset;
	static const alignas(8) uint8_t bytes[] = "\x14\0\1\0\x0e\0\1\0immediate\0\0";
	const struct nm_ruleset_rule rule = {.expressions = {bytes, 20}};
	struct nm_follow_action action;
	struct nm_follow_state s;
	char text[TEXT_SIZE];

	nm_follow_packet_begin(&s, &packet, NF_INET_FORWARD);
	tap_is(print(nm_follow_rule(&s, &ruleset, &chain, &rule, &action), &action, text), "goes on",
		"immediate, without data");
}

int main(void)
{
	static const struct nm_ruleset_chain chain = {.nfproto = NFPROTO_INET, .table = "f", .name = "c"};
	static const struct nm_ruleset ruleset;
	alignas(8) uint8_t bytes[RECORDED_RULE_SIZE];
	struct nm_follow_action action;
	struct nm_follow_state s;
	char text[TEXT_SIZE];

	if (!recorded_rules_are_of_this_machine()) {
		tap_ok(true, "the rules are those of a little-endian machine");
		return tap_done();
	}
	for (const struct recorded_rule *row = recorded_rules; row->text; row++) {
		const struct nm_ruleset_rule rule = {
			.expressions = {bytes, recorded_rule_decode(row, bytes)}};
		enum nm_tri matches;

		nm_follow_packet_begin(&s, &packet, NF_INET_FORWARD);
		s.is_tracked = true;
		matches = nm_follow_rule(&s, &ruleset, &chain, &rule, &action);
		tap_is(print(matches, &action, text), row->expected, "%s", row->text);
	}
	test_without_data();
	return tap_done();
}
