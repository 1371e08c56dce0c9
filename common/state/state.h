/* The shared state file: one line per published container, under one lock for all hooks of a host. */
#ifndef NM_STATE_STATE_H
#define NM_STATE_STATE_H

#include "state/records.h"

#define NM_STATE_DIR       "/run/natmap"
#define NM_STATE_LINE_MAX  (1u << 20) /* bytes; more than NM_MAPPINGS_MAX mappings need */
#define NM_LOCK_TIMEOUT_MS 5000       /* below the hook timeout of 10 s in hooks.d */

struct nm_state;

enum nm_state_access {
	NM_STATE_READ,   /* shared lock; nothing is created */
	NM_STATE_WRITE,  /* exclusive lock; nothing is created */
	NM_STATE_CREATE, /* exclusive lock; directory and file are made when missing or of another boot */
	NM_STATE_FORCE,  /* the same, and a file with a damaged first line is replaced */
};

/*
 * Opens the state in the directory dir and takes its lock within timeout_ms. 0 with *ret owned by the caller:
 * NULL when there is no state to READ or WRITE (none, or of another boot). -1 with *err: the lock, a
 * directory or file that somebody else could write to, a newer format, or a state of another network
 * namespace (the message names --state-dir).
 */
int nm_state_open(const char *dir, enum nm_state_access access, unsigned timeout_ms, struct nm_state **ret,
	struct nm_err *err) NM_MUST_USE;

/* Gives the lock back; only nm_state_close() may follow. */
void nm_state_unlock(struct nm_state *st);
void nm_state_close(struct nm_state *st); /* accepts NULL; unlocks */

static inline void nm_cleanup_state(struct nm_state **st)
{
	nm_state_close(*st);
	*st = NULL;
}
#define nm_autostate NM_CLEANUP(nm_cleanup_state)

/* True when no line is in the file, not even a retired one: it has just been made, perhaps by a command that
 * did nothing else. */
bool nm_state_is_empty(const struct nm_state *st);

/* False when the pids in the state are those of another PID namespace, so that nobody can be judged gone. */
bool nm_state_same_pidns(const struct nm_state *st);

/* How many lines the last nm_state_search() passed over. */
size_t nm_state_damaged(const struct nm_state *st);

/* Writes a live line for the record and sets its offset. On failure the file is as before. */
int nm_state_append(struct nm_state *st, struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Turns the record's live line into a retired one. Needs no space on the disk. */
int nm_state_retire(struct nm_state *st, const struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Rewrites the file without its retired lines when they prevail. Offsets of records are void afterwards. A
 * failure leaves the file as it is and is a notice. */
void nm_state_compact(struct nm_state *st);

/* The same without damaged lines, when the last nm_state_search() has met any. */
void nm_state_forget_damaged(struct nm_state *st);

#endif
