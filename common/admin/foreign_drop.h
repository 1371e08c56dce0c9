/* What others' chains do with packets that natmap translated: an ACCEPT of ours cannot beat a drop of theirs.
 */
#ifndef NM_ADMIN_FOREIGN_DROP_H
#define NM_ADMIN_FOREIGN_DROP_H

#include <linux/netfilter/nf_tables.h>

#include "host/netlink.h"

/* A base chain on the forward hook that drops them. */
struct nm_foreign_drop {
	uint8_t nfproto; /* NFPROTO_IPV4, NFPROTO_IPV6 or NFPROTO_INET */
	char table[NFT_NAME_MAXLEN], chain[NFT_NAME_MAXLEN];
	bool by_policy; /* else by a rule */
};

typedef int nm_foreign_drop_handler(void *ctx, const struct nm_foreign_drop *chain, struct nm_err *err);

/*
 * Calls handler for each such chain, but for iptables' filter FORWARD, in which natmap has an ACCEPT of its
 * own. Only what the chain itself says counts: an unconditional drop or reject, or the policy drop, unless an
 * accept of everything, or of all that was translated, stands before it. Chains that it jumps to are not
 * followed.
 */
int nm_foreign_drop_each(
	struct nm_netlink *nl, nm_foreign_drop_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

/* The family as nft calls it: "ip", "ip6", "inet". */
const char *nm_foreign_drop_family(const struct nm_foreign_drop *chain);

#define NM_FOREIGN_DROP_STRLEN (2 * NFT_NAME_MAXLEN + 128)
/* Prints the command that lets through what was translated, and nothing else. iptables gives up a table in
 * which nft has put such a rule, so its own tables get one of iptables. Returns buf. */
const char *nm_foreign_drop_command(
	const struct nm_foreign_drop *chain, char buf[static NM_FOREIGN_DROP_STRLEN]);

#endif
