/* Interfaces by which packets to or from published ports come, and are not forwarded. */
#ifndef NM_ADMIN_FORWARDING_OFF_H
#define NM_ADMIN_FORWARDING_OFF_H

#include "state/records.h"

struct nm_forwarding_off {
	char (*v)[IF_NAMESIZE]; /* owned */
	size_t n, capacity;
	bool all; /* no interface forwards */
	struct nm_err
		unread; /* of the first whose setting could not be read; kind NM_ERR_NONE: there is none */
};

/* Finds those with an address of the family and those towards the records' containers. 0 with *ret, zeros
 * before, for nm_forwarding_off_done(), or -1 with *err. */
int nm_forwarding_off_find(enum nm_family family, const struct nm_records *records,
	struct nm_forwarding_off *ret, struct nm_err *err) NM_MUST_USE;
void nm_forwarding_off_done(struct nm_forwarding_off *off);

#endif
