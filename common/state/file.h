/* The members of struct nm_state, its files and their lines. For the modules of state/ only. */
#ifndef NM_STATE_FILE_H
#define NM_STATE_FILE_H

#include "host/netns.h"
#include "state/block.h"
#include "state/state.h"

/*
 * 1: until version 1.0.0. Lines may lack what was added meanwhile, filters keys of their records, and blocks
 * their namespaces. 2: since version 1.0.0. Containers may have a network of natmap's, lost addresses,
 * several networks. It is that of the other files beside the state, too: nobody reads those before the
 * header.
 */
#define NM_STATE_FORMAT      2
#define NM_STATE_HEADER_SIZE 256

/* The first line of the file: to which format, boot and namespaces it belongs. */
struct nm_state_header {
	int64_t format;
	char boot[40]; /* /proc/sys/kernel/random/boot_id */
	struct nm_nsid netns, pidns;
	uint64_t retired; /* bytes of retired lines; a killed process may have left some uncounted */
	uint64_t blocks;  /* offset of the first block's line, 0: there is none */
};

struct nm_state {
	char *dir;
	int dirfd, lockfd, fd;
	struct nm_state_header self;   /* of this process's boot and namespaces */
	struct nm_state_header header; /* the file's */
	bool same_pidns;
	uint64_t opened; /* nm_state_identity() when it was opened */
	bool replaced;   /* by this process: offsets of lines are others */
	bool created;    /* by this process: there was none that could be used */
	uint64_t begin;  /* of the first record */
	uint64_t end;    /* after the last complete line */
	/* set by nm_state_search(): */
	uint64_t last_block; /* offset of the last block's line, 0: there is none */
	uint64_t open_block; /* offset of the first line after the last block, 0: unknown */
	size_t damaged;      /* number of damaged lines */
};

/* Opens directory, lock and file, as nm_state_open() says. 0 with st->fd -1 when there is no state, or -1
 * with *err; nm_state_file_close() in both cases. */
int nm_state_file_open(struct nm_state *st, enum nm_state_access access, unsigned timeout_ms,
	struct nm_err *err) NM_MUST_USE;
void nm_state_file_close(struct nm_state *st);

/* Fails with the value of errno: "WHAT 'DIR/state': ...". */
int nm_state_file_fail(const struct nm_state *st, const char *what, struct nm_err *err);

/* Creates the file that is to replace the state, with its header line. 0 with *ret, which owns its fd and
 * borrows the rest from st, and may be st; or -1 with *err. */
int nm_state_file_start(const struct nm_state *st, struct nm_state *ret, struct nm_err *err) NM_MUST_USE;

/* Renames that file over the state's and moves *new to *st; new->fd becomes -1. On failure both are as
 * before.
 */
int nm_state_file_install(struct nm_state *st, struct nm_state *new, struct nm_err *err) NM_MUST_USE;

/* Prints the line with its newline. Returns its length, which does not depend on retired and blocks. */
size_t nm_state_file_print_header(const struct nm_state_header *h, char buf[static NM_STATE_HEADER_SIZE]);

/* Parses a line. 0, or -1 when natmap has not written it. Of a newer format only the number is set. */
int nm_state_file_parse_header(const char *line, struct nm_state_header *ret) NM_MUST_USE;

/* Writes the header again, in place. */
int nm_state_file_write_header(struct nm_state *st, struct nm_err *err) NM_MUST_USE;

/* Called for each line. line[len] is its newline. */
typedef int nm_state_file_on_line(
	void *ctx, const char *line, size_t len, uint64_t offset, struct nm_err *err);

/* Calls handler for the lines between two offsets. Takes memory for the longest line, not for the file. 0, or
 * -1 with *err: the handler's own, or a read error. */
int nm_state_file_each_line(const struct nm_state *st, uint64_t from, uint64_t to,
	nm_state_file_on_line *handler, void *ctx, struct nm_err *err) NM_MUST_USE;

#endif
