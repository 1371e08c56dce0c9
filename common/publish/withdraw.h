/* Withdrawing: settings, rules, record. */
#ifndef NM_PUBLISH_WITHDRAW_H
#define NM_PUBLISH_WITHDRAW_H

#include "publish/change.h"

/*
 * Withdraws all that is published for the container id. An unknown id, or a bundle (may be NULL) that is
 * known to be another one's, is no error and changes nothing. Confines the process to state_dir. 0, or -1
 * with *err and the record still there, for the next attempt.
 */
int nm_withdraw(const char *id, const char *bundle, const char *state_dir, struct nm_err *err) NM_MUST_USE;

/* Withdraws the replaced records of a claim without a new one, and ends the change. A record that cannot be
 * retired is an error. */
int nm_withdraw_replaced(struct nm_change *change, struct nm_claim *claim, struct nm_err *err) NM_MUST_USE;

#endif
