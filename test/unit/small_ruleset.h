/*
 * Rulesets written as text, for what follows packets through them. A line is one of
 *
 * - table ip|ip6|inet NAME
 * - base NAME pre|out|fwd|post PRIORITY [nat] [drop]: a base chain, and its policy
 * - chain NAME
 * - rule WORD...: of the last chain; handles count from 1 in each
 * - set NAME KEY...: of ports; A-B an interval, A~B a range, for all elements
 * - map NAME KEY=VERDICT...: the same, to verdicts; *: all other keys
 *
 * Words of a rule: dport:N not-dports:A-B xt-dports:A-B daddr:IPV4 daddr-24:IPV4 mark:N set-mark:N
 * new (to conntrack), perhaps (an expression that nobody knows), in-set:SET vmap:MAP dnat:IPV4:PORT masq
 * tag:NAME times:N (that rule N times), and verdicts: accept drop return continue jump:CHAIN goto:CHAIN.
 */
#ifndef NM_SMALL_RULESET_H
#define NM_SMALL_RULESET_H

#include "follow/ruleset.h"

/* Ends the program on a mistake in the text. *ret is for nm_ruleset_done(). */
void small_ruleset_read(const char *text, struct nm_ruleset *ret);

#endif
