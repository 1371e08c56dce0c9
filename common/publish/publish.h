/* Publishing and withdrawing: state, kernel and settings changed together. */
#ifndef NM_PUBLISH_PUBLISH_H
#define NM_PUBLISH_PUBLISH_H

#include "publish/change.h"

/*
 * Publishes the record that nm_request_make() has made, chooses its dynamic host ports, and replaces what its
 * id or gone containers had. Does nothing when it is all there. Settles c->backend. Confines the process to
 * state_dir. 0, or -1 with *err and, unless *err says otherwise, nothing of it left; NM_ERR_TAKEN when a live
 * container has a host port or the id, or a local process listens there.
 */
int nm_publish(
	struct nm_record *r, struct nm_config *c, const char *state_dir, struct nm_err *err) NM_MUST_USE;

/* The same for a change that has been begun with NM_STATE_CREATE, and which it ends: what leaves by itself is
 * in change->replaced already. */
int nm_publish_record(
	struct nm_change *change, struct nm_record *r, struct nm_config *c, struct nm_err *err) NM_MUST_USE;

/*
 * Withdraws all that is published for the container id. An unknown id, or a bundle (may be NULL) that is
 * known to be another one's, is no error and changes nothing. Confines the process to state_dir. 0, or -1
 * with *err and the record still there, for the next attempt.
 */
int nm_withdraw(const char *id, const char *bundle, const char *state_dir, struct nm_err *err) NM_MUST_USE;

#endif
