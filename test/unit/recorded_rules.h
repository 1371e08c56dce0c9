/* Rules of nft and iptables as a kernel shows them: recorded_rules.inc. */
#ifndef NM_RECORDED_RULES_H
#define NM_RECORDED_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recorded_rule {
	const char *text, *expected, *bytes; /* bytes: for recorded_rule_decode() */
};

extern const struct recorded_rule recorded_rules[]; /* ends with text == NULL */

enum { RECORDED_RULE_SIZE = 4096 };

/* The order of bytes is that of the machine that they were recorded on. */
bool recorded_rules_are_of_this_machine(void);

/* Writes the rule's expressions, and returns their length. */
size_t recorded_rule_decode(const struct recorded_rule *rule, uint8_t ret[static RECORDED_RULE_SIZE]);

#endif
