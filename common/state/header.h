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
	uint64_t retired; /* bytes of retired lines; a killed process may have left some uncounted */
	uint64_t blocks;  /* offset of the first block's line, 0: there is none */
};

/* Makes the header of a new file, with the boot and the namespaces of this process. */
int nm_state_header_self(struct nm_state_header *ret, struct nm_err *err) NM_MUST_USE;

/* Prints the line with its newline. Returns its length, which does not depend on retired and blocks. */
size_t nm_state_header_print(const struct nm_state_header *h, char buf[static NM_STATE_HEADER_SIZE]);

/* Parses a line. 0, or -1 when natmap has not written it. Of a newer format only the number is set. */
int nm_state_header_parse(const char *line, struct nm_state_header *ret) NM_MUST_USE;

#endif
