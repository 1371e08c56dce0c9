/* What the parts of a doctor's examination share. */
#ifndef NM_ADMIN_EXAMINATION_H
#define NM_ADMIN_EXAMINATION_H

#include "admin/doctor.h"
#include "admin/remedy.h"
#include "backend/backend.h"
#include "base/text.h"
#include "host/netlink.h"
#include "state/forwarded.h"
#include "state/records.h"

struct nm_examination {
	const struct nm_doctor *d;
	size_t n_findings;
	struct nm_records records;     /* live ones, when dead ones have been told */
	struct nm_forwarded forwarded; /* interfaces that natmap has switched on */
	bool can_judge;                /* the pids of the records are of this PID namespace */
	struct nm_netlink nl;
	struct nm_remedies remedies;
	char alternative[NM_BACKEND_ALTERNATIVE_STRLEN]; /* to a backend that the kernel lacks parts of */
	bool strict_forward_ports;                       /* firewalld's configuration says so */
	bool strict_firewalld;                           /* has been told; its chains need not be */
	const char *iptables;                            /* nm_obstacle_text_iptables() */
};

enum nm_examination_line { NM_FINDING, NM_COMMAND, NM_NOTE };

enum { NM_EXAMINATION_TEXT_SIZE = 4096 };

/* Prints a finding, the command against the last one, or what may be one and does not count. They may contain
 * control characters from outside. */
void nm_examination_tell(struct nm_examination *x, enum nm_examination_line what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The value of a sysctl; -1: the kernel has no such setting. */
int nm_examination_setting(const char *name);

/* Writes the interface's name as a word of the shell for sysctl(8), which separates by dots, and writes a dot
 * of a name as a slash. Returns buf. */
const char *nm_examination_sysctl_word(const char *interface, char buf[static NM_TEXT_WORD_SIZE]);

#endif
