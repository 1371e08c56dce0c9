/*
 * The order matters: route_localnet is switched off before the guard rules go and on after they stand, so
 * that no moment exposes the host's own 127.0.0.1 to containers.
 */
#include "publish/change.h"

#include <linux/netlink.h>

#include "backend/choose.h"
#include "backend/kernel_commit.h"
#include "base/log.h"
#include "host/detach.h"
#include "host/sandbox.h"
#include "publish/audit.h"
#include "publish/host_settings.h"
#include "publish/stale_flows.h"
#include "state/search.h"

int nm_change_begin(struct nm_change *change, const char *state_dir, enum nm_state_access access,
	unsigned timeout_ms, struct nm_err *err)
{
	if (nm_sandbox_leave_namespaces(err) < 0 ||
		nm_state_open(state_dir, access, timeout_ms, &change->state, err) < 0)
		return -1;
	return change->state ? nm_sandbox_confine(state_dir, err) : 0;
}

int nm_change_connect(struct nm_change *change, struct nm_err *err)
{
	if (change->nl.fd >= 0)
		return 0;
	if (nm_netlink_open(NETLINK_NETFILTER, &change->nl, err) < 0)
		return -1;
	nm_detach_keep(change->nl.fd);
	return 0;
}

int nm_change_settle_backend(struct nm_change *change, struct nm_config *c, struct nm_err *err)
{
	if (c->backend != NM_BACKEND_AUTO)
		return 0;
	return nm_change_connect(change, err) < 0 ? -1 : nm_backend_choose(&change->nl, &c->backend, err);
}

int nm_change_find_id(struct nm_change *change, const char *id, struct nm_records *ret, struct nm_err *err)
{
	const struct nm_state_query query = {.id = id};

	if (nm_state_search(change->state, &query, ret, err) < 0)
		return -1;
	nm_records_keep_id(ret, id);
	return 0;
}

int nm_change_find_peers(struct nm_change *change, struct nm_claim *claim, struct nm_err *err)
{
	const struct nm_state_query query = {.sharing = &claim->replaced, .except = &claim->replaced};

	if (claim->replaced.n && nm_state_search(change->state, &query, &claim->peers, err) < 0)
		return -1;
	if (claim->new)
		nm_records_drop(&claim->peers, claim->new->offset);
	return 0;
}

int nm_change_apply(struct nm_change *change, struct nm_claim *claim, const struct nm_layout_options *options,
	bool *ret_committed, struct nm_err *err)
{
	struct nm_records *replaced = &claim->replaced;

	*ret_committed = false;
	if (nm_change_connect(change, err) < 0 ||
		nm_host_settings_keep_shared(replaced, &claim->peers, claim->new, err) < 0)
		return -1;
	nm_host_settings_disable_localnet(replaced);
	if (nm_kernel_commit(&change->nl, claim->new, options, replaced, &claim->peers, err) < 0) {
		nm_host_settings_restore_localnet(replaced);
		return -1;
	}
	*ret_committed = true;
	nm_host_settings_disable_hairpin(replaced);
	return claim->new ? nm_host_settings_enable(claim->new, err) : 0;
}

int nm_change_retire(struct nm_change *change, const struct nm_records *records, struct nm_err *err)
{
	for (size_t i = 0; i < records->n; i++)
		if (nm_state_retire(change->state, &records->v[i], err) < 0)
			return -1;
	return 0;
}

void nm_change_retire_replaced(struct nm_change *change, const struct nm_records *replaced)
{
	struct nm_err err;

	if (nm_change_retire(change, replaced, &err) < 0)
		nm_log_notice("%s, ignored: replaced ports stay recorded until they are withdrawn", err.msg);
	nm_state_compact(change->state);
}

void nm_change_end(struct nm_change *change, struct nm_claim *claim)
{
	nm_state_unlock(change->state);
	nm_stale_flows_delete(change->nl.fd, claim);
	nm_audit_withdrawn(&claim->replaced, claim->new ? claim->new->id : NULL);
}

void nm_change_done(struct nm_change *change)
{
	nm_state_close(change->state);
	*change = (struct nm_change)NM_CHANGE_INIT;
}
