/* Ports and addresses at which the rules of others begin to treat packets differently: between two of them
 * all are alike, and it is enough to follow one packet. Pure. */
#ifndef NM_FOLLOW_LANDMARKS_H
#define NM_FOLLOW_LANDMARKS_H

#include "follow/follow.h"

struct nm_landmarks {
	uint32_t *ports; /* owned; of each port, the number of its class; NULL: not found */
	struct {
		struct nm_addr *v; /* owned, sorted */
		size_t n, capacity;
	} addresses[NM_FAMILY_MAX];
};

/* Finds those of all rules and sets of f->ruleset that are not natmap's. More than there are do no harm. *ret
 * begins as zeros, and is for nm_landmarks_done() in any case. 0, or -1 with *err (memory). */
int nm_landmarks_find(const struct nm_follow *f, struct nm_landmarks *ret, struct nm_err *err) NM_MUST_USE;
void nm_landmarks_done(struct nm_landmarks *l);

/* The classes: equal for what is treated alike. Where none have been found, *l being zeros, each port and
 * each address has its own. */
uint32_t nm_landmarks_port(const struct nm_landmarks *l, uint16_t port);
uint32_t nm_landmarks_address(const struct nm_landmarks *l, const struct nm_addr *address);

#endif
