/* The inside of struct nm_state, for state_file.c, which opens and replaces the file, and state.c, which
 * knows its lines. */
#ifndef NM_STATE_FILE_H
#define NM_STATE_FILE_H

#include "state.h"
#include "state_header.h"

struct nm_state {
	char *dir;
	int dirfd, lockfd, fd;
	struct nm_state_header self;
	bool same_pidns;
	bool is_new;         /* made when it was opened */
	bool is_provisional; /* ... and is not in its place yet */
	uint64_t begin;      /* of the first record */
	uint64_t end;        /* behind the last complete line */
	uint64_t live, dead; /* bytes of records that nm_state_find() has met */
	size_t damaged;      /* lines that it could not read */
};

/* Fails with errno: "WHAT 'DIR/state': ...". */
int nm_state_fail(const struct nm_state *st, const char *what, struct nm_err *err);

/* Starts the file that is to replace the state, with its header line, which takes *ret_begin bytes. Returns
 * the descriptor, or -1 with errno. */
int nm_state_start_new(const struct nm_state *st, uint64_t *ret_begin) NM_MUST_USE;

/* Puts it in the state's place. 0, or -1 with errno. */
int nm_state_install_new(struct nm_state *st) NM_MUST_USE;

/* Goes on with fd, a file that was started and installed, whose records stand from begin to end. */
void nm_state_adopt_file(struct nm_state *st, int fd, uint64_t begin, uint64_t end);

#endif
