/*
 * How publishing works, and what a kill between two steps leaves behind.
 *
 * Under the lock: the state is searched for all that concerns the request; ownership is settled; free ports
 * are chosen; local listeners are looked for. Nothing has been written until here but forwarding. Then (1)
 * the new record is appended, (2) the rules are changed in one transaction, (3) the records that left are
 * retired. Killed after (1), the state knows more than the kernel, after (2) it still knows the old records:
 * in both cases the next hook for any of these containers puts that right. A failure in (2) retires
 * the new record again.
 *
 * Withdrawing goes the other way: settings, rules, record. Stale flows are dropped after the lock has been
 * released.
 */
#include "publish/publish.h"

#include <string.h>

#include "base/log.h"
#include "host/listener.h"
#include "host/sandbox.h"
#include "publish/audit.h"
#include "publish/claim.h"
#include "publish/free_port.h"
#include "publish/host_settings.h"
#include "state/search.h"

/* True when the same process has the mapping already. */
static bool has_already(
	const struct nm_records *replaced, const struct nm_record *r, const struct nm_mapping *m)
{
	for (size_t i = 0; i < replaced->n; i++) {
		const struct nm_record *old = &replaced->v[i];

		if (strcmp(old->id, r->id) != 0 || old->pid != r->pid || old->start != r->start)
			continue;
		for (size_t j = 0; j < old->mappings.n; j++)
			if (nm_mapping_equal(&old->mappings.v[j], m))
				return true;
	}
	return false;
}

/* What it has already, it keeps: reload and check tell of the conflict. */
static int check_statics(const struct nm_record *r, const struct nm_config *c,
	const struct nm_records *replaced, struct nm_err *err)
{
	for (size_t i = 0; i < r->mappings.n; i++) {
		const struct nm_mappings one = {.v = &r->mappings.v[i], .n = 1};

		if (!has_already(replaced, r, one.v) &&
			nm_static_nats_check_conflict(&c->statics, &one, err) < 0)
			return -1;
	}
	return 0;
}

static int check_listeners(const struct nm_record *r, const struct nm_config *c,
	const struct nm_records *replaced, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink diag = {.fd = -1};
	char text[NM_MAPPING_STRLEN];
	uint16_t port;

	if (c->listener_check == NM_LISTENER_OFF)
		return 0;
	if (nm_netlink_open(NETLINK_SOCK_DIAG, &diag, err) < 0)
		return -1;
	for (size_t i = 0; i < r->mappings.n; i++) {
		const struct nm_mapping *m = &r->mappings.v[i];

		if (has_already(replaced, r, m))
			continue;
		if (nm_listener_find(&diag, m, &port, err) < 0)
			return -1;
		if (!port)
			continue;
		if (c->listener_check == NM_LISTENER_FAIL)
			return nm_fail(err, NM_ERR_TAKEN,
				"port mapping '%s': a local process listens on port %u",
				nm_mapping_print(m, text), port);
		nm_log_notice("container '%s': port mapping '%s' hides a local process that listens on port "
			      "%u, ignored: listener_check is warn",
			r->id, nm_mapping_print(m, text), port);
	}
	return 0;
}

/* Who needs a setting that somebody else has switched on shares the duty to switch it off. */
static void inherit_settings(struct nm_record *r, const struct nm_records *others)
{
	for (size_t i = 0; i < others->n; i++) {
		const struct nm_record *o = &others->v[i];

		if (r->localnet[0] && !strcmp(r->localnet, o->localnet))
			r->localnet_set |= o->localnet_set;
		if (r->bridge_port[0] && !strcmp(r->bridge_port, o->bridge_port))
			r->hairpin_set |= o->hairpin_set;
	}
}

static int find_concerned(
	struct nm_change *change, const struct nm_record *r, struct nm_records *ret, struct nm_err *err)
{
	struct nm_state_query query = {
		.id = r->id,
		.mappings = r->mappings.v,
		.n_mappings = r->mappings.n,
		.address = r->address,
		.families = r->families,
		.localnet = r->localnet[0] ? r->localnet : NULL,
		.bridge_port = r->bridge_port[0] ? r->bridge_port : NULL,
		.set = true,
		.backend = r->backend,
		.except = &change->replaced,
	};

	return nm_state_search(change->state, &query, ret, err);
}

/* Makes the rules of the container those of its former record again; without one they go. */
static int restore(struct nm_change *undo, const struct nm_record *r, struct nm_err *err)
{
	struct nm_records *list = &undo->replaced;
	struct nm_record former = {0};
	bool committed;
	int rc;

	if (nm_change_find_id(undo, r->id, err) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].offset == r->offset || (former.id && list->v[i].offset < former.offset))
			continue;
		nm_record_done(&former);
		if (nm_record_copy(&list->v[i], &former, err) < 0)
			return -1;
	}
	undo->new = former.id ? &former : NULL;
	rc = nm_change_apply(undo, &committed, err);
	undo->new = NULL;
	nm_record_done(&former);
	return rc;
}

/* Undoes a change that failed half-way. *err stays what it is, and says more if this fails too. */
static void roll_back(struct nm_change *change, struct nm_record *r, bool committed, struct nm_err *err)
{
	struct nm_change undo = {.state = change->state, .nl = change->nl, .options = change->options};
	struct nm_err second;
	int rc = committed ? restore(&undo, r, &second) : 0;

	change->nl = undo.nl;
	nm_records_done(&undo.replaced);
	nm_records_done(&undo.peers);
	if (rc < 0)
		(void)nm_wrap(err, "not undone (%s)", second.msg);
	else if (nm_state_retire(change->state, r, &second) < 0)
		nm_log_notice("%s, ignored: it stays recorded until it is withdrawn", second.msg);
}

/* Steps (1) to (3). A hook that runs twice finds the record that it has written. */
static int commit(struct nm_change *change, struct nm_record *r, bool *ret_repeated, struct nm_err *err)
{
	bool committed = false;

	*ret_repeated = change->replaced.n == 1 && nm_record_same(&change->replaced.v[0], r);
	if (*ret_repeated)
		r->offset = change->replaced.v[0].offset;
	else if (nm_state_append(change->state, r, err) < 0)
		return -1;
	if (nm_change_apply(change, &committed, err) < 0) {
		if (!*ret_repeated)
			roll_back(change, r, committed, err);
		return -1;
	}
	if (!*ret_repeated)
		nm_change_retire_replaced(change);
	return 0;
}

int nm_publish_record(struct nm_change *change, struct nm_record *r, struct nm_config *c, struct nm_err *err)
{
	struct nm_records *recorded = &change->peers; /* once those that leave have been taken out */
	nm_autohostsettings struct nm_host_settings_view view = NM_HOST_SETTINGS_VIEW;
	bool repeated = false;

	if (nm_change_settle_backend(change, c, err) < 0)
		return -1;
	r->backend = c->backend;
	change->new = r;
	change->options = &c->layout;
	if (find_concerned(change, r, recorded, err) < 0 || nm_host_settings_examine(&view, r, err) < 0)
		return -1;
	inherit_settings(r, &change->replaced);
	inherit_settings(r, recorded);
	if (nm_claim_settle(r, recorded, nm_state_same_pidns(change->state), &change->replaced, err) < 0 ||
		nm_free_port_choose(r, c, change->state, &change->replaced, err) < 0 ||
		check_statics(r, c, &change->replaced, err) < 0 ||
		check_listeners(r, c, &change->replaced, err) < 0 ||
		nm_host_settings_can_enable(r, err) < 0 ||
		nm_host_settings_enable_forwarding(c, r->families, err) < 0 ||
		commit(change, r, &repeated, err) < 0)
		return -1;
	nm_change_end(change, !repeated);
	if (!repeated)
		nm_audit("published", r);
	return 0;
}

int nm_publish(struct nm_record *r, struct nm_config *c, const char *state_dir, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;

	if (nm_sandbox_leave_namespaces(err) < 0 ||
		nm_change_begin(&change, state_dir, NM_STATE_CREATE, c->lock_timeout_ms, err) < 0)
		return -1;
	if (!nm_state_same_pidns(change.state))
		r->pid = 0; /* it would mean another process to those who read it */
	return nm_publish_record(&change, r, c, err);
}

int nm_withdraw(const char *id, const char *bundle, const char *state_dir, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	const struct nm_record *r;

	if (nm_change_begin(&change, state_dir, NM_STATE_WRITE, NM_LOCK_TIMEOUT_MS, err) < 0)
		return -1;
	if (!change.state)
		return 0;
	if (nm_change_find_id(&change, id, err) < 0)
		return -1;
	r = nm_records_newest(&change.replaced, id);
	if (r && nm_claim_other_bundle(r->bundle, bundle)) {
		nm_log_notice("container '%s' of bundle '%s' is not the one that is published, which is of "
			      "bundle '%s': nothing withdrawn",
			id, bundle, r->bundle);
		return 0;
	}
	return r ? nm_change_withdraw(&change, err) : 0;
}
