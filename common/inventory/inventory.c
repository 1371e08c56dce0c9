/* A change that was cut short leaves two records of a container; the newer one counts. A container whose
 * process cannot be examined counts as live, so that it does not lose its ports by a passing failure. */
#include "inventory/inventory.h"

#include <string.h>

#include "backend/backend.h"
#include "base/log.h"
#include "inventory/moved.h"
#include "publish/forward_adopt.h"
#include "publish/host_settings.h"
#include "publish/request.h"
#include "state/interfaces.h"
#include "state/search.h"

static bool is_gone(const struct nm_record *r, bool can_judge)
{
	struct nm_err err;
	bool gone = false;

	if (can_judge && nm_record_gone(r, &gone, &err) < 0)
		nm_log_notice("container '%s': %s, ignored: it counts as live", r->id, err.msg);
	return gone;
}

static bool last_is(const struct nm_records *list, const char *id)
{
	return list->n > 0 && !strcmp(list->v[list->n - 1].id, id);
}

/* Distributes the sorted records over the lists. */
static int sort_out(struct nm_inventory *s, struct nm_records *all, struct nm_err *err)
{
	bool can_judge = nm_state_same_pidns(s->change.state);

	for (size_t i = 0; i < all->n; i++) {
		struct nm_record *r = &all->v[i];
		struct nm_records *list = &s->live;

		if (last_is(&s->live, r->id))
			list = &s->superseded;
		else if (last_is(&s->dead, r->id) || is_gone(r, can_judge))
			list = &s->dead;
		if (nm_records_add(list, r, err) < 0)
			return -1;
	}
	return 0;
}

int nm_inventory_add(struct nm_inventory *s, struct nm_records *all, struct nm_err *err)
{
	nm_records_sort(all);
	return sort_out(s, all, err);
}

int nm_inventory_take(struct nm_inventory *s, struct nm_err *err)
{
	const struct nm_state_query everyone = {.all = true};
	nm_autorecords struct nm_records all = {0};

	if (!s->change.state)
		return 0;
	if (nm_state_search(s->change.state, &everyone, &all, err) < 0)
		return -1;
	return nm_inventory_add(s, &all, err);
}

int nm_inventory_open(
	struct nm_inventory *s, const char *state_dir, enum nm_state_access access, struct nm_err *err)
{
	unsigned timeout_ms = s->config ? s->config->lock_timeout_ms : NM_LOCK_TIMEOUT_MS;

	return nm_change_begin(&s->change, state_dir, access, timeout_ms, err) < 0
		? -1
		: nm_change_connect(&s->change, err);
}

int nm_inventory_settle(struct nm_inventory *s, struct nm_err *err)
{
	if (s->config && nm_change_settle_backend(&s->change, s->config, err) < 0)
		return -1;
	return nm_inventory_take(s, err);
}

int nm_inventory_begin(
	struct nm_inventory *s, const char *state_dir, enum nm_state_access access, struct nm_err *err)
{
	return nm_inventory_open(s, state_dir, access, err) < 0 ? -1 : nm_inventory_settle(s, err);
}

/* Copies that iptables-restore or nft have restored after a boot do not count. */
static int check_lost_state(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	(void)ctx;
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		if (nm_backend_ops(b)->check_empty(nl, err) < 0)
			return -1;
	return 0;
}

int nm_inventory_check_state(struct nm_inventory *s, bool forced, struct nm_err *err)
{
	struct nm_change *change = &s->change;
	size_t damaged = nm_state_damaged(change->state);

	if (!nm_state_same_pidns(change->state))
		return nm_fail(err, NM_ERR_FAILED, "the state was written in another PID namespace");
	if (forced)
		return 0;
	if (damaged)
		return nm_fail(err, NM_ERR_FAILED,
			"%zu lines of the state file are damaged: --force forgets them", damaged);
	return nm_state_is_empty(change->state)
		? nm_nft_transaction_read(&change->nl, check_lost_state, NULL, err)
		: 0;
}

/* Brings the record in line with the configuration and with the settings of the host. */
static int renew(struct nm_host_settings_view *view, const struct nm_config *c, struct nm_record *r,
	bool *ret_off, struct nm_err *err)
{
	const struct nm_record before = *r; /* borrows all of it */
	bool localnet_set = r->localnet_set, hairpin_set = r->hairpin_set;

	if (nm_request_name_interfaces(view, r, &c->layout, err) < 0)
		return -1;
	localnet_set &=
		nm_interfaces_same(before.localnet, before.localnet_index, r->localnet, r->localnet_index);
	hairpin_set &= r->bridge_port[0] != '\0';
	if (nm_host_settings_examine(view, r, err) < 0)
		return -1;
	*ret_off = r->localnet_set || r->hairpin_set;
	r->localnet_set |= localnet_set;
	r->hairpin_set |= hairpin_set;
	return 0;
}

static bool is_same(const struct nm_record *a, const struct nm_record *b)
{
	return a->backend == b->backend && !strcmp(a->localnet, b->localnet) &&
		a->localnet_index == b->localnet_index && a->localnet_set == b->localnet_set &&
		!strcmp(a->bridge_port, b->bridge_port) && a->bridge_port_index == b->bridge_port_index &&
		a->hairpin_set == b->hairpin_set;
}

static int renew_all(struct nm_inventory *s, struct nm_err *err)
{
	nm_autohostsettings struct nm_host_settings_view view = NM_HOST_SETTINGS_VIEW;

	s->changed = calloc(s->live.n + 1, sizeof(*s->changed));
	s->needs_enable = calloc(s->live.n + 1, sizeof(*s->needs_enable));
	if (!s->changed || !s->needs_enable)
		return nm_fail_memory(err, "reading the state");
	if (nm_moved_take(s, err) < 0)
		return -1;
	for (size_t i = 0; i < s->live.n; i++) {
		struct nm_record *r = &s->live.v[i], before = *r, copy;
		bool moved = s->changed[i]; /* what was recorded is superseded already */

		if (renew(&view, s->config, r, &s->needs_enable[i], err) < 0) {
			nm_log_notice(
				"container '%s': %s, ignored: its rules are not affected", r->id, err->msg);
			*r = before;
		}
		r->backend = s->config->backend;
		s->changed[i] |= !is_same(r, &before);
		if (s->changed[i] && !moved &&
			(nm_record_copy(&before, &copy, err) < 0 ||
				nm_records_add(&s->superseded, &copy, err) < 0))
			return -1;
	}
	return 0;
}

static int follow_renamed(struct nm_inventory *s, struct nm_host_settings_view *view, struct nm_record *r,
	const struct nm_layout_options *options, struct nm_err *err)
{
	nm_autorecord struct nm_record renamed = {0};
	bool there;

	if (!r->localnet[0] || !r->localnet_index)
		return 0;
	if (nm_host_settings_find_localnet(view, r, &there, err) < 0)
		return -1;
	if (there)
		return 0;
	if (nm_record_copy(r, &renamed, err) < 0 ||
		nm_request_name_interfaces(view, &renamed, options, err) < 0)
		return -1;
	if (!renamed.localnet[0] || !strcmp(renamed.localnet, r->localnet))
		return 0;
	if (nm_state_append(s->change.state, &renamed, err) < 0 || nm_records_add(&s->superseded, r, err) < 0)
		return -1;
	*r = nm_steal(&renamed);
	return 0;
}

int nm_inventory_follow_renamed(
	struct nm_inventory *s, const struct nm_layout_options *options, struct nm_err *err)
{
	nm_autohostsettings struct nm_host_settings_view view = NM_HOST_SETTINGS_VIEW;

	for (size_t i = 0; i < s->live.n; i++)
		if (follow_renamed(s, &view, &s->live.v[i], options, err) < 0)
			return -1;
	nm_records_sort(&s->superseded);
	return 0;
}

/* config NULL: without static NAT. */
static unsigned static_families(const struct nm_inventory *s)
{
	unsigned families = 0;

	for (size_t i = 0; s->config && i < s->config->statics.n; i++)
		families |= 1u << s->config->statics.v[i].family;
	return families;
}

unsigned nm_inventory_forwards(const struct nm_inventory *s)
{
	unsigned families = static_families(s);

	for (size_t i = 0; i < s->live.n; i++)
		families |= nm_record_forwards(&s->live.v[i]);
	return families;
}

unsigned nm_inventory_families(const struct nm_inventory *s)
{
	unsigned families = static_families(s);

	for (size_t i = 0; i < s->live.n; i++)
		families |= s->live.v[i].families;
	return families;
}

static int plan_forwarding(struct nm_inventory *s, struct nm_err *err)
{
	static const struct nm_records none;
	const struct nm_config *c = s->config;
	const struct nm_forward_need need = {
		.active = nm_inventory_forwards(s) & nm_forward_switch_families(c),
		.statics = static_families(s),
		.backend = c->backend,
		.leaving = s->removes ? &s->dead : NULL,
		.staying = {NULL, &s->live, &none},
	};

	/* natmap's rules name the interfaces that the state's file has lost */
	return !s->agrees && nm_forward_adopt(&s->forward, s->change.state, &s->change.nl, err) < 0
		? -1
		: nm_forward_switch_plan(&s->forward, s->change.state, &need, err);
}

static int collect_desired(struct nm_inventory *s, struct nm_err *err)
{
	const struct nm_config *c = s->config;

	if (nm_backend_ops(c->backend)->layout_base(NM_BOTH_FAMILIES, &c->statics, &s->desired, err) < 0 ||
		nm_forward_switch_add_guards(&s->forward, &c->statics, &s->desired, err) < 0)
		return -1;
	for (size_t i = 0; i < s->live.n; i++) {
		struct nm_record *r = &s->live.v[i];
		size_t from = s->desired.rules.n;

		if (nm_desired_add_record(&s->desired, r, &c->layout, err) < 0)
			return -1;
		if (r->handles.n > 0 && !nm_handles_fit(&r->handles, &s->desired.rules, from, r->id)) {
			nm_handles_forget(&r->handles);
			s->has_other_rules = true;
		}
	}
	return 0;
}

int nm_inventory_plan(struct nm_inventory *s, struct nm_err *err)
{
	if (renew_all(s, err) < 0 || plan_forwarding(s, err) < 0)
		return -1;
	return s->agrees ? 0 : collect_desired(s, err);
}

int nm_inventory_plan_rules(struct nm_inventory *s, struct nm_err *err)
{
	if (!s->agrees)
		return 0;
	s->agrees = false;
	nm_forward_switch_done(&s->forward);
	s->forward = (struct nm_forward_switch){0};
	return plan_forwarding(s, err) < 0 ? -1 : collect_desired(s, err);
}

void nm_inventory_clear(struct nm_inventory *s)
{
	struct nm_inventory kept = {.config = s->config,
		.removes = s->removes,
		.change = s->change,
		.moved = s->moved,
		.networks = s->networks};

	nm_desired_done(&s->desired);
	nm_forward_switch_done(&s->forward);
	nm_records_done(&s->dead);
	nm_records_done(&s->live);
	nm_records_done(&s->superseded);
	nm_verified_done(&s->verified);
	free(s->changed);
	free(s->needs_enable);
	*s = kept;
}

void nm_inventory_done(struct nm_inventory *s)
{
	nm_inventory_clear(s);
	nm_records_done(&s->moved);
	nm_networks_done(&s->networks);
	nm_change_done(&s->change);
	*s = (struct nm_inventory)NM_INVENTORY_INIT;
}
