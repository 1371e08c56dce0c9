/* The kernel's part of a change of what is published: one transaction, whatever the backends of the records.
 */
#ifndef NM_BACKEND_KERNEL_COMMIT_H
#define NM_BACKEND_KERNEL_COMMIT_H

#include "host/netlink.h"
#include "model/publication.h"
#include "state/records.h"

/* Removes the rules and elements of the replaced records and adds those of the new one (NULL: none), by the
 * options; keeps what a peer record also needs. -1 with *err and the kernel as it was. */
int nm_kernel_commit(struct nm_netlink *nl, const struct nm_record *new,
	const struct nm_layout_options *options, const struct nm_records *replaced,
	const struct nm_records *peers, struct nm_err *err) NM_MUST_USE;

#endif
