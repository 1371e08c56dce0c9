/* What the expressions of a rule mean, whoever has written them: iptables and nft give natmap's rules back in
 * other forms.
 */
#ifndef NM_NFT_MEANING_H
#define NM_NFT_MEANING_H

#include "base/addr.h"
#include "host/attrs.h"

/*
 * True when both lists, of rules of that family, match the same packets and do the same with them. Forms that
 * mean the same:
 *  - a comparison of a whole address, of its first bytes, or of bits of it by bitwise;
 *  - the protocol by meta, or by the byte of the IPv4 header;
 *  - ports by the xt match of tcp or udp, or by payload; a range of them by range, or by two cmp;
 *  - dst-type LOCAL by the xt match addrtype, or by fib; bits of the mark by the xt match, or by meta;
 *  - the name of an interface with or without its padding;
 *  - matches in another order; a comment as an xt match; other values of counters.
 * Everything else has to be the same.
 */
bool nm_nft_meaning_equal(enum nm_family family, struct nm_attrs ours, struct nm_attrs theirs);

#endif
