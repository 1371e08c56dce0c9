/* The interfaces that records need, to be looked up however many these are. Pure. */
#ifndef NM_STATE_INTERFACES_H
#define NM_STATE_INTERFACES_H

#include "state/record.h"

/* Begins as zeros. */
struct nm_interfaces {
	char (*v)[IF_NAMESIZE + 1]; /* what is needed, and the interface; owned */
	size_t n, capacity;
};

void nm_interfaces_done(struct nm_interfaces *list);

/* Adds what the record needs. -1 with *err (memory). */
int nm_interfaces_add(struct nm_interfaces *list, const struct nm_record *r, struct nm_err *err) NM_MUST_USE;
/* Makes what has been added ready for the functions below. */
void nm_interfaces_sort(struct nm_interfaces *list);

/* True when a record in this backend needs route_localnet of the interface; when natmap has switched it on
 * for one of the records, of whichever backend; when one needs the hairpin mode of this bridge port. */
bool nm_interfaces_need_localnet(
	const struct nm_interfaces *list, const char *interface, enum nm_backend backend);
bool nm_interfaces_set_localnet(const struct nm_interfaces *list, const char *interface);
bool nm_interfaces_need_hairpin(const struct nm_interfaces *list, const char *bridge_port);

#endif
