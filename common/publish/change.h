/* One change of what is published: some records leave, one may come. From the lock to the log. */
#ifndef NM_PUBLISH_CHANGE_H
#define NM_PUBLISH_CHANGE_H

#include "host/netlink.h"
#include "input/config.h"
#include "publish/host_settings.h"
#include "state/state.h"

struct nm_change {
	struct nm_state *state;                  /* owned; NULL: there is none */
	struct nm_netlink nl;                    /* NETLINK_NETFILTER, opened when it is needed */
	const struct nm_record *new;             /* NULL: none */
	const struct nm_layout_options *options; /* for new */
	struct nm_records replaced;              /* owned */
	struct nm_records peers; /* owned; others that share host ports or settings with these two */
	bool knows_peers;        /* all of those are there already: there is no need to look for them */
};

#define NM_CHANGE_INIT      \
	{                   \
		.nl.fd = -1 \
	}

/* Opens the state and takes its lock: nm_state_open(). Confines the process to state_dir. */
int nm_change_begin(struct nm_change *change, const char *state_dir, enum nm_state_access access,
	unsigned timeout_ms, struct nm_err *err) NM_MUST_USE;

/* Opens change->nl, which then lives until the process ends (nm_detach_keep()). */
int nm_change_connect(struct nm_change *change, struct nm_err *err) NM_MUST_USE;

/* Settles c->backend, over change->nl, if the configuration leaves it to natmap: nm_backend_choose(). */
int nm_change_settle_backend(struct nm_change *change, struct nm_config *c, struct nm_err *err) NM_MUST_USE;

/* Lets every record of this container leave. */
int nm_change_find_id(struct nm_change *change, const char *id, struct nm_err *err) NM_MUST_USE;

/*
 * Looks up what else shares with replaced, and makes rules and settings so: in one transaction the rules of
 * replaced go and those of new are there; settings that nobody else needs any more are switched off, those
 * that new needs on, each on its side of the transaction. Rules that new has already stay as they are.
 * 0, or -1 with *err, and then the rules of replaced still stand, or, when *ret_committed is set, those of
 * new do.
 */
int nm_change_apply(struct nm_change *change, bool *ret_committed, struct nm_err *err) NM_MUST_USE;

/* Retires the records that left; they stay recorded, with a notice, when that fails. Compacts the state. */
void nm_change_retire_replaced(struct nm_change *change);

/* Applies and ends a change in which nothing comes. A record that cannot be retired is an error. */
int nm_change_withdraw(struct nm_change *change, struct nm_err *err) NM_MUST_USE;

/*
 * Gives the lock back. effective: also deletes the flows that the change has made stale, UDP that came for
 * new's host ports before, and whatever was translated to replaced (IPv6 within milliseconds of the exit:
 * nm_detach_defer(); a failure is a notice), and queues the audit lines of those who left.
 */
void nm_change_end(struct nm_change *change, bool effective);

/* Gives back the lock, too, if nm_change_end() has not. */
void nm_change_done(struct nm_change *change);

#endif
