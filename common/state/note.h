/* Notes: small facts about the host, each in a file of its own beside the state, under its lock. */
#ifndef NM_STATE_NOTE_H
#define NM_STATE_NOTE_H

#include <time.h>

#include "state/state.h"

#define NM_NOTE_SIZE 256 /* of a text, with NUL; it is one line */

/* Families in which natmap has switched forwarding on for all interfaces, as digits: "4", "6", "46". */
#define NM_NOTE_FORWARDING "forwarding-set"

/* The last reload: NM_NOTE_DONE or NM_NOTE_FAILED. */
#define NM_NOTE_RELOAD "reload"
#define NM_NOTE_DONE   "done"
#define NM_NOTE_FAILED "failed"

/* Replaces the note; text NULL removes it. */
int nm_note_write(
	const struct nm_state *st, const char *name, const char *text, struct nm_err *err) NM_MUST_USE;

/* Reads the note of this boot, and when it was written; false: there is none that can be read. */
bool nm_note_read(const struct nm_state *st, const char *name, char ret[static NM_NOTE_SIZE], time_t *ret_at);

#endif
