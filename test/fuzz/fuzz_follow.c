/* One rule of others, by its expressions, and what it makes of a packet. */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <stdalign.h>
#include <string.h>

#include "follow/rule.h"
#include "../unit/given_packet.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
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
