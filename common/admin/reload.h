/* Restores the rules and settings of live containers. */
#ifndef NM_ADMIN_RELOAD_H
#define NM_ADMIN_RELOAD_H

#include "input/config.h"

/*
 * Makes rules and settings those of the live containers and of the configuration's static NAT: one
 * transaction adds missing rules and removes stale ones; the others keep handles and counters. Retires the
 * records of dead containers. force: also with a missing or damaged state, although live containers may lose
 * their rules then. 0, or -1 with *err and the rules unchanged; NM_ERR_TAKEN when static NAT and a live
 * container claim the same packets.
 */
int nm_reload(struct nm_config *c, const char *state_dir, bool force, struct nm_err *err) NM_MUST_USE;

/* Notes beside the state, if there is one, that a reload failed before nm_reload(), which notes its own
 * result. */
void nm_reload_note_failure(const char *state_dir);

#endif
