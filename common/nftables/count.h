/* What natmap's own tables have counted. */
#ifndef NM_NFTABLES_COUNT_H
#define NM_NFTABLES_COUNT_H

#include "host/netlink.h"
#include "model/static_nat.h"
#include "nft/rules.h"
#include "nftables/layout.h"

/* Reads the counters of these elements of maps: ret[i] of the i-th, zeros if the kernel does not have it. */
int nm_nftables_count(struct nm_netlink *nl, const struct nm_nftables_elements *elements,
	struct nm_counters *ret, struct nm_err *err) NM_MUST_USE;

/* Adds to ret[i] what the static rules of the i-th entry that translate have counted. */
int nm_nftables_count_statics(struct nm_netlink *nl, const struct nm_static_nats *statics,
	struct nm_counters *ret, struct nm_err *err) NM_MUST_USE;

#endif
