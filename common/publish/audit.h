/* The audit trail in the system log: one line for each publication and withdrawal. */
#ifndef NM_PUBLISH_AUDIT_H
#define NM_PUBLISH_AUDIT_H

#include "state/records.h"

/* Queues "VERB container 'ID': PORTS to ADDRESSES" (nm_log_audit()). */
void nm_audit(const char *verb, const struct nm_record *r);

/* Queues "withdrew ..." once for each container of the list, with its newest record, but not for the one with
 * this id (may be NULL). Keeps these records alone. */
void nm_audit_withdrawn(struct nm_records *replaced, const char *but);

#endif
