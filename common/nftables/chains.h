/* The constant part of the nftables layout: the rules that look elements up. */
#ifndef NM_NFTABLES_CHAINS_H
#define NM_NFTABLES_CHAINS_H

#include "nftables/rule.h"
#include "nftables/schema.h"

/* Set in a packet's mark while it passes the FORWARD chains, when it belongs to a published port: the ACCEPT
 * in DOCKER-USER goes by it. The bit is none that Kubernetes, CNI, Calico, Cilium or tailscale document. */
#define NM_NFTABLES_MARK 0x1000u

/* Comments of the rules for a prefix length, which stands behind them. */
#define NM_NFTABLES_MASQUERADE_TAG "natmap:@masquerade/"
#define NM_NFTABLES_ALLOWED_TAG    "natmap:@allowed/"

/* Appends the rules that every table has, and those for the prefix lengths. */
int nm_nftables_chains_build(enum nm_family family, const struct nm_nftables_prefix_lengths *lengths,
	struct nm_nftables_rules *ret, struct nm_err *err) NM_MUST_USE;

/* True when the comment is that of a rule for a prefix length, "natmap:@masquerade/24", which is then marked.
 */
bool nm_nftables_chains_read_prefix_length(
	const char *tag, size_t tag_len, struct nm_nftables_prefix_lengths *lengths);

#endif
