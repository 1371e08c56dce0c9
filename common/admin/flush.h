/* Removes natmap from a host. */
#ifndef NM_ADMIN_FLUSH_H
#define NM_ADMIN_FLUSH_H

#include "iptables/table.h"

/* What stays after a flush. */
struct nm_flush_left {
	struct nm_iptables_left iptables;
	bool forwarding[NM_FAMILY_MAX]; /* natmap has switched it on, and others may rely on it */
};

/*
 * Removes the rules, jumps, chains and tables that natmap made and nobody else uses, switches off the
 * settings that it switched on, and retires all records. Fails while live containers are recorded, or when
 * the state may have lost them, unless forced. Needs neither configuration nor containers. 0 with *ret, or -1
 * with *err and the rules unchanged.
 */
int nm_flush(const char *state_dir, bool force, struct nm_flush_left *ret, struct nm_err *err) NM_MUST_USE;

#endif
