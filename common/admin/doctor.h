/* What on this host would stop published ports from working, and what mends it. Looks, and changes nothing.
 */
#ifndef NM_ADMIN_DOCTOR_H
#define NM_ADMIN_DOCTOR_H

#include "input/config.h"
#include "state/records.h"

#define NM_DOCTOR_FIREWALLD_CONF "/etc/firewalld/firewalld.conf"

/* What has been read of the host already; all of it borrowed. */
struct nm_doctor {
	const struct nm_config *config;
	struct nm_records *records; /* who is gone will be taken out */
	bool can_judge;             /* the records' pids mean something here */
	const char *firewalld_conf; /* the text of that file; "": there is none */
	const char *natmap;         /* how to call this natmap: with --state-dir, if it needs it */
};

/* Called for each obstacle: a sentence, and the shell command that removes it, or NULL. Both may have
 * characters from outside that a terminal should not see. */
typedef void nm_doctor_handler(void *ctx, const char *finding, const char *command);

/*
 * Looks at what rules need of the kernel, at the chains of others (admin/foreign_drop.h), legacy xtables,
 * firewalld and forwarding; for records at what only they need: their containers, route_localnet, hairpin
 * mode.
 *
 * Forwarding that is off is an obstacle where the next publish would not switch it on, or something is
 * published already; in IPv6, of which a host need not be a router, only when something is published on it or
 * two interfaces have global addresses. What cannot be examined is told, too, without a command.
 */
void nm_doctor_examine(const struct nm_doctor *d, nm_doctor_handler *handler, void *ctx);

#define NM_DOCTOR_WORD_SIZE 1024
/* Writes text as one word for the shell, cut to size. Returns buf. */
const char *nm_doctor_word(const char *text, char buf[static NM_DOCTOR_WORD_SIZE]);

#endif
