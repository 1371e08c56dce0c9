/* Publishing: state, kernel and settings changed together. */
#ifndef NM_PUBLISH_PUBLISH_H
#define NM_PUBLISH_PUBLISH_H

#include "publish/change.h"

/*
 * Publishes the record that nm_request_make() has made, with the network of target, unless that is NULL,
 * chooses its dynamic host ports, and replaces what its id or gone containers had. Does nothing when it is
 * all there. Settles c->backend. Confines the process to state_dir. 0, or -1 with *err and, unless *err says
 * otherwise, nothing of it left; NM_ERR_TAKEN when a live container has a host port or the id, or a local
 * process listens there.
 */
int nm_publish(struct nm_record *r, struct nm_attach_target *target, struct nm_config *c,
	const char *state_dir, struct nm_err *err) NM_MUST_USE;

/* The same for a change that has been begun with the lock of a writer, and which it ends: claim has the new
 * record, and the records that are known to be replaced. */
int nm_publish_claim(struct nm_change *change, struct nm_claim *claim, struct nm_config *c,
	struct nm_err *err) NM_MUST_USE;

#endif
