/* Finds what on this host stops published ports from working, and the command against it. Changes nothing. */
#ifndef NM_ADMIN_DOCTOR_H
#define NM_ADMIN_DOCTOR_H

#include <stdio.h>

#include "input/config.h"

struct nm_doctor {
	const struct nm_config *config;
	const char *state_dir;
	const char *natmap; /* command that calls this natmap, with the options it needs */
	FILE *out;
};

/*
 * Examines whether runtimes call natmap, the state file, the kernel's features, dropping chains of others
 * (obstacle/obstacles.h), legacy xtables, firewalld, forwarding, and for each record its process,
 * route_localnet and hairpin mode. Prints each obstacle as a sentence and, in the next line, the shell
 * command that removes it. Returns how many there are. Confines the process to state_dir.
 *
 * IPv4 forwarding that is off is an obstacle when a port is published, or when the configuration forbids the
 * next publish to switch it on. In IPv6, where a host is often no router, the latter counts only when two
 * interfaces have global addresses. An examination that fails is an obstacle without a command.
 */
size_t nm_doctor_examine(const struct nm_doctor *d);

#endif
