/*
 * What is known of the chains in which containers have rules: those in which each rule of a container is one
 * of those that its record tells, as long as the chain is the one, and has as many rules, as it was when that
 * was last so. Others who have added a rule to it may have added a copy of natmap's. And what is known of the
 * rules that all containers share, and of the constant chains of natmap's own tables: that they are as they
 * should be, as long as nobody has changed the ruleset.
 *
 * It is one line in the lock file, written under the lock by those who change the rules, behind what
 * state/lock.h has there. Like state/verified.h it is trusted for nothing but leaving work out, and
 * says nothing when it is of another build, boot, namespace or state file.
 */
#ifndef NM_STATE_CHAIN_NOTES_H
#define NM_STATE_CHAIN_NOTES_H

#include "state/handles.h"
#include "state/state.h"

struct nm_chain_note {
	bool known;
	uint32_t table, chain; /* handles; 0: not known yet */
	uint32_t use;          /* rules in it, and verdicts that lead to it */
};

/* Begins as zeros, which know nothing. */
struct nm_chain_notes {
	uint32_t generation; /* of the ruleset, when use was counted; 0: never */
	struct nm_chain_note v[NM_FAMILY_MAX][NM_HANDLES_CHAINS]; /* nm_handles_find_chain() */
	unsigned
		based; /* the families whose rules that all containers share are known to be as they should */
	uint32_t constant_generation;     /* the same for: */
	uint64_t constant[NM_FAMILY_MAX]; /* a hash of what the constant chains have; 0: not known */
};

/* Reads the notes; zeros if there are none for this state and the network namespace of the socket. */
void nm_chain_notes_read(const struct nm_state *st, int socket, struct nm_chain_notes *ret);

/* Writes them, after the last change of the state file. */
void nm_chain_notes_write(const struct nm_state *st, int socket, const struct nm_chain_notes *notes);

/* How a hook takes them along from the rules before its change to those after. Begins as zeros. */
struct nm_chain_notes_move {
	bool has_begun, has_moved;
	struct nm_chain_notes notes;
};

/* Reads the notes, before the first change. */
void nm_chain_notes_begin(struct nm_chain_notes_move *move, const struct nm_state *st, int socket);
/* After a change, which nobody else's has come between: of the generation before they are *notes, or those of
 * its parts that are of that. */
void nm_chain_notes_move(struct nm_chain_notes_move *move, const struct nm_chain_notes *notes,
	uint32_t before, uint32_t after);
/* Writes them if they have moved, after the last change of the state file. */
void nm_chain_notes_finish(const struct nm_chain_notes_move *move, const struct nm_state *st, int socket);

#endif
