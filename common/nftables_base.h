/* The constant part of the nftables layout: tables, chains, and the rules that look elements up; and the
 * static rules, in chains of their own. */
#ifndef NM_NFTABLES_BASE_H
#define NM_NFTABLES_BASE_H

#include "nft_txn.h"
#include "nftables_layout.h"
#include "nftables_rule.h"

#define NM_NFTABLES_TABLE "natmap"

/* Set in a packet's mark while it passes the FORWARD chains, when it belongs to a published port: the ACCEPT
 * in DOCKER-USER goes by it. The bit is none that Kubernetes, CNI, Calico or tailscale document. */
#define NM_NFTABLES_MARK 0x01000000u

/* The chains, ended by NULL. */
extern const char *const nm_own_chains[];
/* True for the chains of static rules. */
bool nm_own_chain_is_static(const char *chain);

/* Appends the rules that every table has, and those for the prefix lengths. */
int nm_nftables_base(enum nm_family family, const struct nm_own_lens *lens, struct nm_own_rules *ret,
	struct nm_err *err) NM_MUST_USE;

/* Marks the prefix length that the comment is of a rule for: "natmap:@masquerade/24"; others are passed over.
 */
void nm_nftables_read_len(const char *tag, size_t tag_len, struct nm_own_lens *lens);

/* Appends the static rules of the family (layout_static.h), translated into the chains here. */
int nm_nftables_statics(enum nm_family family, const struct nm_rules *statics, struct nm_own_rules *ret,
	struct nm_err *err) NM_MUST_USE;

/* Appends to the transaction what creates table, chains and sets if they are missing. */
int nm_nftables_ensure(struct nm_nft_txn *txn, enum nm_family family, struct nm_err *err) NM_MUST_USE;

#endif
