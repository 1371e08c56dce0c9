/* The way back to a host without natmap. */
#ifndef NM_ADMIN_FLUSH_H
#define NM_ADMIN_FLUSH_H

#include "iptables/flush.h"

/* What a flush has not taken back. */
struct nm_flush_left {
	struct nm_iptables_left iptables;
	bool forwarding[NM_FAMILY_MAX]; /* is on: whoever switched it on, others may rely on it by now */
};

/*
 * Removes all that natmap has made: rules, jumps, chains and tables that nobody else uses, settings that it
 * has switched on, the records. Refused while live containers are recorded, or when the state may have lost
 * them, unless forced. Neither configuration nor container is needed. 0 with *ret, or -1 with *err and the
 * rules as they were.
 */
int nm_flush(const char *state_dir, bool force, struct nm_flush_left *ret, struct nm_err *err) NM_MUST_USE;

#endif
