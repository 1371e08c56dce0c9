/* What a monitoring system is told of natmap on this host. */
#ifndef NM_ADMIN_METRICS_H
#define NM_ADMIN_METRICS_H

#include <time.h>

#include "admin/check.h"
#include "admin/list.h"
#include "state/lock.h"

enum { NM_METRICS_TCP, NM_METRICS_UDP, NM_METRICS_SCTP, NM_METRICS_PROTOCOL_MAX };

/* A mapping, once, however many containers share it. */
struct nm_metrics_mapping {
	char text[NM_MAPPING_STRLEN]; /* nm_mapping_print() */
	uint64_t connections;
	const struct nm_record *record; /* of one of them, in list */
	const struct nm_mapping *mapping;
};

struct nm_metrics {
	struct nm_list list;
	struct nm_metrics_mapping *mappings; /* sorted by text; owned */
	size_t n_mappings;
	size_t ports[NM_BACKEND_MAX][NM_FAMILY_MAX][NM_METRICS_PROTOCOL_MAX]; /* host ports published */
	bool checked;                                                         /* nm_check() could compare */
	struct nm_differences differences;
	bool reloaded; /* the two behind it are of the last reload */
	bool reload_done;
	time_t reload_at;
	struct nm_lock_waits waits;
};

/*
 * Reads all of it; state, rules and elements are read twice, however much is published. c: with_config says
 * whether it is the host's; without, nothing is compared. What cannot be compared is a notice. 0, or -1 with
 * *err. *ret, zeros before, needs nm_metrics_done() in both cases.
 */
int nm_metrics_read(struct nm_config *c, bool with_config, const char *state_dir, struct nm_metrics *ret,
	struct nm_err *err) NM_MUST_USE;

void nm_metrics_done(struct nm_metrics *m);

#endif
