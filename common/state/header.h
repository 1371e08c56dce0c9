/* First line of the state file: to which format, boot and namespaces it belongs. */
#ifndef NM_STATE_HEADER_H
#define NM_STATE_HEADER_H

#include "host/netns.h"
#include "state/block.h"

#define NM_STATE_FORMAT      1
#define NM_STATE_HEADER_SIZE 256

struct nm_state_header {
	int64_t format;
	char boot[40]; /* /proc/sys/kernel/random/boot_id */
	struct nm_nsid netns, pidns;
	uint64_t retired; /* bytes of retired lines, perhaps some less */
	uint64_t blocks;  /* offset of the first block's line, 0: there is none */
};

/* What a file made by this process now would say. */
int nm_state_header_self(struct nm_state_header *ret, struct nm_err *err) NM_MUST_USE;

/* Prints the line with its newline and returns its length, which the last two members do not change. */
size_t nm_state_header_print(const struct nm_state_header *h, char buf[static NM_STATE_HEADER_SIZE]);

/* Reads a line. 0, or -1 when it is none of ours; of a newer format only that number is set. */
int nm_state_header_parse(const char *line, struct nm_state_header *ret) NM_MUST_USE;

#endif
