/*
 * How publishing works, and what a kill between two steps leaves behind.
 *
 * A request (publish/request.c) has been made without the lock. Under the lock it becomes a claim: one search
 * of the state finds all that concerns it, ownership is settled, free ports are chosen, listeners are looked
 * for. Nothing has been written until here but forwarding, and the bridge of a network that natmap makes.
 * Then (1) the new record is appended, and the pair of that network is made, (2) the rules are changed in one
 * transaction, (3) networks of replaced records go, and these are retired. Killed after (1), the state knows
 * more than the kernel, after (2) it still knows the old records: the next hook, add or remove for any of
 * these containers puts that right, and so does gc. A failure in (2) retires the new record again. After the
 * lock has been released, stale flows are deleted.
 */
#include "publish/publish.h"

#include <string.h>

#include "backend/localnet_guard.h"
#include "base/log.h"
#include "network/addresses.h"
#include "publish/conflict.h"
#include "publish/forward_switch.h"
#include "publish/free_port.h"
#include "publish/host_settings.h"
#include "publish/request.h"
#include "state/interfaces.h"
#include "state/search.h"

/* Claim */

static bool is_same_process(const struct nm_record *a, const struct nm_record *b)
{
	return a->pid && a->pid == b->pid && a->start == b->start && nm_record_same_netns(a, b);
}

/* A bridge has the subnets and the isolation of its first container until its last one has gone. */
static int check_bridge(const struct nm_records *found, const struct nm_record *r, struct nm_err *err)
{
	for (size_t i = 0; i < found->n; i++) {
		const struct nm_record *o = &found->v[i];

		if (!strcmp(o->network.bridge, r->network.bridge) && strcmp(o->id, r->id) != 0 &&
			!nm_network_attachment_fits(&o->network, &r->network))
			return nm_fail(err, NM_ERR_REFUSED,
				"bridge '%s': container '%s' is on it with other network.subnets, or another "
				"network.isolate, than the configuration has now: they need another "
				"network.bridge",
				r->network.bridge, o->id);
	}
	return 0;
}

/* A search finds one record of a bridge, which may be the container's own. */
static int check_others(struct nm_change *change, const struct nm_records *known, const struct nm_record *r,
	struct nm_err *err)
{
	const struct nm_state_query query = {
		.network = r->network.bridge, .backend = r->backend, .except = known};
	nm_autorecords struct nm_records others = {0};

	if (nm_state_search(change->state, &query, &others, err) < 0)
		return -1;
	return check_bridge(&others, r, err);
}

/* Gives it addresses that nobody has. One that runs keeps its network, whatever the configuration says now.
 */
static int choose_network(
	struct nm_change *change, struct nm_record *r, const struct nm_config *c, struct nm_err *err)
{
	const struct nm_state_query query = {
		.id = r->id, .network = r->network.bridge, .backend = r->backend};
	nm_autorecords struct nm_records found = {0};
	const struct nm_record *known;

	if (nm_state_search(change->state, &query, &found, err) < 0)
		return -1;
	known = nm_records_newest(&found, r->id);
	if (known && known->network.bridge[0] && is_same_process(known, r)) {
		r->network = known->network;
		r->families = known->families;
		return 0;
	}
	if (nm_addresses_allocate(change->state, r->id, &c->network, known, &r->network, err) < 0 ||
		check_bridge(&found, r, err) < 0)
		return -1;
	return known ? check_others(change, &found, r, err) : 0;
}

/* Settles what only the lock can settle of the network that natmap makes: its addresses, and the bridge, on
 * which more depends. */
static int prepare_network(
	struct nm_change *change, struct nm_record *r, const struct nm_config *c, struct nm_err *err)
{
	if (choose_network(change, r, c, err) < 0 ||
		nm_attach_prepare(change->target, r, c->network.mtu, err) < 0)
		return -1;
	nm_request_settle_network(r, change->target->bridge.ifindex, &c->layout);
	return 0;
}

/* Any container of its pod may have the mapping already, with the port that it is to share. */
static bool may_share_a_choice(const struct nm_record *r)
{
	for (size_t i = 0; i < r->mappings.n; i++)
		if (!r->mappings.v[i].host_port && r->mappings.v[i].pool.first)
			return true;
	return false;
}

/* Whether a record needs its route_localnet. */
static int is_localnet_known(
	struct nm_change *change, const struct nm_record *r, bool *ret, struct nm_err *err)
{
	const struct nm_state_query query = {
		.localnet = r->localnet, .localnet_index = r->localnet_index, .backend = r->backend};
	nm_autorecords struct nm_records found = {0};

	if (nm_state_search(change->state, &query, &found, err) < 0)
		return -1;
	*ret = false;
	for (size_t i = 0; i < found.n && !*ret; i++)
		*ret = nm_interfaces_same(
			r->localnet, r->localnet_index, found.v[i].localnet, found.v[i].localnet_index);
	return 0;
}

/* A guard that no record knows is left of a state that was lost, or of a withdraw that could not switch
 * route_localnet off: that was natmap's. */
static int adopt_localnet(struct nm_change *change, struct nm_record *r, struct nm_err *err)
{
	bool known;

	if (!r->localnet[0] || r->localnet_set)
		return 0;
	if (is_localnet_known(change, r, &known, err) < 0)
		return -1;
	if (known)
		return 0;
	return nm_change_connect(change, err) < 0
		? -1
		: nm_localnet_guard_find(&change->nl, r->localnet, &r->localnet_set, err);
}

/* Searches the state for all that shares something with the new record or with the known replaced ones, and
 * adds it to the claim. */
static int settle_owners(
	struct nm_change *change, struct nm_claim *claim, const struct nm_config *c, struct nm_err *err)
{
	nm_autohostsettings struct nm_host_settings_view view = NM_HOST_SETTINGS_VIEW;
	nm_autorecords struct nm_records recorded = {0};
	struct nm_record *r = claim->new;
	const struct nm_state_query query = {
		.id = r->id,
		.mappings = r->mappings.v,
		.n_mappings = r->mappings.n,
		.address = r->address,
		.families = r->families,
		.netns = may_share_a_choice(r) ? NULL : &r->netns,
		.localnet = r->localnet,
		.localnet_index = r->localnet_index,
		.bridge_port = r->bridge_port,
		.bridge_port_index = r->bridge_port_index,
		.network = r->network.bridge,
		.set = true,
		.backend = r->backend,
		.sharing = &claim->replaced,
		.except = &claim->replaced,
	};
	size_t known = claim->replaced.n;

	if (nm_state_search(change->state, &query, &recorded, err) < 0 ||
		nm_host_settings_examine(&view, r, err) < 0)
		return -1;
	nm_host_settings_inherit(r, &claim->replaced);
	nm_host_settings_inherit(r, &recorded);
	if (adopt_localnet(change, r, err) < 0 ||
		nm_claim_settle(claim, &recorded, nm_state_same_pidns(change->state), &c->policy, err) < 0)
		return -1;
	return claim->replaced.n > known ? nm_change_find_peers(change, claim, err) : 0;
}

/* A chosen port that others translate is none: another one is chosen, until they have too many. */
static int choose_ports(
	struct nm_change *change, struct nm_claim *claim, const struct nm_config *c, struct nm_err *err)
{
	enum { CHOICES = 32 }; /* each may take reading all rules of others, with the lock held */
	struct nm_port_set passed = {0};
	bool again = true;

	for (int i = 0; again && i < CHOICES; i++)
		if (nm_free_port_choose(claim, c, change->state, &passed, err) < 0 ||
			nm_free_port_check(claim, c, err) < 0 ||
			nm_conflict_check(change, claim, c, i + 1 < CHOICES ? &passed : NULL, &again, err) <
				0)
			return -1;
	return 0;
}

static int make_claim(
	struct nm_change *change, struct nm_claim *claim, const struct nm_config *c, struct nm_err *err)
{
	if (settle_owners(change, claim, c, err) < 0 || choose_ports(change, claim, c, err) < 0 ||
		nm_host_settings_can_enable(claim->new, err) < 0 ||
		nm_forward_switch_check(c, claim->new, err) < 0)
		return -1;
	return nm_host_settings_enable_forwarding(
		c, change->state, nm_record_forwards(claim->new), claim->new->via, err);
}

/* Write */

/* Makes the rules of the container those of its former record again; without one they go. */
static int restore(struct nm_change *change, const struct nm_record *r,
	const struct nm_layout_options *options, struct nm_err *err)
{
	NM_CLEANUP(nm_claim_done) struct nm_claim undo = {0};
	nm_autorecord struct nm_record former = {0};

	if (nm_change_find_id(change, r->id, &undo.replaced, err) < 0)
		return -1;
	nm_records_sort(&undo.replaced); /* r, written last, is the first; its former record comes next */
	if (undo.replaced.n > 1) {
		if (nm_record_copy(&undo.replaced.v[1], &former, err) < 0)
			return -1;
		undo.new = &former;
		nm_handles_forget(&undo.replaced.v[1].handles); /* some rules will be others */
		nm_state_write_handles(change->state, &undo.replaced.v[1]);
	}
	if (nm_change_find_peers(change, &undo, err) < 0)
		return -1;
	return nm_change_apply(change, &undo, options, err);
}

/* Undoes a change that failed half-way. *err stays what it is, and says more if this fails too. */
static void roll_back(struct nm_change *change, const struct nm_claim *claim,
	const struct nm_layout_options *options, struct nm_err *err)
{
	struct nm_err second;

	if (claim->committed && restore(change, claim->new, options, &second) < 0)
		(void)nm_wrap(err, "not undone (%s)", second.msg);
	else if (nm_state_retire(change->state, claim->new, &second) < 0)
		nm_log_notice("%s, ignored: it stays recorded until it is withdrawn", second.msg);
	/* after the transaction, what is held is what the kernel has */
	if (!claim->committed && nm_change_retire(change, &claim->held, &second) < 0)
		nm_log_notice("%s, ignored: a reload brings its ports back", second.msg);
}

/* What has been appended has an offset: only that is retired again. */
static int append_held(struct nm_change *change, struct nm_claim *claim, struct nm_err *err)
{
	for (size_t i = 0; i < claim->held.n; i++)
		if (nm_state_append(change->state, &claim->held.v[i], err) < 0) {
			claim->held.n = i;
			return -1;
		}
	return 0;
}

static int attach(struct nm_change *change, const struct nm_record *r,
	const struct nm_layout_options *options, struct nm_err *err)
{
	return change->target ? nm_attach_make(change->target, r, options->hairpin, err) : 0;
}

static void detach_replaced(const struct nm_claim *claim)
{
	const struct nm_attach_others others = {claim->new, &claim->peers, &claim->held};
	struct nm_err err;

	if (nm_attach_remove(&claim->replaced, &others, &err) < 0)
		nm_log_notice("%s, ignored: gc removes it", err.msg);
}

/* Steps (1) to (3). */
static int write_claim(struct nm_change *change, struct nm_claim *claim,
	const struct nm_layout_options *options, struct nm_err *err)
{
	if (nm_state_append(change->state, claim->new, err) < 0)
		return -1;
	if (append_held(change, claim, err) < 0 || attach(change, claim->new, options, err) < 0 ||
		nm_change_apply(change, claim, options, err) < 0) {
		roll_back(change, claim, options, err);
		return -1;
	}
	detach_replaced(claim);
	nm_change_retire_replaced(change, &claim->replaced);
	nm_change_end(change, claim);
	return 0;
}

/* What has been written already. */
static int write_again(struct nm_change *change, struct nm_claim *claim,
	const struct nm_layout_options *options, struct nm_err *err)
{
	struct nm_record *old = &claim->replaced.v[0];

	claim->new->offset = old->offset;
	claim->new->size = old->size;
	if (old->handles.n != claim->new->handles.n) { /* the options are others by now */
		nm_handles_forget(&old->handles);
		nm_state_write_handles(change->state, old);
	}
	if (attach(change, claim->new, options, err) < 0)
		return -1;
	return nm_change_apply(change, claim, options, err);
}

static int claim_and_write(
	struct nm_change *change, struct nm_claim *claim, struct nm_config *c, struct nm_err *err)
{
	const struct nm_records *replaced = &claim->replaced;

	if (make_claim(change, claim, c, err) < 0 ||
		nm_change_reserve_handles(claim->new, &c->layout, err) < 0)
		return -1;
	/* a hook that runs twice finds the record that it has written */
	if (replaced->n != 1 || !nm_record_same(&replaced->v[0], claim->new))
		return write_claim(change, claim, &c->layout, err);
	return write_again(change, claim, &c->layout, err);
}

int nm_publish_claim(
	struct nm_change *change, struct nm_claim *claim, struct nm_config *c, struct nm_err *err)
{
	change->config = c;
	if (nm_change_settle_backend(change, c, err) < 0)
		return -1;
	claim->new->backend = c->backend;
	if (change->target && prepare_network(change, claim->new, c, err) < 0)
		return -1;
	if (claim_and_write(change, claim, c, err) == 0)
		return 0;
	if (change->target)
		nm_attach_undo(change->target, claim->new, err);
	return -1;
}

int nm_publish(struct nm_record *r, struct nm_attach_target *target, struct nm_config *c,
	const char *state_dir, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	NM_CLEANUP(nm_claim_done) struct nm_claim claim = {.new = r};

	change.target = target;
	if (nm_change_begin(&change, state_dir, NM_STATE_CREATE, c->lock_timeout_ms, err) < 0)
		return -1;
	if (!nm_state_same_pidns(change.state))
		r->pid = 0; /* it would mean another process to those who read it */
	return nm_publish_claim(&change, &claim, c, err);
}
