/* Finds chains of others that drop packets natmap has translated, whatever natmap accepts. */
#ifndef NM_ADMIN_FOREIGN_DROP_H
#define NM_ADMIN_FOREIGN_DROP_H

#include <linux/netfilter/nf_tables.h>

#include "host/netlink.h"

/* A base chain on the forward hook. */
struct nm_foreign_drop {
	uint8_t nfproto; /* NFPROTO_IPV4, NFPROTO_IPV6 or NFPROTO_INET */
	char table[NFT_NAME_MAXLEN], chain[NFT_NAME_MAXLEN];
	bool by_policy; /* drops by its policy, else by a rule */
};

typedef int nm_foreign_drop_handler(void *ctx, const struct nm_foreign_drop *chain, struct nm_err *err);

/*
 * Calls handler for each chain that drops them by an unconditional drop or reject, or by its policy, unless a
 * rule before accepts everything, or all translated packets. Jumps are not followed. iptables' FORWARD of
 * table filter is left out: natmap has an ACCEPT there.
 */
int nm_foreign_drop_each(
	struct nm_netlink *nl, nm_foreign_drop_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

/* The family as nft calls it: "ip", "ip6", "inet". */
const char *nm_foreign_drop_family(const struct nm_foreign_drop *chain);

#define NM_FOREIGN_DROP_STRLEN (2 * NFT_NAME_MAXLEN + 128)
/* Prints the command that inserts an accept for translated packets. iptables cannot read a table with such a
 * rule by nft, so its own tables get one by iptables. Returns buf. */
const char *nm_foreign_drop_command(
	const struct nm_foreign_drop *chain, char buf[static NM_FOREIGN_DROP_STRLEN]);

#endif
