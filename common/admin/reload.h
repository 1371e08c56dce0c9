/* Crash recovery, and the way back to a host without natmap. */
#ifndef NM_ADMIN_RELOAD_H
#define NM_ADMIN_RELOAD_H

#include "input/config.h"

/*
 * Makes rules, settings and state what live containers and the configuration's static rules want, in one
 * transaction: what natmap ever made and nobody wants goes, what is missing comes, what is right is not
 * touched. Records of dead containers are forgotten. force: also when the state is missing or damaged, so
 * that containers may lose their rules. 0, or -1 with *err and the rules as they were; NM_ERR_TAKEN when a
 * static rule and a live container want the same packets.
 */
int nm_reload(struct nm_config *c, const char *state_dir, bool force, struct nm_err *err) NM_MUST_USE;

#endif
