/* One change of what is published: some records leave, one may come. The kernel's side of publish and
 * withdraw. */
#ifndef NM_CHANGE_H
#define NM_CHANGE_H

#include "config.h"
#include "netlink.h"
#include "settings.h"
#include "state.h"

struct nm_change {
	struct nm_state *state;
	struct nm_netlink *nl;                   /* NETLINK_NETFILTER */
	const struct nm_record *coming;          /* NULL: none */
	const struct nm_layout_options *options; /* for coming */
	struct nm_records leaving;               /* owned */
	struct nm_records staying; /* owned; others that share host ports or settings with these two */
};

/*
 * Looks up what else shares with leaving, and makes rules and settings so: in one transaction the rules of
 * leaving go and those of coming are there; settings that nobody else needs any more are switched off, those
 * that coming needs on, each on its side of the transaction. Rules that coming has already stay as they are.
 * 0, or -1 with *err, and then the rules of leaving still stand, or, when *ret_committed is set, those of
 * coming do.
 */
int nm_change_apply(struct nm_change *change, bool *ret_committed, struct nm_err *err) NM_MUST_USE;

/* Appends the rules that the record needs in the iptables layout. They borrow from r and localnet_owner. */
int nm_change_rules(const struct nm_record *r, const struct nm_layout_options *options,
	char localnet_owner[static NM_LOCALNET_OWNER_SIZE], struct nm_rules *ret,
	struct nm_err *err) NM_MUST_USE;

/* Deletes the flows that the change has made stale: UDP that came for coming's host ports before, and
 * whatever was translated to leaving. After the lock has been released; IPv6 within milliseconds of the exit
 * (nm_linger_defer()). A failure is a notice. */
void nm_change_forget_flows(const struct nm_change *change);

void nm_change_done(struct nm_change *change);

#endif
