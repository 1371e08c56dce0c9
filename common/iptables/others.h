/* What the rules of others in a chain of the layout mean for those of natmap's there, noted while it is read.
 */
#ifndef NM_IPTABLES_OTHERS_H
#define NM_IPTABLES_OTHERS_H

#include "iptables/ends.h"

struct nm_iptables_others {
	bool decide;       /* one has come that may keep packets from those behind it */
	size_t last_index; /* of the last one in the chain; of several bare RETURNs in a row, of the first */
	uint64_t last_handle;
	bool last_is_return;
	struct nm_iptables_ends before,
		behind; /* of chains of nat: before and behind the first of natmap's */
};

/* Notes a rule of another owner; index: its number in the chain; ends: it may end nat, before or behind the
 * first of natmap's. 0, or -1 with *err (memory). */
int nm_iptables_others_note(struct nm_iptables_others *others, const struct nm_nft_rule *rule, size_t index,
	struct nm_iptables_ends *ends, struct nm_err *err) NM_MUST_USE;

void nm_iptables_others_done(struct nm_iptables_others *others);

#endif
