/* A constant rule of natmap's own tables, as the kernel has it. */
#ifndef NM_NFTABLES_CHAIN_RULE_H
#define NM_NFTABLES_CHAIN_RULE_H

#include "nftables/chains.h"

/* Appends it to rules, a struct nm_nftables_rules: an nm_nftables_chain_handler. -1 with *err (memory). */
int nm_nftables_chain_rule_build(
	void *rules, const struct nm_nftables_chain_rule *rule, struct nm_err *err) NM_MUST_USE;

#endif
