#include "inventory/snapshot.h"

#include "state/search.h"

int nm_snapshot_read(struct nm_inventory *s, const char *state_dir, int socket, bool stand_ins_do,
	struct nm_records *all, struct nm_err *err)
{
	const struct nm_state_query everyone = {.all = true};
	nm_autostate struct nm_state *state = NULL;

	if (nm_state_open(state_dir, NM_STATE_READ, s->config->lock_timeout_ms, &state, err) < 0)
		return -1;
	if (!state || !nm_state_same_pidns(state))
		return 0;
	if (stand_ins_do && nm_verified_read(state, socket, s->config->fingerprint, &s->verified) &&
		s->verified.has_stand_ins)
		return 0;
	if (nm_state_search(state, &everyone, all, err) < 0)
		return -1;
	nm_records_keep_newest(all);
	return 0;
}

const struct nm_records *nm_snapshot_of(const struct nm_inventory *s, const struct nm_records *all)
{
	return s->verified.has_stand_ins && !all->n ? &s->verified.stand_ins : all;
}

int nm_snapshot_check_home(const struct nm_nsid *home, struct nm_err *err)
{
	struct nm_nsid now;

	if (nm_netns_self("net", &now, err) < 0)
		return -1;
	return nm_nsid_equal(&now, home)
		? 0
		: nm_fail(err, NM_ERR_FAILED, "the way back into the host's network namespace is closed");
}
