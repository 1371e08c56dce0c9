/* One rule of others, by its expressions, and what it makes of a packet. */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <stdalign.h>
#include <string.h>

#include "follow/rule.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct nm_follow_packet packet = {.family = NM_IPV4,
		.protocol = IPPROTO_TCP,
		.in = {true, 2, "up0"},
		.out = {true, 3, "br0"},
		.first = {.address = {NM_IPV4, {192, 0, 2, 1}}, .port = 8080, .local = true},
		.translated = {.address = {NM_IPV4, {10, 88, 7, 2}}, .port = 80},
		.is_translated = true};
	static const struct nm_ruleset_chain chain = {.nfproto = NFPROTO_INET, .table = "f", .name = "c"};
	static const struct nm_ruleset ruleset;
	static alignas(8) uint8_t bytes[4096];
	const struct nm_ruleset_rule rule = {
		.expressions = {bytes, size < sizeof(bytes) ? size : sizeof(bytes)}};
	struct nm_follow_action action;
	struct nm_follow_state s;

	memcpy(bytes, data, rule.expressions.len);
	nm_follow_packet_begin(&s, &packet, NF_INET_FORWARD);
	s.is_tracked = true;
	(void)nm_follow_rule(&s, &ruleset, &chain, &rule, &action);
	return 0;
}
