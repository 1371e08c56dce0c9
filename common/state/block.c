/* All fields have fixed places, so that no parser is needed. A line in any other form is no block. */
#include "state/block.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void nm_state_block_print_offset(uint64_t n, char *digits)
{
	for (unsigned i = NM_OFFSET_DIGITS; i > 0; n /= 10)
		digits[--i] = (char)('0' + n % 10);
}

void nm_state_block_print_netns(const struct nm_nsid *netns, char *digits)
{
	char text[NM_BLOCK_NETNS_DIGITS + 1];

	(void)snprintf(text, sizeof(text), "%016" PRIx64 ":%016" PRIx64, netns->dev, netns->ino);
	memcpy(digits, text, NM_BLOCK_NETNS_DIGITS);
}

static bool is_netns(const char *digits)
{
	for (size_t i = 0; i < NM_BLOCK_NETNS_DIGITS; i++)
		if (i == NM_BLOCK_NETNS_DIGITS / 2 ? digits[i] != ':'
						   : !memchr("0123456789abcdef", digits[i], 16))
			return false;
	return true;
}

static bool read_offset(const char *digits, uint64_t *ret)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < NM_OFFSET_DIGITS; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(digits[i] - '0');
	}
	*ret = n;
	return true;
}

void nm_state_block_print(uint64_t begin, char line[static NM_BLOCK_SIZE])
{
	int used = snprintf(line, NM_BLOCK_SIZE,
		NM_BLOCK_PREFIX "%010" PRIu64 NM_BLOCK_NEXT "%010d" NM_BLOCK_NETNS
				"%016d:%016d" NM_BLOCK_FILTER,
		begin % (NM_OFFSET_MAX + 1), 0, 0, 0);

	nm_filter_clear(line + used, NM_BLOCK_FILTER_DIGITS);
	memcpy(line + used + NM_BLOCK_FILTER_DIGITS, NM_BLOCK_SUFFIX, sizeof(NM_BLOCK_SUFFIX) - 1);
}

static bool same(const char *a, const char *b, size_t from, size_t to)
{
	return !memcmp(a + from, b + from, to - from);
}

bool nm_state_block_read(const char line[static NM_BLOCK_SIZE], uint64_t begin, uint64_t *ret_next)
{
	char empty[NM_BLOCK_SIZE];

	nm_state_block_print(begin, empty);
	return same(line, empty, 0, NM_BLOCK_NEXT_AT) &&
		same(line, empty, NM_BLOCK_NEXT_AT + NM_OFFSET_DIGITS, NM_BLOCK_NETNS_AT) &&
		is_netns(line + NM_BLOCK_NETNS_AT) &&
		same(line, empty, NM_BLOCK_NETNS_AT + NM_BLOCK_NETNS_DIGITS, NM_BLOCK_FILTER_AT) &&
		same(line, empty, NM_BLOCK_FILTER_AT + NM_BLOCK_FILTER_DIGITS, NM_BLOCK_SIZE) &&
		read_offset(line + NM_BLOCK_NEXT_AT, ret_next);
}

bool nm_state_block_is(const char *line, size_t len)
{
	return len > strlen(NM_BLOCK_PREFIX) && !memcmp(line, NM_BLOCK_PREFIX, strlen(NM_BLOCK_PREFIX));
}
