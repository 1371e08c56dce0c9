/* Blocks of the state file: groups of records, each ended by a line with their filter. Pure. */
#ifndef NM_STATE_BLOCK_H
#define NM_STATE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/netns.h"
#include "state/filter.h"

/* {"block":"BEGIN","next":"NEXT","netns":"DEV:INO","filter":"DIGITS"} with offsets in ten digits, so that
 * NEXT can be changed in place, and the network namespace of all its records in hexadecimal digits, zeros if
 * they have several. */
#define NM_BLOCK_PREFIX "{\"block\":\""
#define NM_BLOCK_NEXT   "\",\"next\":\""
#define NM_BLOCK_NETNS  "\",\"netns\":\""
#define NM_BLOCK_FILTER "\",\"filter\":\""
#define NM_BLOCK_SUFFIX "\"}\n"

#define NM_OFFSET_DIGITS 10
#define NM_OFFSET_MAX    9999999999

#define NM_BLOCK_FILTER_DIGITS NM_FILTER_DIGITS_MAX
#define NM_BLOCK_NEXT_AT       (sizeof(NM_BLOCK_PREFIX) - 1 + NM_OFFSET_DIGITS + sizeof(NM_BLOCK_NEXT) - 1)
#define NM_BLOCK_NETNS_AT      (NM_BLOCK_NEXT_AT + NM_OFFSET_DIGITS + sizeof(NM_BLOCK_NETNS) - 1)
#define NM_BLOCK_NETNS_DIGITS  33
#define NM_BLOCK_FILTER_AT     (NM_BLOCK_NETNS_AT + NM_BLOCK_NETNS_DIGITS + sizeof(NM_BLOCK_FILTER) - 1)
#define NM_BLOCK_SIZE          (NM_BLOCK_FILTER_AT + NM_BLOCK_FILTER_DIGITS + sizeof(NM_BLOCK_SUFFIX) - 1)

/* Writes n in NM_OFFSET_DIGITS digits, without NUL. */
void nm_state_block_print_offset(uint64_t n, char *digits);

/* Writes the namespace in NM_BLOCK_NETNS_DIGITS digits, without NUL. */
void nm_state_block_print_netns(const struct nm_nsid *netns, char *digits);

/* Writes the line, with its newline, that ends a block from offset begin on, with an empty filter and without
 * a next block or a namespace. */
void nm_state_block_print(uint64_t begin, char line[static NM_BLOCK_SIZE]);

/* True when the line ends a block from offset begin on. *ret_next is then the offset of the next block's
 * line, 0 for none; namespace and filter are where the numbers above say. */
bool nm_state_block_read(const char line[static NM_BLOCK_SIZE], uint64_t begin, uint64_t *ret_next);

/* True for a line that begins like that of a block. */
bool nm_state_block_is(const char *line, size_t len);

#endif
