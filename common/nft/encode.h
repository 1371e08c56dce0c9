/* nm_rule as nf_tables attributes, in the form that every iptables-nft since 1.8.4 reads back as its own. */
#ifndef NM_NFT_ENCODE_H
#define NM_NFT_ENCODE_H

#include <libmnl/libmnl.h>

#include "model/rule.h"

/* No rule takes more: two interfaces of 92 bytes, the protocol of 80 and two IPv6 networks of 208; ports of
 * 340 (sctp), addrtype of 56, two conntrack of 216, a target of 92; the counter of 44, the comment of 136 and
 * 24 for nesting and NFTA_RULE_COMPAT: 1804. */
#define NM_NFT_RULE_SIZE 2048

/* nf_tables' family of packets, NFPROTO_*. */
uint8_t nm_nft_family(enum nm_family family);

/* Appends NFTA_RULE_EXPRESSIONS, NFTA_RULE_COMPAT and NFTA_RULE_USERDATA of the rule to the message, which
 * has NM_NFT_RULE_SIZE bytes of room. */
void nm_nft_put_rule(struct nlmsghdr *nlh, const struct nm_rule *rule);

#endif
