/*
 * What natmap last found or made right, so that nobody need look again while nothing has changed: a file
 * beside the state, under its lock.
 *
 * It says: at this generation of the kernel's ruleset, with this configuration and this state file, the rules
 * are those which the records need. That stays true for ever; what may have changed is the generation, the
 * configuration or the state, and then it says nothing. What has no generation (processes, interfaces,
 * settings, listeners) must be looked at each time: the stand-ins are the records for which to do so.
 *
 * It is trusted for nothing but leaving work out. Only root can write to it, and a file that is missing,
 * damaged, or of another build, boot or namespace says nothing.
 *
 * The format: a line "natmap-verified 1" with generation, namespaces, state, configuration, forwarding,
 * backend and whether a check found nothing, of constant length, so that a hook changes it in place by one
 * pwrite(); then a line with the state to which the rest belongs and the surroundings of a check; then the
 * offset and size of each stand-in's line in the state file. The first two lines end in a hash, the second in
 * that of all that follows.
 */
#ifndef NM_STATE_VERIFIED_H
#define NM_STATE_VERIFIED_H

#include "state/forwarded.h"
#include "state/state.h"

/* A hash of where this process is: build, boot, network namespace of the socket, and PID namespace. False: it
 * cannot be told from other places. */
bool nm_verified_place(const struct nm_state *st, int socket, uint64_t *ret);

/* The first line. */
struct nm_verified_head {
	uint32_t generation;
	uint64_t where; /* build, boot, network and PID namespace */
	uint64_t state; /* the state file */
	uint64_t config;
	uint64_t forwarding; /* nm_forwarded_fingerprint() */
	enum nm_backend backend;
	bool checked; /* a check found nothing in others' rules either */
};

struct nm_verified {
	struct nm_verified_head head;
	uint64_t surroundings; /* as nm_verified_write() was given them */
	bool has_stand_ins;    /* they are of this state, and so are surroundings */
	struct nm_records stand_ins;
};

void nm_verified_done(struct nm_verified *v);
#define nm_autoverified NM_CLEANUP(nm_verified_done)

/* Reads into *ret, zeros before or read before of what may be another state, what is known of the state as it
 * was opened and of this configuration, in the network namespace of the socket. False: nothing. */
bool nm_verified_read(struct nm_state *st, int socket, uint64_t config, struct nm_verified *ret);

/* Replaces the file: where and state of v->head are filled in. Records are told by their offsets. One that
 * cannot be written says nothing. */
void nm_verified_write(struct nm_state *st, int socket, struct nm_verified *v);

/* How a hook takes it along from the rules and the state before its change to those after. Begins as zeros.
 */
struct nm_verified_move {
	bool tried, holds;
	int fd; /* owned, if it holds */
	struct nm_verified_head head;
};

/* What a change did. */
struct nm_verified_step {
	uint32_t generation, next; /* of the rules, before and after: of one transaction, and nobody else's */
	uint64_t forwarding, next_forwarding;
};

/* Call it for each change, before the state file is compacted. config NULL: the change does not depend on it.
 */
void nm_verified_step(struct nm_verified_move *move, struct nm_state *st, int socket, const uint64_t *config,
	const struct nm_verified_step *step);
/* Call it after a change that failed. */
void nm_verified_break(struct nm_verified_move *move);
/* Writes what holds; call it after the last change of the state file. */
void nm_verified_finish(struct nm_verified_move *move, const struct nm_state *st);

#endif
