/* What others' chains do with packets that natmap translated: an ACCEPT of ours cannot beat a drop of theirs.
 */
#ifndef NM_ADMIN_FOREIGN_DROP_H
#define NM_ADMIN_FOREIGN_DROP_H

#include <linux/netfilter/nf_tables.h>

#include "host/netlink.h"

/* A base chain on the forward hook that drops them. */
struct nm_nft_foreign {
	uint8_t nfproto; /* NFPROTO_IPV4, NFPROTO_IPV6 or NFPROTO_INET */
	char table[NFT_NAME_MAXLEN], chain[NFT_NAME_MAXLEN];
	bool by_policy; /* else by a rule */
};

typedef int nm_nft_foreign_handler(void *ctx, const struct nm_nft_foreign *chain, struct nm_err *err);

/*
 * Calls handler for each such chain, but for iptables' filter FORWARD, in which natmap has an ACCEPT of its
 * own. Only what the chain itself says counts: an unconditional drop or reject, or the policy drop, unless an
 * accept of everything, or of all that was translated, stands before it. Chains that it jumps to are not
 * followed.
 */
int nm_nft_foreign_each(
	struct nm_netlink *nl, nm_nft_foreign_handler *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

/* The family as nft calls it: "ip", "ip6", "inet". */
const char *nm_nft_foreign_family(const struct nm_nft_foreign *chain);

#define NM_NFT_FOREIGN_STRLEN (2 * NFT_NAME_MAXLEN + 128)
/* Prints the command that lets through what was translated, and nothing else. iptables gives up a table in
 * which nft has put such a rule, so its own tables get one of iptables. Returns buf. */
const char *nm_nft_foreign_command(
	const struct nm_nft_foreign *chain, char buf[static NM_NFT_FOREIGN_STRLEN]);

#endif
