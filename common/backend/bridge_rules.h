/* Rules of a bridge that natmap has made: they come with the first record on it, and go with the last. */
#ifndef NM_BACKEND_BRIDGE_RULES_H
#define NM_BACKEND_BRIDGE_RULES_H

#include "backend/desired.h"
#include "state/records.h"

/* Call these before the records are added: what came with a peer counts as there for the new record r, unless
 * its first rules are gone, and as nothing that goes with one of the replaced. 0, or -1 with *err (memory).
 */
int nm_bridge_rules_know(const struct nm_records *peers, const struct nm_record *r, struct nm_desired *new,
	struct nm_err *err) NM_MUST_USE;
int nm_bridge_rules_keep(const struct nm_records *peers, const struct nm_records *replaced,
	struct nm_desired *ret, struct nm_err *err) NM_MUST_USE;

#endif
