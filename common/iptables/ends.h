/*
 * Rules of others that end iptables' nat for every packet before those that stand behind them come: an
 * ACCEPT, or a jump that leads to one, as firewalld has them. Pure but for nm_iptables_ends_follow().
 */
#ifndef NM_IPTABLES_ENDS_H
#define NM_IPTABLES_ENDS_H

#include "nft/rules.h"

struct nm_iptables_ends {
	bool accepts; /* an ACCEPT has come */
	struct nm_iptables_ends_chain {
		char name[NFT_NAME_MAXLEN];
	} * v; /* owned; chains to which every packet jumps */
	size_t n, capacity;
};

/* True when such rules have been noted, whatever they lead to. */
bool nm_iptables_ends_may(const struct nm_iptables_ends *ends);

/* Notes such a rule; does nothing with others. 0, or -1 with *err (memory). */
int nm_iptables_ends_note(
	struct nm_iptables_ends *ends, const struct nm_nft_rule *rule, struct nm_err *err) NM_MUST_USE;

/* Sets *ret: a packet of the family that passes these rules does not come back. Reads the chains that they
 * lead to, which are added. Interrupted as nm_nft_dump(). */
int nm_iptables_ends_follow(struct nm_netlink *nl, enum nm_family family, struct nm_iptables_ends *ends,
	bool *ret, struct nm_err *err) NM_MUST_USE;

void nm_iptables_ends_done(struct nm_iptables_ends *ends);

#endif
