#include "nftables/blocks.h"

unsigned nm_nftables_block_size(uint8_t level)
{
	return 1u << 2 * level;
}

uint8_t nm_nftables_block_length(uint8_t level)
{
	return (uint8_t)(16 - 2 * level);
}

uint8_t nm_nftables_block_level(uint64_t length)
{
	uint8_t level = NM_BLOCK_LEVELS - 1;

	while (level && nm_nftables_block_length(level) != length)
		level--;
	return level;
}

uint8_t nm_nftables_block_fit(uint16_t port, unsigned count)
{
	uint8_t level = NM_BLOCK_LEVELS - 1;

	while (count < nm_nftables_block_size(level) || port % nm_nftables_block_size(level))
		level--;
	return level;
}

uint16_t nm_nftables_block_key(uint16_t port, uint8_t level)
{
	unsigned size = nm_nftables_block_size(level);

	return (uint16_t)((port & ~(size - 1)) + size / 2);
}
