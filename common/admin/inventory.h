/* Who of the recorded is still there, and what they need now: what reload makes so, and check compares with.
 */
#ifndef NM_ADMIN_INVENTORY_H
#define NM_ADMIN_INVENTORY_H

#include "backend/desired.h"
#include "publish/change.h"

struct nm_inventory {
	struct nm_records dead; /* their process is */
	struct nm_records live; /* as they should be now: the interface that needs route_localnet anew */
	bool *changed;          /* for each of those: whether that differs from what is recorded */
	bool *needs_enable;     /* ... whether a setting that it needs is off */
	struct nm_records
		superseded;        /* what is recorded of containers that stay, and does not count any more */
	struct nm_desired desired; /* for those who stay, the layout's base, and the static rules */
};

/* Reads all records of the state (NULL: there is none) and judges who is gone; the rest of *ret is empty. 0
 * with *ret for nm_inventory_done(), or -1 with *err. */
int nm_inventory_take(struct nm_state *state, struct nm_inventory *ret, struct nm_err *err) NM_MUST_USE;

/*
 * Fails when the state that was judged may have lost containers, which a reload or flush would take the rules
 * from: it has damaged lines, or was missing while there are rules that natmap has written for containers.
 * forced: forgives that. A state of another PID namespace always fails.
 */
int nm_inventory_check_state(struct nm_change *change, bool forced, struct nm_err *err) NM_MUST_USE;

/* Fills in what those who stay should have by the configuration, which must outlive the inventory. Both
 * families have the layout's base. */
int nm_inventory_plan(struct nm_inventory *s, const struct nm_config *c, struct nm_err *err) NM_MUST_USE;

/* Families in which rules are wanted beside the base. */
unsigned nm_inventory_families(const struct nm_inventory *s, const struct nm_config *c);

void nm_inventory_done(struct nm_inventory *s);

#endif
