/*
 * How a reload works.
 *
 * Without the lock, live containers are looked at whose addresses have changed (inventory/moved.c), or whose
 * networks lack something (inventory/networks.c).
 *
 * Under the lock, these networks are completed first: more depends on them. The inventory finds dead and live
 * containers and the desired rules (inventory/inventory.c). Nothing else is changed until then. Next, reload
 * (1) appends records of live containers that changed, because an address, an interface or the configuration
 *     did,
 * (2) switches off settings that no live container needs,
 * (3) commits the difference between the kernel's rules and the desired ones in one transaction,
 * (4) switches on the settings that live containers need,
 * (5) removes networks that no live container has,
 * (6) retires the dead and superseded records.
 * None of that, if all is as it was when natmap last looked (inventory/unchanged.c).
 * A reload that was killed before (3) is completed by the next one, which examines everything again.
 *
 * A setting that cannot be switched on is a notice: rules without it are better than none.
 */
#include "admin/reload.h"

#include "inventory/moved.h"
#include "inventory/unchanged.h"
#include "backend/backend.h"
#include "backend/localnet_guard.h"
#include "base/log.h"
#include "network/attach.h"
#include "network/orphans.h"
#include "publish/host_settings.h"
#include "state/note.h"

static int check_conflicts(const struct nm_inventory *s, struct nm_err *err)
{
	for (size_t i = 0; i < s->live.n; i++)
		if (nm_static_nats_check_conflict(&s->config->statics, &s->live.v[i].mappings, err) < 0)
			return nm_wrap(err, "container '%s'", s->live.v[i].id);
	return 0;
}

static int append_renewed(struct nm_inventory *s, struct nm_err *err)
{
	for (size_t i = 0; i < s->live.n; i++)
		if (s->changed[i] && nm_state_append(s->change.state, &s->live.v[i], err) < 0)
			return -1;
	return 0;
}

/* Nothing but what all publications share. */
static bool wants_nothing(const struct nm_inventory *s)
{
	const struct nm_desired *d = &s->desired;

	return s->live.n == 0 && s->config->statics.n == 0 && !d->guards[NM_BACKEND_IPTABLES] &&
		!d->guards[NM_BACKEND_NFTABLES] && !d->forwards;
}

/* Rules that have lost their chains. */
static int remove_strays(struct nm_nft_attempt *a, struct nm_err *err)
{
	static const struct nm_desired none;
	struct nm_iptables_left left; /* others use it */

	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		if (nm_backend_ops(b)->flush(&none, a, &left, err) < 0)
			return -1;
	return 0;
}

/* What the other backend has goes in the same transaction. A host where natmap has nothing to do, and nothing
 * is of natmap, as before the first publication and after a flush, stays as it is. */
static int prepare(void *ctx, struct nm_nft_attempt *a, struct nm_err *err)
{
	struct nm_inventory *s = ctx;
	enum nm_backend used = s->config->backend;
	struct nm_desired *desired = &s->desired;
	struct nm_iptables_left left; /* others use it */
	bool is_there = true;

	if (wants_nothing(s) && nm_backend_is_there(a->nl, &is_there, err) < 0)
		return -1;
	if (!is_there)
		return remove_strays(a, err);
	if (nm_desired_read_accept(desired, used, a->nl, nm_inventory_families(s), err) < 0)
		return -1;
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++) {
		const struct nm_backend_ops *ops = nm_backend_ops(b);

		if ((b == used ? ops->rewrite(desired, a, err) : ops->flush(desired, a, &left, err)) < 0)
			return -1;
	}
	return 0;
}

static void enable_settings(const struct nm_inventory *s)
{
	struct nm_err err;

	if (nm_host_settings_enable_forwarding(
		    s->config, s->change.state, nm_inventory_forwards(s), NULL, &err) < 0 ||
		nm_forward_switch_enable(&s->forward, &err) < 0)
		nm_log_notice("%s, ignored: the rules wait for it", err.msg);
	nm_forward_switch_settle(&s->forward, s->change.state);
	for (size_t i = 0; i < s->live.n; i++)
		if (s->needs_enable[i] && nm_host_settings_enable(&s->live.v[i], &err) < 0)
			nm_log_notice(
				"container '%s': %s, ignored: its rules are there", s->live.v[i].id, err.msg);
}

/* What could not be switched off keeps its guard. */
static int disable_forwarding(struct nm_inventory *s, struct nm_err *err)
{
	const struct nm_forwarded *desired = &s->forward.desired;
	size_t n = desired->n;

	if (nm_forward_switch_disable(&s->forward, err) < 0)
		return -1;
	for (; n < desired->n; n++)
		if (nm_desired_add_forward(&s->desired, desired->v[n].family, desired->v[n].name,
			    desired->v[n].bridged, desired->backend, err) < 0)
			return -1;
	return 0;
}

static int apply(struct nm_inventory *s, struct nm_nft_generations *ret, size_t *ret_kept, struct nm_err *err)
{
	const struct nm_records *const replaced[] = {&s->dead, &s->superseded, NULL};
	const struct nm_backend_commit commit = {
		s->config->backend, &s->desired, NM_BOTH_FAMILIES, true, prepare, s, ret};
	struct nm_netlink *nl = &s->change.nl;
	int rc;

	if (append_renewed(s, err) < 0 || nm_host_settings_keep_shared(&s->dead, &s->live, NULL, err) < 0 ||
		nm_host_settings_keep_shared(&s->superseded, &s->live, NULL, err) < 0 ||
		nm_forward_switch_record(&s->forward, s->change.state, err) < 0)
		return -1;
	(void)nm_host_settings_disable_localnet(&s->dead);
	(void)nm_host_settings_disable_localnet(&s->superseded);
	rc = disable_forwarding(s, err);
	if (rc == 0)
		rc = nm_localnet_guard_release(nl, replaced, s->config->backend, &s->desired, ret_kept, err);
	if (rc == 0)
		rc = nm_backend_commit(nl, &commit, err);
	if (rc < 0 && err->kind == NM_ERR_UNCERTAIN) /* the guards may be gone */
		return -1;
	if (rc < 0) {
		nm_forward_switch_undo(&s->forward, s->change.state);
		nm_host_settings_reenable_localnet(&s->dead);
		nm_host_settings_reenable_localnet(&s->superseded);
		return -1;
	}
	*ret_kept += !nm_host_settings_disable_hairpin(&s->dead);
	*ret_kept += !nm_host_settings_disable_hairpin(&s->superseded);
	enable_settings(s);
	return 0;
}

/* With the state lost, and without records of those who are dead, too. */
static void remove_orphans(const struct nm_inventory *s)
{
	static const struct nm_records none;
	struct nm_err err;

	if (nm_orphans_remove(&s->live, &none, &err) < 0)
		nm_log_notice("%s, ignored: the next reload removes what is left of networks", err.msg);
}

static void remove_networks(const struct nm_inventory *s)
{
	static const struct nm_records none;
	const struct nm_attach_others others = {NULL, &s->live, &none};
	struct nm_err err;

	if (nm_attach_remove(&s->dead, &others, &err) < 0)
		nm_log_notice("%s, ignored: the next reload removes it", err.msg);
	remove_orphans(s);
}

static void retire(struct nm_inventory *s)
{
	struct nm_err err;

	if (nm_change_retire(&s->change, &s->superseded, &err) < 0)
		nm_log_notice("%s, ignored: what is recorded behind it counts", err.msg);
	nm_change_retire_replaced(&s->change, &s->dead);
}

/* The rules that are verified must be those whose handles are recorded. */
static void forget_handles(struct nm_inventory *s)
{
	for (size_t i = 0; s->has_other_rules && i < s->live.n; i++)
		if (!nm_handles_known(&s->live.v[i].handles))
			nm_state_write_handles(s->change.state, &s->live.v[i]);
}

static void note(const struct nm_state *st, const char *result)
{
	struct nm_err err;

	if (st && nm_note_write(st, NM_NOTE_RELOAD, result, &err) < 0)
		nm_log_notice("%s, ignored: only natmap metrics reads it", err.msg);
}

/* Whether the rules are known to be right; only then, what reload has read and not changed was of one
 * generation. */
static bool is_verified(struct nm_inventory *s, const struct nm_nft_generations *generations)
{
	uint32_t now;
	struct nm_err err;

	return generations->after != generations->before ||
		(nm_nft_transaction_generation(&s->change.nl, &now, &err) == 0 && now == generations->after);
}

/* All that is not known to be right already. */
static int restore(struct nm_inventory *s, bool force, struct nm_err *err)
{
	struct nm_nft_generations generations = {s->verified.head.generation, s->verified.head.generation};
	size_t kept = 0; /* guards and records that the next reload is to try again */

	if (nm_inventory_settle(s, err) < 0 || nm_inventory_check_state(s, force, err) < 0 ||
		check_conflicts(s, err) < 0 || nm_inventory_plan(s, err) < 0)
		return -1;
	if (!s->agrees || !nm_unchanged_is_settled(s)) {
		if (nm_inventory_plan_rules(s, err) < 0 || apply(s, &generations, &kept, err) < 0)
			return -1;
		forget_handles(s);
		remove_networks(s);
		retire(s);
		nm_state_forget_damaged(s->change.state);
	} else if (s->networks.has_orphans) {
		remove_orphans(s);
	}
	if (kept == 0 && is_verified(s, &generations))
		nm_unchanged_remember(s, generations.after, false, 0);
	return 0;
}

static int reload(struct nm_inventory *s, const char *state_dir, bool force, struct nm_err *err)
{
	bool unchanged = false;

	/* forced, it goes on where the state cannot be read */
	if ((!force && nm_moved_find(s, state_dir, err) < 0) ||
		nm_inventory_open(s, state_dir, force ? NM_STATE_FORCE : NM_STATE_CREATE, err) < 0)
		return -1;
	nm_networks_repair(s);
	if (!force && nm_unchanged_recall(s, &unchanged, err) < 0)
		return -1;
	if (unchanged && s->networks.has_orphans)
		remove_orphans(s);
	return unchanged ? 0 : restore(s, force, err);
}

/* Of what has moved, flows go on to the former addresses. */
static int add_former(struct nm_inventory *s, struct nm_claim *claim, struct nm_err *err)
{
	for (size_t i = 0; claim->held.n > 0 && i < s->superseded.n; i++) {
		struct nm_record *r = &s->superseded.v[i];

		if (nm_records_newest(&claim->held, r->id) && nm_records_add(&claim->replaced, r, err) < 0)
			return -1;
	}
	return 0;
}

int nm_reload(struct nm_config *c, const char *state_dir, bool force, struct nm_err *err)
{
	NM_CLEANUP(nm_inventory_done)
	struct nm_inventory s = {.config = c, .removes = true, .change = NM_CHANGE_INIT};
	NM_CLEANUP(nm_claim_done) struct nm_claim claim = {0};
	int rc = reload(&s, state_dir, force, err);

	note(s.change.state, rc < 0 ? NM_NOTE_FAILED : NM_NOTE_DONE);
	if (rc < 0)
		return -1;
	claim.replaced = nm_steal(&s.dead);
	claim.peers = nm_steal(&s.live);
	claim.held = nm_steal(&s.moved);
	if (add_former(&s, &claim, err) < 0)
		return -1;
	nm_change_end(&s.change, &claim);
	return 0;
}

void nm_reload_note_failure(const char *state_dir)
{
	nm_autostate struct nm_state *st = NULL;
	struct nm_err err;

	if (nm_state_open(state_dir, NM_STATE_WRITE, NM_LOCK_TIMEOUT_MS, &st, &err) < 0)
		nm_log_notice("%s, ignored: only natmap metrics would have known", err.msg);
	note(st, NM_NOTE_FAILED);
}
