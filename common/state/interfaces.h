/* What records need of interfaces, to be looked up however many records these are. Pure. */
#ifndef NM_STATE_INTERFACES_H
#define NM_STATE_INTERFACES_H

#include "state/record.h"

enum nm_interfaces_need {
	NM_NEEDS_LOCALNET,     /* its route_localnet, in whichever backend */
	NM_NEEDS_LOCALNET_SET, /* the same, and natmap has switched it on */
	NM_NEEDS_HAIRPIN,      /* the hairpin mode of this bridge port */
	NM_NEEDS_LOCALNET_IN,  /* + backend: the guard of this name, in this one */
};

#define NM_INTERFACES_SIZE (IF_NAMESIZE + 2)

/* Begins as zeros. */
struct nm_interfaces {
	char (*v)[NM_INTERFACES_SIZE]; /* the need, how the interface is named, and its name or number; owned
					*/
	size_t n, capacity;
};

void nm_interfaces_done(struct nm_interfaces *list);

/* Adds what the record needs. -1 with *err (memory). */
int nm_interfaces_add(struct nm_interfaces *list, const struct nm_record *r, struct nm_err *err) NM_MUST_USE;
/* Makes what has been added ready for the function below. */
void nm_interfaces_sort(struct nm_interfaces *list);

/* True when one of the records has this need of an interface of this name. */
bool nm_interfaces_has_name(const struct nm_interfaces *list, unsigned need, const char *interface);
/* The same for the interface itself, whatever its name is now: by its number, and by its name where one of
 * the two does not know the number. */
bool nm_interfaces_has(
	const struct nm_interfaces *list, unsigned need, const char *interface, unsigned index);
/* The same for two of them. */
bool nm_interfaces_same(const char *name, unsigned index, const char *other, unsigned other_index);

#endif
