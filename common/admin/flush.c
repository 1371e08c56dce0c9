/* The order is that of a withdraw: route_localnet off, one transaction that removes the rules, hairpin modes
 * off, networks removed, records retired. A flush that was killed is completed by the next one. */
#include "admin/flush.h"

#include <string.h>

#include "backend/backend.h"
#include "backend/localnet_guard.h"
#include "base/log.h"
#include "host/forwarding.h"
#include "inventory/inventory.h"
#include "network/attach.h"
#include "network/orphans.h"
#include "publish/forward_adopt.h"
#include "publish/forward_switch.h"
#include "publish/host_settings.h"
#include "state/note.h"

static int check_live(const struct nm_inventory *s, bool force, struct nm_err *err)
{
	if (force || s->live.n == 0)
		return 0;
	return nm_fail(err, NM_ERR_FAILED,
		"%zu %s published, among them '%s': flush --force withdraws what there is", s->live.n,
		s->live.n == 1 ? "container is" : "containers are", s->live.v[0].id);
}

/* All records are replaced, by nothing, whoever is alive. */
static int replace_all(struct nm_inventory *s, struct nm_records *ret, struct nm_err *err)
{
	struct nm_records *lists[] = {&s->dead, &s->live, &s->superseded, NULL};

	for (struct nm_records **list = lists; *list; list++)
		for (size_t i = 0; i < (*list)->n; i++)
			if (nm_records_add(ret, &(*list)->v[i], err) < 0)
				return -1;
	return 0;
}

/* Without the guard rule, route_localnet would open the host's own services on 127.0.0.1. */
static int release_guards(struct nm_change *change, struct nm_records *replaced, struct nm_err *err)
{
	const struct nm_records *const lists[] = {replaced, NULL};
	NM_CLEANUP(nm_desired_done) struct nm_desired kept = {0};
	size_t n;

	(void)nm_host_settings_disable_localnet(replaced);
	if (nm_localnet_guard_release(&change->nl, lists, NM_BACKEND_IPTABLES, &kept, &n, err) < 0)
		return -1;
	if (n == 0)
		return 0;
	return nm_fail(err, NM_ERR_FAILED,
		"switching route_localnet off: it stays on, and so do the rules that guard 127.0.0.0/8");
}

static int prepare(void *left, struct nm_nft_attempt *attempt, struct nm_err *err)
{
	static const struct nm_desired none;

	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		if (nm_backend_ops(b)->flush(&none, attempt, left, err) < 0)
			return -1;
	return 0;
}

/* Without its guard, an interface that forwards would open every container. */
static int release_forwarding(struct nm_change *change, struct nm_forward_switch *forward, struct nm_err *err)
{
	const struct nm_forward_need nothing = {.active = 0};

	if (nm_forward_adopt(forward, change->state, &change->nl, err) < 0 ||
		nm_forward_switch_plan(forward, change->state, &nothing, err) < 0 ||
		nm_forward_switch_disable(forward, err) < 0)
		return -1;
	if (forward->desired.n == 0)
		return 0;
	return nm_fail(err, NM_ERR_FAILED,
		"switching forwarding off on '%s': it stays on, and so do the rules that close the interface",
		forward->desired.v[0].name);
}

static void remove_networks(const struct nm_records *replaced)
{
	static const struct nm_records none;
	const struct nm_attach_others others = {NULL, &none, &none};
	struct nm_err err;

	if (nm_attach_remove(replaced, &others, &err) < 0 || nm_orphans_remove(&none, &none, &err) < 0)
		nm_log_notice("%s, ignored: gc removes it", err.msg);
}

static int flush(
	struct nm_change *change, struct nm_records *replaced, struct nm_flush_left *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_forward_switch_done) struct nm_forward_switch forward = {.global = 0};

	if (release_guards(change, replaced, err) < 0 || release_forwarding(change, &forward, err) < 0 ||
		nm_nft_transaction_run(
			&change->nl, NM_BOTH_FAMILIES, true, prepare, &ret->iptables, NULL, err) < 0) {
		if (err->kind != NM_ERR_UNCERTAIN) { /* else the guards may be gone */
			nm_forward_switch_undo(&forward, change->state);
			nm_host_settings_reenable_localnet(replaced);
		}
		return -1;
	}
	nm_forward_switch_settle(&forward, change->state);
	(void)nm_host_settings_disable_hairpin(replaced);
	remove_networks(replaced);
	nm_change_retire_replaced(change, replaced);
	nm_state_forget_damaged(change->state);
	return nm_host_settings_hairpin_is_off(replaced, err);
}

/* It stays on, since others may rely on it by now. */
static void find_forwarding(const struct nm_state *st, struct nm_flush_left *ret)
{
	struct nm_err err;

	nm_each_family(f, nm_host_settings_forwarding_set(st))
		ret->forwarding[f] = nm_forwarding_is_global(f);
	if (nm_note_write(st, NM_NOTE_FORWARDING, NULL, &err) < 0)
		nm_log_notice("%s, ignored: it is only what natmap switched on", err.msg);
}

int nm_flush(const char *state_dir, bool force, struct nm_flush_left *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_inventory_done) struct nm_inventory s = NM_INVENTORY_INIT;
	NM_CLEANUP(nm_claim_done) struct nm_claim claim = {0};

	*ret = (struct nm_flush_left){0};
	if (nm_inventory_begin(&s, state_dir, force ? NM_STATE_FORCE : NM_STATE_CREATE, err) < 0 ||
		nm_inventory_check_state(&s, force, err) < 0 || check_live(&s, force, err) < 0 ||
		replace_all(&s, &claim.replaced, err) < 0 || flush(&s.change, &claim.replaced, ret, err) < 0)
		return -1;
	find_forwarding(s.change.state, ret);
	nm_change_end(&s.change, &claim);
	return 0;
}
