/* What check looks at beside records and settings: of one moment, so that a later check need not look again.
 */
#ifndef NM_INVENTORY_SURROUNDINGS_H
#define NM_INVENTORY_SURROUNDINGS_H

#include "inventory/inventory.h"

/* Begins as zeros. */
struct nm_surroundings {
	bool knows_generation, knows_hash;
	uint32_t generation; /* of all rules, others' among them */
	uint64_t hash;       /* interfaces, addresses, default routes and listeners of the host, the
			      * way to each container, and its addresses */
};

/* Reads the generation: call it before any rule is read. */
void nm_surroundings_begin(struct nm_inventory *s, struct nm_surroundings *ret);

/* Reads the rest for the live containers, or for their stand-ins, before anything of it is examined, in a
 * number of dumps that does not grow with the ports: while hash and generation stay, what check finds beside
 * records and settings stays. */
void nm_surroundings_read(const struct nm_inventory *s, struct nm_surroundings *ret);

/* nm_unchanged_recall(), and nm_surroundings_read() for the stand-ins: sets *ret to whether a check has found
 * nothing among the same surroundings. If not, the inventory is empty, but for s->agrees. */
int nm_surroundings_recall(struct nm_inventory *s, struct nm_surroundings *surroundings, bool *ret,
	struct nm_err *err) NM_MUST_USE;

/* Nothing was found. Unless the rules, or the state since its lock was given back, have changed meanwhile,
 * remembers that. */
void nm_surroundings_remember(struct nm_inventory *s, const struct nm_surroundings *surroundings);

#endif
