#include "recorded_rules.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

const struct recorded_rule recorded_rules[] = {
#include "recorded_rules.inc"
	{NULL, NULL, NULL}};

bool recorded_rules_are_of_this_machine(void)
{
	return htole16(1) == 1;
}

size_t recorded_rule_decode(const struct recorded_rule *rule, uint8_t ret[static RECORDED_RULE_SIZE])
{
	const char *text = rule->bytes;
	char digits[3] = "";
	size_t n = 0;

	for (; *text; text += 2) {
		bool zeros = *text == '~';

		text += zeros;
		memcpy(digits, text, 2);
		if (!zeros)
			ret[n++] = (uint8_t)strtoul(digits, NULL, 16);
		for (size_t left = zeros ? strtoul(digits, NULL, 16) : 0; left > 0; left--)
			ret[n++] = 0;
	}
	return n;
}
