#include "publish/withdraw.h"

#include "base/log.h"
#include "publish/host_settings.h"

int nm_withdraw_replaced(struct nm_change *change, struct nm_claim *claim, struct nm_err *err)
{
	const struct nm_attach_others others = {NULL, &claim->peers, &claim->held};
	int rc;

	if (nm_change_find_peers(change, claim, err) < 0 || nm_change_apply(change, claim, NULL, err) < 0 ||
		nm_attach_remove(&claim->replaced, &others, err) < 0 ||
		nm_change_retire(change, &claim->replaced, err) < 0)
		return -1;
	nm_state_compact(change->state);
	rc = nm_host_settings_hairpin_is_off(&claim->replaced, err);
	nm_change_end(change, claim);
	return rc;
}

int nm_withdraw(const char *id, const char *bundle, const char *state_dir, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	NM_CLEANUP(nm_claim_done) struct nm_claim claim = {0};
	const struct nm_record *r;

	if (nm_change_begin(&change, state_dir, NM_STATE_WRITE, NM_WITHDRAW_TIMEOUT_MS, err) < 0 ||
		nm_change_find_id(&change, id, &claim.replaced, err) < 0)
		return -1;
	r = nm_records_newest(&claim.replaced, id);
	if (!r)
		return 0;
	if (!nm_claim_other_bundle(r->bundle, bundle))
		return nm_withdraw_replaced(&change, &claim, err);
	nm_log_notice("container '%s' of bundle '%s' is not the one that is published, which is of "
		      "bundle '%s': nothing withdrawn",
		id, bundle, r->bundle);
	return 0;
}
