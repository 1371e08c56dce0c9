/* What a hook after the end would have done, for those whose hook never ran. Who is there is judged as a
 * reload does it (admin/inventory.c); a record that does not count any more though its container is there is
 * left to that. */
#include "admin/gc.h"

#include "admin/inventory.h"

static int check_pidns(const struct nm_change *change, struct nm_err *err)
{
	if (nm_state_same_pidns(change->state))
		return 0;
	return nm_fail(err, NM_ERR_FAILED,
		"the state is of another PID namespace, in which process numbers mean others");
}

int nm_gc(const char *state_dir, struct nm_records *ret_withdrawn, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	NM_CLEANUP(nm_inventory_done) struct nm_inventory inventory = {0};

	if (nm_change_begin(&change, state_dir, NM_STATE_WRITE, NM_LOCK_TIMEOUT_MS, err) < 0)
		return -1;
	if (!change.state)
		return 0;
	if (check_pidns(&change, err) < 0 || nm_inventory_take(change.state, &inventory, err) < 0)
		return -1;
	change.replaced = nm_records_steal(&inventory.dead);
	change.peers = nm_records_steal(&inventory.live);
	change.knows_peers = true;
	if (change.replaced.n > 0 && nm_change_withdraw(&change, err) < 0)
		return -1;
	*ret_withdrawn = nm_records_steal(&change.replaced);
	return 0;
}

static int check_gone(const struct nm_change *change, const char *id, struct nm_err *err)
{
	const struct nm_record *r = nm_records_newest(&change->replaced, id);
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

	if (nm_change_begin(&change, state_dir, NM_STATE_WRITE, NM_LOCK_TIMEOUT_MS, err) < 0)
		return -1;
	if (!change.state)
		return nm_fail(err, NM_ERR_FAILED, "nothing is published for it");
	if (nm_change_find_id(&change, id, err) < 0 || check_gone(&change, id, err) < 0)
		return -1;
	return nm_change_withdraw(&change, err);
}
