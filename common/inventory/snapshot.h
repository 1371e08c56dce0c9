/* The records as they are at one time, for those who look at containers without the lock: while the process
 * may enter network namespaces, and before nm_change_begin(). */
#ifndef NM_INVENTORY_SNAPSHOT_H
#define NM_INVENTORY_SNAPSHOT_H

#include "inventory/inventory.h"

/* Reads the state's newest records into *all. If stand-ins do and are known, it reads only these, into
 * s->verified. socket: one of the host's network namespace. */
int nm_snapshot_read(struct nm_inventory *s, const char *state_dir, int socket, bool stand_ins_do,
	struct nm_records *all, struct nm_err *err) NM_MUST_USE;

/* What has been read, borrowed. */
const struct nm_records *nm_snapshot_of(const struct nm_inventory *s, const struct nm_records *all);

/* Fails if a failure of nm_netns_open() has left the process in another network namespace than home. */
int nm_snapshot_check_home(const struct nm_nsid *home, struct nm_err *err) NM_MUST_USE;

#endif
