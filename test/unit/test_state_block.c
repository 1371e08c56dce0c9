/* state/block.c: the line of a block is read as it was printed; anything else is no block. */
#include "state/block.h"

#include "base/cleanup.h"
#include "given.h"

static bool reads(const char *line, uint64_t begin, uint64_t *ret_next)
{
	nm_autofree char *copy = exactly(line, NM_BLOCK_SIZE);

	return nm_state_block_read(copy, begin, ret_next);
}

int main(void)
{
	static const uint64_t begins[] = {0, 1, 176, 65536, 4294967296, NM_OFFSET_MAX};
	char line[NM_BLOCK_SIZE + 1] = "", damaged[NM_BLOCK_SIZE];
	uint64_t next = 7;
	size_t taken = 0;

	nm_each(begin, begins) {
		nm_state_block_print(*begin, line);
		tap_ok(reads(line, *begin, &next) && next == 0, "the block at %llu is read",
			(unsigned long long)*begin);
		tap_ok(!reads(line, *begin + 1, &next), "and is not that of another place");
	}
	tap_ok(strlen(line) == NM_BLOCK_SIZE && line[NM_BLOCK_SIZE - 1] == '\n', "it is one line");
	tap_ok(!strncmp(line,
		       "{\"block\":\"9999999999\",\"next\":\"0000000000\","
		       "\"netns\":\"0000000000000000:0000000000000000\",\"filter\":\"@@",
		       97),
		"in JSON");
	nm_state_block_print_netns(&(struct nm_nsid){4, 4026532453}, line + NM_BLOCK_NETNS_AT);
	tap_ok(!strncmp(line + NM_BLOCK_NETNS_AT, "0000000000000004:00000000f0000265\"", 34) &&
			reads(line, NM_OFFSET_MAX, &next),
		"with a network namespace");
	nm_state_block_print_offset(1234567, line + NM_BLOCK_NEXT_AT);
	tap_ok(reads(line, NM_OFFSET_MAX, &next) && next == 1234567, "with the next block");
	for (size_t i = 0; i < NM_BLOCK_SIZE; i++) {
		memcpy(damaged, line, sizeof(damaged));
		damaged[i] = '#';
		if (i < NM_BLOCK_FILTER_AT || i >= NM_BLOCK_FILTER_AT + NM_BLOCK_FILTER_DIGITS)
			taken += reads(damaged, NM_OFFSET_MAX, &next);
	}
	tap_ok(taken == 0, "not with another byte anywhere but in the filter");
	tap_ok(nm_state_block_is(line, NM_BLOCK_SIZE) && nm_state_block_is(line, 20), "it looks like one");
	tap_ok(!nm_state_block_is(line, 9) && !nm_state_block_is("{\"live\":1,\"id\":\"c\"}", 19),
		"other lines do not");
	return tap_done();
}
