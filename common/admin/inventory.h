/* The recorded containers, dead and live, and the rules and settings that live ones need: for reload and
 * check.
 */
#ifndef NM_ADMIN_INVENTORY_H
#define NM_ADMIN_INVENTORY_H

#include "backend/desired.h"
#include "publish/change.h"

/* Begins as zeros. */
struct nm_inventory {
	struct nm_records dead;       /* their processes are gone */
	struct nm_records live;       /* brought in line with the configuration and the host */
	bool *changed;                /* for each live one: differs from its record in the state */
	bool *needs_enable;           /* for each live one: a setting that it needs is off */
	struct nm_records superseded; /* outdated records of live containers */
	struct nm_desired desired;    /* of the live ones, static NAT, and what all share */
};

/* Reads all records of the state (NULL: none) into dead, live and superseded. 0, or -1 with *err. *ret needs
 * nm_inventory_done() in both cases. */
int nm_inventory_take(struct nm_state *state, struct nm_inventory *ret, struct nm_err *err) NM_MUST_USE;

/*
 * Fails when a reload or flush could remove the rules of containers that the state has lost: it has damaged
 * lines, or no line while the kernel has rules of containers. forced: accepts that. Always fails for a state
 * of another PID namespace.
 */
int nm_inventory_check_state(struct nm_change *change, bool forced, struct nm_err *err) NM_MUST_USE;

/* Fills in the rest by the configuration, which must outlive the inventory. */
int nm_inventory_plan(struct nm_inventory *s, const struct nm_config *c, struct nm_err *err) NM_MUST_USE;

/* Families of the live containers and of static NAT. */
unsigned nm_inventory_families(const struct nm_inventory *s, const struct nm_config *c);

void nm_inventory_done(struct nm_inventory *s);

#endif
