/* Does what a hook after the end would have done, and judges who is alive as a reload does
 * (inventory/inventory.c). */
#include "admin/gc.h"

#include <string.h>

#include "base/log.h"
#include "inventory/moved.h"
#include "network/orphans.h"
#include "publish/stale_flows.h"
#include "publish/withdraw.h"

/* Brings the kernel in line with the newest record of a container, and retires the others. */
static int complete(
	struct nm_change *change, struct nm_claim *claim, const struct nm_config *c, struct nm_err *err)
{
	if (nm_change_find_peers(change, claim, err) < 0 ||
		nm_change_apply(change, claim, &c->layout, err) < 0)
		return -1;
	if (claim->new->held != claim->replaced.v[0].held) /* nm_moved_hold() has told */
		nm_stale_flows_delete(change->nl.fd, claim);
	else
		nm_log_notice("container '%s': a change that was cut short is completed", claim->new->id);
	return nm_change_retire(change, &claim->replaced, err);
}

/* Both lists are sorted by id. */
static int complete_all(struct nm_inventory *inventory, const struct nm_config *c, struct nm_err *err)
{
	struct nm_records *superseded = &inventory->superseded;
	struct nm_err cause;
	size_t at = 0;

	for (size_t i = 0; i < inventory->live.n && at < superseded->n; i++) {
		NM_CLEANUP(nm_claim_done) struct nm_claim claim = {.new = &inventory->live.v[i]};

		for (; at < superseded->n && !strcmp(superseded->v[at].id, claim.new->id); at++)
			if (nm_records_add(&claim.replaced, &superseded->v[at], err) < 0)
				return -1;
		if (claim.replaced.n > 0 && complete(&inventory->change, &claim, c, &cause) < 0)
			nm_log_notice("container '%s': %s, ignored: a change of it stays cut short",
				claim.new->id, cause.msg);
	}
	return 0;
}

/* Somebody may have switched forwarding on for all, or off; an interface may have come. */
static int refresh_forwarding(struct nm_inventory *s, struct nm_err *err)
{
	enum nm_backend backend = s->live.n > 0 ? s->live.v[0].backend : NM_BACKEND_IPTABLES;

	return nm_change_refresh_forwarding(&s->change, nm_inventory_forwards(s), backend, err);
}

int nm_gc(const struct nm_config *c, const char *state_dir, struct nm_records *ret_withdrawn,
	struct nm_err *err)
{
	NM_CLEANUP(nm_inventory_done) struct nm_inventory s = NM_INVENTORY_INIT;
	NM_CLEANUP(nm_claim_done) struct nm_claim claim = {0};

	if (nm_change_begin(&s.change, state_dir, NM_STATE_WRITE, NM_WITHDRAW_TIMEOUT_MS, err) < 0)
		return -1;
	if (!s.change.state)
		return 0;
	if (!nm_state_same_pidns(s.change.state))
		return nm_fail(err, NM_ERR_FAILED,
			"the state is of another PID namespace, in which process numbers mean others");
	if (nm_inventory_take(&s, err) < 0)
		return -1;
	s.change.config = c;
	if (!c && s.superseded.n > 0)
		nm_log_notice("without a configuration, changes that were cut short stay so");
	else if (c &&
		(nm_inventory_follow_renamed(&s, &c->layout, err) < 0 ||
			nm_moved_hold(&s, &c->policy, err) < 0 || complete_all(&s, c, err) < 0))
		return -1;
	if (c && refresh_forwarding(&s, err) < 0)
		return -1;
	if (nm_orphans_remove(&s.live, &s.dead, err) < 0)
		return -1;
	claim.replaced = nm_steal(&s.dead);
	if (claim.replaced.n > 0 && nm_withdraw_replaced(&s.change, &claim, err) < 0)
		return -1;
	*ret_withdrawn = nm_steal(&claim.replaced);
	return 0;
}

static int check_gone(const struct nm_change *change, const struct nm_record *r, struct nm_err *err)
{
	bool gone = false;

	if (!r)
		return nm_fail(err, NM_ERR_FAILED, "nothing is published for it");
	if (!r->pid || !nm_state_same_pidns(change->state))
		return 0;
	if (nm_record_gone(r, &gone, err) < 0)
		return -1;
	return gone ? 0 : nm_fail(err, NM_ERR_FAILED, "it is running; natmap remove withdraws its ports");
}

int nm_gc_id(const char *state_dir, const char *id, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	NM_CLEANUP(nm_claim_done) struct nm_claim claim = {0};

	if (nm_change_begin(&change, state_dir, NM_STATE_WRITE, NM_WITHDRAW_TIMEOUT_MS, err) < 0 ||
		nm_change_find_id(&change, id, &claim.replaced, err) < 0)
		return -1;
	if (check_gone(&change, nm_records_newest(&claim.replaced, id), err) < 0)
		return -1;
	return nm_withdraw_replaced(&change, &claim, err);
}
