/* One change of what is published, from the lock to the log. */
#ifndef NM_PUBLISH_CHANGE_H
#define NM_PUBLISH_CHANGE_H

#include "host/netlink.h"
#include "input/config.h"
#include "network/attach.h"
#include "publish/claim.h"
#include "state/chain_notes.h"
#include "state/verified.h"

/* What a change holds: begins as NM_CHANGE_INIT. */
struct nm_change {
	struct nm_state *state;          /* owned; NULL: there is none */
	struct nm_netlink nl;            /* NETLINK_NETFILTER, once nm_change_connect() has opened it */
	struct nm_attach_target *target; /* the container whose network is made, borrowed; NULL: none */
	const struct nm_config *config;  /* by which a new record is published, borrowed; NULL: nothing is */
	struct nm_verified_move verified;
	struct nm_chain_notes_move chains;
};

#define NM_CHANGE_INIT      \
	{                   \
		.nl.fd = -1 \
	}

/*
 * Opens the state and takes its lock: nm_state_open(). Closes the sandbox, unless nm_sandbox_close() has done
 * it: gives up the capabilities to enter namespaces before it waits for the lock, and the files outside
 * state_dir once the state is open.
 */
int nm_change_begin(struct nm_change *change, const char *state_dir, enum nm_state_access access,
	unsigned timeout_ms, struct nm_err *err) NM_MUST_USE;

/* Opens change->nl, which then lives until the process ends (nm_detach_keep()). */
int nm_change_connect(struct nm_change *change, struct nm_err *err) NM_MUST_USE;

/* Settles c->backend, over change->nl, if the configuration leaves it to natmap: nm_backend_choose(). */
int nm_change_settle_backend(struct nm_change *change, struct nm_config *c, struct nm_err *err) NM_MUST_USE;

/* Appends every record of this container to *ret; none if there is no state. */
int nm_change_find_id(
	struct nm_change *change, const char *id, struct nm_records *ret, struct nm_err *err) NM_MUST_USE;

/* Appends to claim->peers the other records that share host ports or settings with the replaced ones; if
 * nothing is published, forwarding, too. */
int nm_change_find_peers(struct nm_change *change, struct nm_claim *claim, struct nm_err *err) NM_MUST_USE;

/* Makes room in the record for the handles of its rules by these options, which nm_change_apply() fills in;
 * in its line, if it is written then. */
int nm_change_reserve_handles(
	struct nm_record *r, const struct nm_layout_options *options, struct nm_err *err) NM_MUST_USE;

/*
 * In one transaction removes the rules of the replaced records and adds those of the new one, by the options;
 * keeps what the kernel has already or a peer also needs. Before it, switches settings off that no record
 * needs any more; after it, switches those on that the new record needs. 0, or -1 with *err; either way
 * claim->committed tells whether the transaction took place.
 */
int nm_change_apply(struct nm_change *change, struct nm_claim *claim, const struct nm_layout_options *options,
	struct nm_err *err) NM_MUST_USE;

/* By change->config, brings the interfaces that forward in line with the host, for published ports that need
 * it in these families; their guards are of the backend, if there are none yet. */
int nm_change_refresh_forwarding(
	struct nm_change *change, unsigned families, enum nm_backend backend, struct nm_err *err) NM_MUST_USE;

/* Retires these records. */
int nm_change_retire(
	struct nm_change *change, const struct nm_records *records, struct nm_err *err) NM_MUST_USE;
/* The same, and compacts the state; with a notice instead of a failure. */
void nm_change_retire_replaced(struct nm_change *change, const struct nm_records *replaced);

/*
 * Gives the lock back, deletes the flows that the change has made stale (publish/stale_flows.h), and queues
 * an audit line, nm_log_audit(), for each container that was withdrawn and for the new record. Drops all
 * replaced records but the newest of each container.
 */
void nm_change_end(struct nm_change *change, struct nm_claim *claim);

/* Gives back the lock, too, if nm_change_end() has not. */
void nm_change_done(struct nm_change *change);

#endif
