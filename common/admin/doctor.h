/* Finds what on this host stops published ports from working, and the command against it. Changes nothing. */
#ifndef NM_ADMIN_DOCTOR_H
#define NM_ADMIN_DOCTOR_H

#include "input/config.h"
#include "state/records.h"

#define NM_DOCTOR_FIREWALLD_CONF "/etc/firewalld/firewalld.conf"

/* What the caller has read already; borrowed. */
struct nm_doctor {
	const struct nm_config *config;
	struct nm_records *records; /* dead ones are removed */
	bool can_judge;             /* the pids of the records are of this PID namespace */
	const char *firewalld_conf; /* text of NM_DOCTOR_FIREWALLD_CONF; "" when it is missing */
	const char *natmap;         /* command that calls this natmap, with the options it needs */
};

/* Called for each obstacle with a sentence and the shell command that removes it, or NULL. Both may contain
 * control characters from outside. */
typedef void nm_doctor_handler(void *ctx, const char *finding, const char *command);

/*
 * Examines the kernel's features, dropping chains of others (admin/foreign_drop.h), legacy xtables,
 * firewalld, forwarding, and for each record its process, route_localnet and hairpin mode.
 *
 * IPv4 forwarding that is off is an obstacle when a port is published, or when the configuration forbids the
 * next publish to switch it on. In IPv6, where a host is often no router, the latter counts only when two
 * interfaces have global addresses. An examination that fails is an obstacle without a command.
 */
void nm_doctor_examine(const struct nm_doctor *d, nm_doctor_handler *handler, void *ctx);

#define NM_DOCTOR_WORD_SIZE 1024
/* Quotes text as one word for the shell, cut to size. Returns buf. */
const char *nm_doctor_word(const char *text, char buf[static NM_DOCTOR_WORD_SIZE]);

#endif
