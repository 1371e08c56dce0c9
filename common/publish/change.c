/*
 * The order matters: route_localnet and forwarding are switched off before their guard rules go and on after
 * they stand, so that no moment exposes the host's own 127.0.0.1 to containers, or containers to the network.
 */
#include "publish/change.h"

#include <linux/netlink.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/bridge_rules.h"
#include "base/log.h"
#include "host/detach.h"
#include "host/sandbox.h"
#include "publish/forward_adopt.h"
#include "publish/forward_switch.h"
#include "publish/host_settings.h"
#include "publish/stale_flows.h"
#include "state/search.h"

/* Nothing was on record when the sandbox was closed: who creates nothing need not know what has come since.
 */
static int fail_to_open(const char *state_dir, enum nm_state_access access, struct nm_err *err)
{
	if (access < NM_STATE_CREATE && nm_sandbox_precedes(state_dir))
		return 0;
	return nm_sandbox_has_lost(state_dir)
		? nm_wrap(err, "somebody has removed or replaced '%s' meanwhile", state_dir)
		: -1;
}

int nm_change_begin(struct nm_change *change, const char *state_dir, enum nm_state_access access,
	unsigned timeout_ms, struct nm_err *err)
{
	if (nm_sandbox_leave_namespaces(err) < 0)
		return -1;
	if (nm_state_open(state_dir, access, timeout_ms, &change->state, err) < 0)
		return fail_to_open(state_dir, access, err);
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
	return nm_change_connect(change, err) < 0
		? -1
		: nm_backend_choose(&change->nl, change->state, &c->backend, err);
}

int nm_change_find_id(struct nm_change *change, const char *id, struct nm_records *ret, struct nm_err *err)
{
	const struct nm_state_query query = {.id = id};

	if (change->state && nm_state_search(change->state, &query, ret, err) < 0)
		return -1;
	nm_records_keep_id(ret, id);
	return 0;
}

int nm_change_find_peers(struct nm_change *change, struct nm_claim *claim, struct nm_err *err)
{
	const struct nm_state_query query = {.sharing = &claim->replaced,
		.forwards = claim->new ? 0 : NM_BOTH_FAMILIES,
		.except = &claim->replaced};

	if ((claim->replaced.n || query.forwards) &&
		nm_state_search(change->state, &query, &claim->peers, err) < 0)
		return -1;
	if (claim->new)
		nm_records_drop(&claim->peers, claim->new->offset);
	return 0;
}

struct commit {
	const struct nm_record *record; /* the new one; NULL: none */
	struct nm_backend_change change;
	struct nm_chain_notes after;
	unsigned used;
};

static void commit_done(struct commit *c)
{
	free(c->change.handles);
	nm_desired_done(&c->change.new);
	nm_desired_done(&c->change.replaced);
	nm_desired_done(&c->change.peers);
}

static int collect_new(const struct nm_claim *claim, const struct nm_layout_options *options,
	struct nm_desired *ret, struct nm_err *err)
{
	const struct nm_record *r = claim->new;

	if (r &&
		(nm_backend_ops(r->backend)->layout_base(nm_record_families(r), NULL, ret, err) < 0 ||
			nm_bridge_rules_know(&claim->peers, r, ret, err) < 0 ||
			nm_desired_add_record(ret, r, options, err) < 0))
		return -1;
	for (size_t i = 0; i < claim->held.n; i++)
		if (nm_desired_add_record(ret, &claim->held.v[i], options, err) < 0)
			return -1;
	return 0;
}

static int collect_replaced(const struct nm_claim *claim, struct nm_desired *ret, struct nm_err *err)
{
	const struct nm_records *records = &claim->replaced;

	if (nm_bridge_rules_keep(&claim->peers, records, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < records->n; i++)
		if (nm_desired_add_record(ret, &records->v[i], NULL, err) < 0)
			return -1;
	return 0;
}

/* Of the thousands of ports that a network namespace may have, a change has to do with few. */
static int collect_peers(struct nm_desired *d, const struct nm_claim *claim, struct nm_err *err)
{
	nm_autofree struct nm_desired_ports *ports = NULL;

	if (claim->peers.n == 0)
		return 0;
	ports = calloc(1, sizeof(*ports));
	if (!ports)
		return nm_fail_memory(err, "preparing the rules");
	if (claim->new)
		nm_desired_note_ports(ports, claim->new);
	for (size_t i = 0; i < claim->replaced.n; i++)
		nm_desired_note_ports(ports, &claim->replaced.v[i]);
	for (size_t i = 0; i < claim->peers.n; i++)
		if (nm_desired_add_sharing(d, &claim->peers.v[i], ports, err) < 0)
			return -1;
	return 0;
}

/* Each record is changed in its own backend: a replaced one may have another than the new one. */
static int prepare(void *ctx, struct nm_nft_attempt *a, struct nm_err *err)
{
	struct commit *c = ctx;
	const struct nm_record *r = c->record;
	unsigned families = r ? nm_record_families(r) & a->families : 0;

	c->used = 0; /* by an attempt before this */
	if (r && nm_desired_read_accept(&c->change.new, r->backend, a->nl, families, err) < 0)
		return -1;
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		if (nm_backend_ops(b)->prepare(&c->change, a, err) < 0)
			return -1;
	return 0;
}

/* Families in which other records need forwarding, one of each of which is a peer. */
static unsigned find_forwarding(const struct nm_claim *claim)
{
	unsigned families = 0;

	for (size_t i = 0; i < claim->peers.n; i++)
		families |= nm_record_forwards(&claim->peers.v[i]);
	return families;
}

static int load_forwarding(struct nm_change *change, struct nm_forward_switch *s, struct nm_err *err)
{
	if (nm_forward_switch_load(s, change->state, err) < 0)
		return -1;
	if (!s->old.damaged)
		return 0;
	return nm_change_connect(change, err) < 0 ? -1 : nm_forward_adopt(s, change->state, &change->nl, err);
}

/* Guards in iptables' chains let all pass that is translated, those in nftables only what is natmap's there.
 * So they stay where records of iptables may be, until a reload moves all. */
static enum nm_backend choose_guards(const struct nm_forwarded *old, const struct nm_record *new)
{
	return old->n > 0 && old->backend == NM_BACKEND_IPTABLES ? old->backend : new->backend;
}

static int plan_forwarding(struct nm_change *change, const struct nm_claim *claim,
	struct nm_forward_switch *s, struct nm_err *err)
{
	struct nm_forward_need need = {.kept = NM_BOTH_FAMILIES,
		.leaving = &claim->replaced,
		.staying = {claim->new, &claim->peers, &claim->held}};

	if (load_forwarding(change, s, err) < 0)
		return -1;
	if (claim->new) {
		need.backend = choose_guards(&s->old, claim->new);
		need.via = claim->new->via;
		if (change->config)
			need.active = nm_record_forwards(claim->new) &
				~claim->new->forwarded &nm_forward_switch_families(change->config);
	} else if (s->old.n > 0 || s->old.statics) {
		need.backend = s->old.backend;
		need.kept = s->old.statics | find_forwarding(claim);
	}
	return nm_forward_switch_plan(s, change->state, &need, err);
}

/* What can be done by handles, old and new. */
static int prepare_handles(
	struct nm_change *change, const struct nm_claim *claim, struct commit *c, struct nm_err *err)
{
	nm_chain_notes_begin(&change->chains, change->state, change->nl.fd);
	c->change.before = &change->chains.notes;
	c->change.after = &c->after;
	if (nm_claim_is_withdrawal(claim))
		c->change.withdrawn = &claim->replaced;
	if (!claim->new || !claim->new->handles.n)
		return 0;
	c->change.handles = calloc(c->change.new.rules.n + 1, sizeof(*c->change.handles));
	return c->change.handles ? 0 : nm_fail_memory(err, "preparing the rules");
}

static int run(struct nm_netlink *nl, struct commit *c, unsigned families, bool ipv6_optional,
	struct nm_nft_generations *ret, struct nm_err *err)
{
	const struct nm_record *r = c->record;

	if (!r)
		return nm_nft_transaction_run(nl, families, ipv6_optional, prepare, c, ret, err);
	return nm_backend_commit(nl,
		&(struct nm_backend_commit){
			r->backend, &c->change.new, families, ipv6_optional, prepare, c, ret},
		err);
}

static int commit(struct nm_change *change, struct nm_claim *claim, const struct nm_forward_switch *s,
	const struct nm_layout_options *options, struct nm_nft_generations *ret, struct nm_err *err)
{
	const struct nm_static_nats *statics = change->config ? &change->config->statics : NULL;
	struct nm_record *r = claim->new;
	unsigned families = (r ? nm_record_families(r) : 0) | nm_forward_switch_guarded(s);
	bool ipv6_optional = r && families & NM_IPV4_BIT && !nm_record_names_family(r, NM_IPV6);
	NM_CLEANUP(commit_done) struct commit c = {.record = r, .change.families = families};

	c.change.used = &c.used;
	for (size_t i = 0; i < claim->replaced.n; i++)
		families |= nm_record_families(&claim->replaced.v[i]);
	if (collect_new(claim, options, &c.change.new, err) < 0 ||
		nm_forward_switch_add_guards(s, statics, &c.change.new, err) < 0 ||
		nm_forward_switch_add_old_guards(s, &c.change.replaced, err) < 0 ||
		collect_replaced(claim, &c.change.replaced, err) < 0 ||
		collect_peers(&c.change.peers, claim, err) < 0)
		return -1;
	if (prepare_handles(change, claim, &c, err) < 0 ||
		run(&change->nl, &c, families, ipv6_optional, ret, err) < 0)
		return -1;
	if (nm_state_same_pidns(change->state))
		claim->unused = NM_BOTH_FAMILIES & ~c.used;
	nm_chain_notes_move(&change->chains, &c.after, ret->before, ret->after);
	if (r && c.change.handles)
		nm_handles_fill(&r->handles, &c.change.new.rules, r->id, c.change.handles);
	return 0;
}

/* The rules were right for the records before, and are for those after. */
static void move_verified(struct nm_change *change, const struct nm_forward_switch *s,
	const struct nm_nft_generations *generations)
{
	const struct nm_verified_step step = {generations->before, generations->after,
		nm_forwarded_fingerprint(&s->old), nm_forwarded_fingerprint(&s->desired)};

	nm_verified_step(&change->verified, change->state, change->nl.fd,
		change->config ? &change->config->fingerprint : NULL, &step);
}

/* Rules and settings, with all that they need recorded. */
static int apply(struct nm_change *change, struct nm_claim *claim, struct nm_forward_switch *s,
	const struct nm_layout_options *options, struct nm_err *err)
{
	struct nm_records *replaced = &claim->replaced;
	const struct nm_record *r = claim->new;
	struct nm_nft_generations generations;
	bool closed; /* all that is to be switched off is off */

	closed = nm_host_settings_disable_localnet(replaced);
	if (nm_forward_switch_disable(s, err) < 0 ||
		commit(change, claim, s, options, &generations, err) < 0) {
		claim->committed = err->kind == NM_ERR_UNCERTAIN;
		if (!claim->committed) { /* else the guards may be gone */
			nm_forward_switch_undo(s, change->state);
			nm_host_settings_reenable_localnet(replaced);
		}
		return -1;
	}
	claim->committed = true;
	if (r)
		nm_state_write_handles(change->state, r);
	closed &= nm_host_settings_disable_hairpin(replaced);
	if (nm_forward_switch_enable(s, err) < 0)
		return -1;
	if (r != NULL && nm_host_settings_enable(r, err) < 0)
		return -1;
	nm_forward_switch_settle(s, change->state);
	if (closed)
		move_verified(change, s, &generations);
	else /* a reload is to try again, and then to remove the guard, or the record */
		nm_verified_break(&change->verified);
	return 0;
}

int nm_change_reserve_handles(
	struct nm_record *r, const struct nm_layout_options *options, struct nm_err *err)
{
	NM_CLEANUP(nm_desired_done) struct nm_desired d = {.accept_natively = false};

	if (nm_desired_add_record(&d, r, options, err) < 0)
		return -1;
	return nm_handles_reserve(&r->handles, &d.rules, r->id, err);
}

int nm_change_apply(struct nm_change *change, struct nm_claim *claim, const struct nm_layout_options *options,
	struct nm_err *err)
{
	NM_CLEANUP(nm_forward_switch_done) struct nm_forward_switch s = {.global = 0};

	if (nm_change_connect(change, err) < 0 ||
		nm_host_settings_keep_shared(&claim->replaced, &claim->peers, claim->new, err) < 0 ||
		nm_host_settings_keep_shared(&claim->replaced, &claim->held, NULL, err) < 0 ||
		plan_forwarding(change, claim, &s, err) < 0 ||
		nm_forward_switch_record(&s, change->state, err) < 0 ||
		apply(change, claim, &s, options, err) < 0) {
		nm_verified_break(&change->verified);
		return -1;
	}
	return 0;
}

int nm_change_refresh_forwarding(
	struct nm_change *change, unsigned families, enum nm_backend backend, struct nm_err *err)
{
	NM_CLEANUP(nm_forward_switch_done) struct nm_forward_switch s = {.global = 0};
	NM_CLEANUP(nm_claim_done) struct nm_claim nobody = {0};
	struct nm_forward_need need = {0};

	if (load_forwarding(change, &s, err) < 0)
		return -1;
	need.kept = families | s.old.statics;
	need.active = need.kept & nm_forward_switch_families(change->config);
	need.backend = s.old.n > 0 ? s.old.backend : backend;
	if (nm_forward_switch_plan(&s, change->state, &need, err) < 0)
		return -1;
	if (s.old.n == 0 && s.desired.n == 0)
		return 0;
	if (nm_change_connect(change, err) < 0 || nm_forward_switch_record(&s, change->state, err) < 0)
		return -1;
	return apply(change, &nobody, &s, NULL, err);
}

int nm_change_retire(struct nm_change *change, const struct nm_records *records, struct nm_err *err)
{
	for (size_t i = 0; i < records->n; i++)
		if (!records->v[i].hairpin_stays && nm_state_retire(change->state, &records->v[i], err) < 0)
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
	nm_verified_finish(&change->verified, change->state);
	nm_chain_notes_finish(&change->chains, change->state, change->nl.fd);
	nm_state_unlock(change->state);
	nm_stale_flows_delete(change->nl.fd, claim);
	nm_claim_audit(claim);
}

void nm_change_done(struct nm_change *change)
{
	nm_verified_break(&change->verified);
	nm_state_close(&change->state);
	*change = (struct nm_change)NM_CHANGE_INIT;
}
