/* Leaves out what has been verified before: state/verified.h. */
#ifndef NM_INVENTORY_UNCHANGED_H
#define NM_INVENTORY_UNCHANGED_H

#include "inventory/inventory.h"

/*
 * With an inventory that is open: sets *ret to whether nothing at all is to be done, which takes no dump of
 * rules and no reading of all records. Then s->live are the stand-ins: each fact of processes, interfaces and
 * families of a live container is one of theirs, too, but other members of records may be missing; the
 * settings are planned. Else the inventory is empty, but s->agrees tells whether the rules are known to be
 * those that the state needs. 0, or -1 with *err.
 */
int nm_unchanged_recall(struct nm_inventory *s, bool *ret, struct nm_err *err) NM_MUST_USE;

/* With s->agrees: true when records and settings of a planned inventory are as reload would make them. */
bool nm_unchanged_is_settled(const struct nm_inventory *s);

/* Appends to *ret copies of one record for each set of these facts, sorted by them; the same for records as
 * for their stand-ins. */
int nm_unchanged_choose_stand_ins(
	const struct nm_records *live, struct nm_records *ret, struct nm_err *err) NM_MUST_USE;

/* The inventory is not enough: empties it, but for s->agrees. */
void nm_unchanged_forget_stand_ins(struct nm_inventory *s);

/* Remembers that at this generation the rules are right for the live records, which are all that there are;
 * checked: others' rules, too. */
void nm_unchanged_remember(struct nm_inventory *s, uint32_t generation, bool checked, uint64_t surroundings);

#endif
