/* Rules as the text of iptables-save, so that people can compare it and feed it back. */
#ifndef NM_IPTABLES_PRINT_H
#define NM_IPTABLES_PRINT_H

#include <stdio.h>

#include "model/rule.h"

#define NM_RULE_STRLEN 1024
/* Prints what iptables -A/-I takes after the table: "-A NATMAP -p tcp -m tcp --dport 8080 -j DNAT ...", in
 * the order and with the words of iptables-save, "-I" for head. Returns buf. */
const char *nm_iptables_print_rule(const struct nm_rule *rule, char buf[static NM_RULE_STRLEN]);

/* Prints all of them, with the chains that they need, as input of iptables-restore and ip6tables-restore;
 * each of the two passes over the other's rules, which begin with -4 or -6: iptables(8). */
void nm_iptables_print(const struct nm_rules *rules, FILE *out);

#endif
