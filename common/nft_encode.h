/* nm_rule as nf_tables attributes, in the form that every iptables-nft since 1.8.4 reads back as its own. */
#ifndef NM_NFT_ENCODE_H
#define NM_NFT_ENCODE_H

#include <libmnl/libmnl.h>

#include "rule.h"

/* No rule takes more: 4 native matches of at most 160 bytes, two xt conntrack of 212, three more xt entries
 * of at most 100, counter, comment and nesting. */
#define NM_NFT_RULE_SIZE 2048

/* nf_tables' family of packets, NFPROTO_*. */
uint8_t nm_nft_family(enum nm_family family);

/* Appends NFTA_RULE_EXPRESSIONS, NFTA_RULE_COMPAT and NFTA_RULE_USERDATA of the rule to the message, which
 * has NM_NFT_RULE_SIZE bytes of room. */
void nm_nft_put_rule(struct nlmsghdr *nlh, const struct nm_rule *rule);

/* Appends an attribute of user data with the comment, shorter than NM_TAG_SIZE: what nft shows as
 * `comment "..."` of a table, chain or rule. */
void nm_nft_put_comment(struct nlmsghdr *nlh, uint16_t type, const char *comment);

#endif
