/* The audit trail in the system log: one line for each publication and withdrawal. */
#ifndef NM_PUBLISH_AUDIT_H
#define NM_PUBLISH_AUDIT_H

#include "publish/claim.h"

/* Queues "VERB container 'ID': PORTS to ADDRESSES" (nm_log_audit()): "withdrew" with the newest replaced
 * record of each container but the new record's, "published" with the new record. Drops the other replaced
 * records. */
void nm_audit_change(struct nm_claim *claim);

#endif
