/* Live containers whose addresses have changed since they were recorded: a network was unplugged, or plugged
 * in again, of which no hook tells. */
#ifndef NM_INVENTORY_MOVED_H
#define NM_INVENTORY_MOVED_H

#include "inventory/inventory.h"

/*
 * Appends to s->moved a record for each container on record that is to have another one, with the offset of
 * that: each family moves for itself to the address that it would be published at now, or is held without one
 * (nm_request_renew()). To be called before nm_change_begin(), while the process may enter network
 * namespaces: the state is locked only while it is read. Where a container's own cannot be entered, what it
 * has lost is held. s->verified keeps what the records were read from. 0, or -1 with *err, and then the
 * caller must end (nm_netns_open()).
 */
int nm_moved_find(struct nm_inventory *s, const char *state_dir, struct nm_err *err) NM_MUST_USE;

/*
 * Makes those of s->moved the live records that still are what they were found for, marks them in s->changed,
 * and leaves copies in s->moved; what was recorded before is superseded. An address that a live container of
 * another network namespace has on record is not taken, unless policy.address has it: the family is held. 0,
 * or -1 with *err (memory).
 */
int nm_moved_take(struct nm_inventory *s, struct nm_err *err) NM_MUST_USE;

/* Without entering anything: appends to the state, for each live container that has lost addresses, a record
 * that holds their ports. The former ones are superseded. 0, or -1 with *err. */
int nm_moved_hold(struct nm_inventory *s, const struct nm_policy *policy, struct nm_err *err) NM_MUST_USE;

#endif
