/* The shared state file: one line per published container, under one lock for all hooks of a host. */
#ifndef NM_STATE_STATE_H
#define NM_STATE_STATE_H

#include "state/lock.h"
#include "state/records.h"

#define NM_STATE_DIR           "/run/natmap"
#define NM_STATE_LINE_MAX      (1u << 20) /* bytes; more than NM_MAPPINGS_MAX mappings need */
#define NM_WITHDRAW_TIMEOUT_MS 50000      /* below the timeout of 60 s that poststop has in hooks.d */
#define NM_LOCK_TIMEOUT_MS     5000       /* below the hook timeout of 10 s in hooks.d */

struct nm_state;

enum nm_state_access {
	NM_STATE_READ,   /* shared lock; creates no state */
	NM_STATE_WRITE,  /* exclusive lock; creates no state */
	NM_STATE_CREATE, /* exclusive lock; creates a state when there is none, or one of another boot */
	NM_STATE_FORCE,  /* the same, and replaces a file with a damaged first line */
};

/* Makes the directory dir unless there is one. For who confines itself before it opens the state, which makes
 * it, too. */
int nm_state_make_directory(const char *dir, struct nm_err *err) NM_MUST_USE;

/*
 * Opens the state in the directory dir and takes its lock within timeout_ms. 0 with *ret owned by the caller,
 * for READ and WRITE also NULL: there is no state, or one of another boot. -1 with *err: the lock is held for
 * too long, others can write to the directory or file, the format is newer, or the state belongs to another
 * network namespace (the message names --state-dir). Uses SIGALRM and ITIMER_REAL while it waits.
 */
int nm_state_open(const char *dir, enum nm_state_access access, unsigned timeout_ms, struct nm_state **ret,
	struct nm_err *err) NM_MUST_USE;

/* Releases the lock, of NULL none; only nm_state_close() or nm_state_lock_again() may follow. Closing is not
 * enough while a clone of the process has a copy of the lock. */
void nm_state_unlock(struct nm_state *st);
/* Takes it again, exclusively, if nobody holds it and nobody has written to the state meanwhile. */
bool nm_state_lock_again(struct nm_state *st);
void nm_state_close(struct nm_state **st); /* accepts a pointer to NULL, and leaves one; unlocks */
#define nm_autostate NM_CLEANUP(nm_state_close)

/* How changes have waited for the lock of this state. */
void nm_state_lock_waits(const struct nm_state *st, struct nm_lock_waits *ret);

/* A hash of all that changes when somebody, natmap or another, writes to the file: what it is, its size, its
 * times, and what its header counts. 0: it cannot be told. */
uint64_t nm_state_identity(const struct nm_state *st);

/* True when the file has no line after its header, not even a retired one. */
bool nm_state_is_empty(const struct nm_state *st);

/* False when the pids in the state belong to another PID namespace: no record can be judged gone then. */
bool nm_state_same_pidns(const struct nm_state *st);

/* Number of damaged lines that the last nm_state_search() skipped. */
size_t nm_state_damaged(const struct nm_state *st);

/* Writes a live line for the record and sets its offset and size. On failure the file is as before. */
int nm_state_append(struct nm_state *st, struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Writes the record's handles, as many as it was written with, into its line. The line stays as it is if it
 * has no room for them, or is not as natmap writes it. */
void nm_state_write_handles(struct nm_state *st, const struct nm_record *r);

/* Turns the record's live line into a retired one. Needs no space on the disk. */
int nm_state_retire(struct nm_state *st, const struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Rewrites the file without its retired lines when they are the larger part, or when a search has not found
 * the blocks that it should have. Offsets of records are invalid afterwards. A failure is a notice, and the
 * file is as before. */
void nm_state_compact(struct nm_state *st);

/* The same without damaged lines, when the last nm_state_search() has skipped any. */
void nm_state_forget_damaged(struct nm_state *st);

#endif
