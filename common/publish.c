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
#include "publish.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "change.h"
#include "dynamic.h"
#include "json.h"
#include "linger.h"
#include "listener.h"
#include "log.h"
#include "ownership.h"
#include "sandbox.h"
#include "settings.h"

enum { PORTS_TEXT_SIZE = 512 };

/* "8080:80/tcp 53:53/udp", cut at a reasonable length. */
static const char *print_ports(const struct nm_mappings *m, char buf[static PORTS_TEXT_SIZE])
{
	char text[NM_PORTSPEC_STRLEN];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < m->n && used < PORTS_TEXT_SIZE; i++)
		used += (size_t)snprintf(buf + used, PORTS_TEXT_SIZE - used, "%s%s", i > 0 ? " " : "",
			nm_mapping_print(&m->v[i], text));
	return buf;
}

static void audit(const char *verb, const struct nm_record *r)
{
	char ports[PORTS_TEXT_SIZE], ipv4[NM_ADDR_STRLEN] = "", ipv6[NM_ADDR_STRLEN] = "";

	if (r->families & NM_IPV4_BIT)
		nm_addr_print(&r->address[NM_IPV4].addr, ipv4);
	if (r->families & NM_IPV6_BIT)
		nm_addr_print(&r->address[NM_IPV6].addr, ipv6);
	nm_log_audit("%s container '%s': %s to %s%s%s", verb, r->id, print_ports(&r->mappings, ports), ipv4,
		ipv4[0] && ipv6[0] ? " " : "", ipv6);
}

static int check_listeners(const struct nm_record *r, const struct nm_config *c, struct nm_err *err)
{
	nm_autolistener struct nm_listener *listener = NULL;
	char text[NM_PORTSPEC_STRLEN];
	uint16_t port;

	if (c->listener_check == NM_LISTENER_OFF)
		return 0;
	if (nm_listener_open(&listener, err) < 0)
		return -1;
	for (size_t i = 0; i < r->mappings.n; i++) {
		const struct nm_mapping *m = &r->mappings.v[i];

		if (nm_listener_find(listener, m, &port, err) < 0)
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
	struct nm_state *st, const struct nm_record *r, struct nm_records *ret, struct nm_err *err)
{
	struct nm_state_query query = {
		.all = nm_dynamic_is_needed(&r->mappings),
		.id = r->id,
		.mappings = r->mappings.v,
		.n_mappings = r->mappings.n,
		.address = r->address,
		.families = r->families,
		.localnet = r->localnet[0] ? r->localnet : NULL,
		.bridge_port = r->bridge_port[0] ? r->bridge_port : NULL,
		.set = true,
	};

	return nm_state_find(st, &query, ret, err);
}

static int retire_all(struct nm_state *st, const struct nm_records *records, struct nm_err *err)
{
	for (size_t i = 0; i < records->n; i++)
		if (nm_state_retire(st, &records->v[i], err) < 0)
			return -1;
	return 0;
}

/* True when the only record of the container says the same already: a hook that ran twice. */
static int is_repetition(
	const struct nm_record *r, const struct nm_records *leaving, bool *ret, struct nm_err *err)
{
	nm_autojsonw struct nm_jsonw *a = nm_jsonw_new(), *b = nm_jsonw_new();
	const char *old, *new;
	size_t len;

	*ret = false;
	if (leaving->n != 1)
		return 0;
	nm_jsonw_object(a);
	nm_record_write(&leaving->v[0], a);
	nm_jsonw_object_end(a);
	nm_jsonw_object(b);
	nm_record_write(r, b);
	nm_jsonw_object_end(b);
	old = nm_jsonw_finish(a, &len, err);
	new = old ? nm_jsonw_finish(b, &len, err) : NULL;
	if (!new)
		return -1;
	*ret = !strcmp(old, new);
	return 0;
}

/* Undoes a change that failed half-way. *err stays what it is, and says more if this fails too. */
static void roll_back(struct nm_change *change, struct nm_record *r, bool committed, struct nm_err *err)
{
	struct nm_change undo = {.state = change->state, .nl = change->nl};
	struct nm_record copy = *r;
	struct nm_records borrowed = {.v = &copy, .n = 1, .capacity = 1};
	struct nm_err second;
	int rc;

	undo.leaving = borrowed;
	rc = committed ? nm_change_apply(&undo, &committed, &second) : 0;
	nm_records_done(&undo.staying);
	if (rc < 0)
		(void)nm_wrap(err, "not undone (%s)", second.msg);
	else if (nm_state_retire(change->state, r, &second) < 0)
		nm_log_notice("%s, ignored: it stays recorded until it is withdrawn", second.msg);
}

/* Steps (1) to (3). */
static int commit(struct nm_change *change, struct nm_record *r, bool *ret_done, struct nm_err *err)
{
	bool committed = false;
	struct nm_err ignored;

	if (is_repetition(r, &change->leaving, ret_done, err) < 0)
		return -1;
	if (*ret_done)
		r->offset = change->leaving.v[0].offset;
	else if (nm_state_append(change->state, r, err) < 0)
		return -1;
	if (nm_change_apply(change, &committed, err) < 0) {
		if (!*ret_done)
			roll_back(change, r, committed, err);
		return -1;
	}
	if (*ret_done)
		return 0;
	if (retire_all(change->state, &change->leaving, &ignored) < 0)
		nm_log_notice("%s, ignored: what left stays recorded until it is withdrawn", ignored.msg);
	nm_state_compact(change->state);
	return 0;
}

static int publish_locked(struct nm_change *change, struct nm_record *r, const struct nm_config *c,
	bool *ret_done, struct nm_err *err)
{
	struct nm_records *recorded = &change->staying; /* once those that leave have been taken out */

	if (find_concerned(change->state, r, recorded, err) < 0 || nm_settings_examine(r, err) < 0)
		return -1;
	inherit_settings(r, recorded);
	if (nm_ownership_settle(r, recorded, nm_state_same_pidns(change->state), &change->leaving, err) < 0 ||
		nm_dynamic_choose(r, c, recorded, &change->leaving, err) < 0 ||
		check_listeners(r, c, err) < 0 || nm_settings_can_enable(r, err) < 0 ||
		nm_settings_enable_forwarding(c, r, err) < 0)
		return -1;
	return commit(change, r, ret_done, err);
}

int nm_publish(struct nm_record *r, const struct nm_config *c, const char *state_dir, struct nm_err *err)
{
	nm_autostate struct nm_state *state = NULL;
	struct nm_netlink nl;
	struct nm_change change = {.nl = &nl, .coming = r, .options = &c->layout};
	bool done = false;
	int rc;

	if (nm_sandbox_leave_namespaces(err) < 0 ||
		nm_state_open(state_dir, NM_STATE_CREATE, c->lock_timeout_ms, &state, err) < 0 ||
		nm_sandbox_confine(state_dir, err) < 0 || nm_netlink_open(NETLINK_NETFILTER, &nl, err) < 0)
		return -1;
	nm_linger_keep(nl.fd);
	if (!nm_state_same_pidns(state))
		r->pid = 0; /* it would mean another process to those who read it */
	change.state = state;
	rc = publish_locked(&change, r, c, &done, err);
	nm_state_unlock(state);
	if (rc == 0 && !done) {
		nm_change_forget_flows(&change);
		for (size_t i = 0; i < change.leaving.n; i++)
			if (strcmp(change.leaving.v[i].id, r->id))
				audit("withdrew", &change.leaving.v[i]);
		audit("published", r);
	}
	nm_change_done(&change);
	return rc;
}

/* The last record of an id is the valid one, where a change was cut short. NULL: there is none. */
static const struct nm_record *newest(const struct nm_records *records)
{
	const struct nm_record *last = records->v;

	for (size_t i = 1; i < records->n; i++)
		if (records->v[i].offset > last->offset)
			last = &records->v[i];
	return records->n ? last : NULL;
}

static int withdraw_locked(struct nm_change *change, const char *id, const char *bundle, struct nm_err *err)
{
	struct nm_state_query query = {.id = id};
	const struct nm_record *r;
	bool committed;

	if (nm_state_find(change->state, &query, &change->leaving, err) < 0)
		return -1;
	nm_records_keep_id(&change->leaving, id);
	r = newest(&change->leaving);
	if (r && nm_ownership_other_bundle(r->bundle, bundle)) {
		nm_log_notice("container '%s' of bundle '%s' is not the one that is published, which is of "
			      "bundle '%s': nothing withdrawn",
			id, bundle, r->bundle);
		nm_records_done(&change->leaving);
	}
	if (change->leaving.n == 0)
		return 0;
	if (nm_netlink_open(NETLINK_NETFILTER, change->nl, err) < 0)
		return -1;
	nm_linger_keep(change->nl->fd);
	if (nm_change_apply(change, &committed, err) < 0 ||
		retire_all(change->state, &change->leaving, err) < 0)
		return -1;
	nm_state_compact(change->state);
	return 0;
}

int nm_withdraw(const char *id, const char *bundle, const char *state_dir, struct nm_err *err)
{
	nm_autostate struct nm_state *state = NULL;
	struct nm_netlink nl;
	struct nm_change change = {.nl = &nl};
	int rc;

	if (nm_state_open(state_dir, NM_STATE_WRITE, NM_LOCK_TIMEOUT_MS, &state, err) < 0)
		return -1;
	if (!state)
		return 0;
	if (nm_sandbox_confine(state_dir, err) < 0)
		return -1;
	change.state = state;
	rc = withdraw_locked(&change, id, bundle, err);
	nm_state_unlock(state);
	if (rc == 0 && change.leaving.n) {
		nm_change_forget_flows(&change);
		audit("withdrew", newest(&change.leaving));
	}
	nm_change_done(&change);
	return rc;
}
