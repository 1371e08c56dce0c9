/* Withdrawing: settings, rules, record. */
#ifndef NM_PUBLISH_WITHDRAW_H
#define NM_PUBLISH_WITHDRAW_H

#include "publish/change.h"

/*
 * Withdraws all that is published for the container id. Changes nothing, without an error, when the id is
 * unknown or the published container has another bundle (may be NULL). Confines the process to state_dir. 0,
 * or -1 with *err and the record kept for the next attempt.
 */
int nm_withdraw(const char *id, const char *bundle, const char *state_dir, struct nm_err *err) NM_MUST_USE;

/* Finds the peers of the replaced records, withdraws these, and ends the change. The claim has no new record.
 * A record that cannot be retired is an error. */
int nm_withdraw_replaced(struct nm_change *change, struct nm_claim *claim, struct nm_err *err) NM_MUST_USE;

#endif
