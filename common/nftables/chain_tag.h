/* The comments of the constant rules: they tell of what a rule for some lengths only is. */
#ifndef NM_NFTABLES_CHAIN_TAG_H
#define NM_NFTABLES_CHAIN_TAG_H

#include "nftables/chains.h"

/* The comment of a rule for a prefix length ends with the length. */
#define NM_NFTABLES_MASQUERADE_TAG "natmap:@masquerade/"
#define NM_NFTABLES_ALLOWED_TAG    "natmap:@allowed/"
#define NM_NFTABLES_SUBNETS_TAG    "natmap:@subnets/"
/* The comment of the other rules for bridges of natmap's. */
#define NM_NFTABLES_BRIDGES_TAG "natmap:@bridges"
/* The comment of a rule for blocks of ports goes on with the protocol and the block's length,
 * "natmap:@masquerade/24/udp/12", or begins with the set, "natmap:@ranges/open_ranges/udp/12",
 * "natmap:@ranges/ranges/12". */
#define NM_NFTABLES_RANGES_TAG "natmap:@ranges/"

/* The rule's comment; "": none. */
const char *nm_nftables_chain_tag(const struct nm_nftables_chain_rule *rule, char buf[static NM_TAG_SIZE]);

/* If the comment is that of a rule for a prefix length, "natmap:@masquerade/24", or for blocks, marks it and
 * returns true; so it does for bridges, without a mark. */
bool nm_nftables_chain_tag_read(const char *tag, size_t tag_len, struct nm_nftables_prefix_lengths *lengths);

#endif
