/* Blocks of ports, of which a range has few. Pure. */
#ifndef NM_NFTABLES_BLOCKS_H
#define NM_NFTABLES_BLOCKS_H

#include <stdint.h>

/*
 * A block of level n has 4 ^ n ports, of which the first is a multiple of that: all ports that have their
 * first 16 - 2 n bits in common. One of level 0 is a port. A range is at most 6 blocks of each level: higher
 * powers than 4 take more elements, lower ones more rules.
 */
enum { NM_BLOCK_LEVELS = 8 };

unsigned nm_nftables_block_size(uint8_t level);
/* How many bits its ports have in common. */
uint8_t nm_nftables_block_length(uint8_t level);
/* The level above 0 with that length; 0: none. */
uint8_t nm_nftables_block_level(uint64_t length);
/* The highest level at which so many ports from this one on begin with a block. */
uint8_t nm_nftables_block_fit(uint16_t port, unsigned count);

/* What stands in a key for the block that has the port: the port in its middle, which is that of no other
 * block above level 0. */
uint16_t nm_nftables_block_key(uint16_t port, uint8_t level);

#endif
