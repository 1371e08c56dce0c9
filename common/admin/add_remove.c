/*
 * Both replace the container's record by another one of the same container, as a hook does that runs again:
 * the new record is appended, one transaction changes the rules, the old record is retired.
 */
#include "admin/add_remove.h"

#include <string.h>

#include "base/array.h"
#include "base/log.h"
#include "publish/address.h"
#include "publish/client_networks.h"
#include "publish/host_settings.h"
#include "publish/policy.h"
#include "publish/request.h"
#include "publish/withdraw.h"
#include "state/search.h"

int nm_add_remove_look_up(const struct nm_config *c, const char *state_dir, const char *id,
	struct nm_record *ret, struct nm_err *err)
{
	nm_autostate struct nm_state *state = NULL;
	const struct nm_state_query query = {.id = id};
	nm_autorecords struct nm_records found = {0};
	const struct nm_record *newest;

	*ret = (struct nm_record){0};
	if (nm_state_open(state_dir, NM_STATE_READ, c->lock_timeout_ms, &state, err) < 0 ||
		(state && nm_state_search(state, &query, &found, err) < 0))
		return -1;
	newest = nm_records_newest(&found, id);
	if (newest && nm_record_copy(newest, ret, err) < 0)
		return -1;
	nm_record_unhold(ret);
	if (newest && !nm_state_same_pidns(state))
		ret->pid = 0; /* here it is another process */
	return 0;
}

static const struct nm_mapping *find_equal(const struct nm_mappings *list, const struct nm_mapping *m)
{
	for (size_t i = 0; i < list->n; i++)
		if (nm_mapping_equal(&list->v[i], m))
			return &list->v[i];
	return NULL;
}

static int check_overlap(const struct nm_mappings *list, const struct nm_mapping *m, struct nm_err *err)
{
	char wanted[NM_MAPPING_STRLEN], has[NM_MAPPING_STRLEN];

	for (size_t i = 0; i < list->n; i++)
		if (nm_mapping_overlaps(&list->v[i], m))
			return nm_fail(err, NM_ERR_TAKEN,
				"port mapping '%s': the host port is taken by its own '%s'",
				nm_mapping_print(m, wanted), nm_mapping_print(&list->v[i], has));
	return 0;
}

/* Appends each mapping of more that list does not have. */
static int merge_mappings(struct nm_mappings *list, const struct nm_mappings *more, struct nm_err *err)
{
	for (size_t i = 0; i < more->n; i++) {
		if (find_equal(list, &more->v[i]))
			continue;
		if (check_overlap(list, &more->v[i], err) < 0 || nm_grow(list, "adding ports", err) < 0)
			return -1;
		list->v[list->n++] = more->v[i];
	}
	return 0;
}

static unsigned families_of(const struct nm_mappings *list)
{
	unsigned families = 0;

	for (size_t i = 0; i < list->n; i++)
		families |= list->v[i].families;
	return families;
}

/* A container that has been looked into no longer has an address of these families. */
static void hold_addresses(struct nm_record *both, unsigned lost)
{
	nm_each_family(f, both->families & lost)
		nm_log_notice("container '%s': no %s address any more, its ports lead nowhere there",
			both->id, nm_addr_family_name(f));
	nm_record_hold(both, lost);
}

/* Takes the addresses of r: those of published ports are on record, or new where the container has no longer
 * those. In a family without an address on record, a published mapping would spread to it. */
static void merge_addresses(struct nm_record *both, const struct nm_record *r)
{
	unsigned unpublished = families_of(&both->mappings) & ~both->families;

	nm_each_family(f, r->families & ~unpublished) {
		if (f == NM_IPV4 && both->families & NM_IPV4_BIT &&
			!nm_addr_equal(&both->address[f].addr, &r->address[f].addr)) {
			both->localnet[0] = '\0';
			both->localnet_index = 0;
		}
		both->address[f] = r->address[f];
		both->families |= 1u << f;
	}
	both->netns = r->netns;
	if (r->interface[0]) {
		memcpy(both->interface, r->interface, sizeof(both->interface));
		both->fixed = false;
	}
	if (r->bridge_port[0]) {
		memcpy(both->bridge_port, r->bridge_port, sizeof(both->bridge_port));
		both->bridge_port_index = r->bridge_port_index;
	}
}

/* Adds the mappings of *r to those of the published record, and makes the result *r. */
static int merge(struct nm_record *r, const struct nm_record *published, const struct nm_record *known,
	const struct nm_config *c, struct nm_err *err)
{
	nm_autohostsettings struct nm_host_settings_view view = NM_HOST_SETTINGS_VIEW;
	nm_autorecord struct nm_record both = {0};

	if (nm_record_copy(published, &both, err) < 0)
		return -1;
	nm_record_unhold(&both);
	memcpy(both.via, r->via, sizeof(both.via));
	both.forwarded = r->forwarded;
	if (r->pid)
		hold_addresses(&both, known->families & ~r->families);
	merge_addresses(&both, r);
	if (nm_client_networks_copy(&both, r, err) < 0 ||
		merge_mappings(&both.mappings, &r->mappings, err) < 0 ||
		nm_address_keep_families(&both, err) < 0 ||
		nm_request_name_interfaces(&view, &both, &c->layout, err) < 0)
		return -1;
	nm_record_done(r);
	*r = nm_steal(&both);
	return 0;
}

static bool is_same_container(const struct nm_record *a, const struct nm_record *b)
{
	return a->pid ? a->pid == b->pid && a->start == b->start : !b->pid;
}

int nm_add_remove_add(struct nm_record *r, const struct nm_record *known, struct nm_config *c,
	const char *state_dir, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	NM_CLEANUP(nm_claim_done) struct nm_claim claim = {.new = r};
	const struct nm_record *published;
	bool is_same;

	if (nm_change_begin(&change, state_dir, NM_STATE_CREATE, c->lock_timeout_ms, err) < 0 ||
		nm_change_find_id(&change, r->id, &claim.replaced, err) < 0)
		return -1;
	if (!nm_state_same_pidns(change.state))
		r->pid = 0;
	published = nm_records_newest(&claim.replaced, r->id);
	is_same = published && is_same_container(published, r);
	if (is_same && merge(r, published, known, c, err) < 0)
		return -1;
	if (!is_same) /* nm_publish_claim() judges another container of this id */
		nm_records_done(&claim.replaced);
	if (nm_policy_check_mappings(c, &r->mappings, &r->allow, err) < 0)
		return -1;
	return nm_publish_claim(&change, &claim, c, err);
}

/* A change that was cut short may have left a mapping in the kernel that the newest record does not have. */
static bool is_published(const struct nm_records *records, const struct nm_mapping *m)
{
	for (size_t i = 0; i < records->n; i++)
		if (find_equal(&records->v[i].mappings, m))
			return true;
	return false;
}

static int check_published(
	const struct nm_records *records, const struct nm_mappings *mappings, struct nm_err *err)
{
	char text[NM_MAPPING_STRLEN];

	for (size_t i = 0; i < mappings->n; i++)
		if (!is_published(records, &mappings->v[i]))
			return nm_fail(err, NM_ERR_FAILED, "port mapping '%s': it is not published",
				nm_mapping_print(&mappings->v[i], text));
	return 0;
}

/* Removes the mappings from the record, and what only they needed. The container's network may be gone. */
static int take_out(struct nm_record *r, const struct nm_mappings *mappings,
	const struct nm_layout_options *options, struct nm_err *err)
{
	nm_autohostsettings struct nm_host_settings_view view = NM_HOST_SETTINGS_VIEW;
	size_t kept = 0;

	for (size_t i = 0; i < r->mappings.n; i++)
		if (!find_equal(mappings, &r->mappings.v[i]))
			r->mappings.v[kept++] = r->mappings.v[i];
	r->mappings.n = kept;
	r->families &= families_of(&r->mappings) | r->network.families;
	r->held &= families_of(&r->mappings) | r->network.families;
	if (nm_request_name_interfaces(&view, r, options, err) < 0)
		return -1;
	nm_host_settings_forget_gone(r);
	return 0;
}

/* rest: empty, and owned by the caller, since the claim refers to it. */
static int remove_some(struct nm_change *change, struct nm_claim *claim, struct nm_record *rest,
	const char *id, const struct nm_mappings *mappings, struct nm_config *c, struct nm_err *err)
{
	if (check_published(&claim->replaced, mappings, err) < 0 ||
		nm_record_copy(nm_records_newest(&claim->replaced, id), rest, err) < 0 ||
		take_out(rest, mappings, &c->layout, err) < 0)
		return -1;
	if (!rest->mappings.n && !rest->network.bridge[0])
		return nm_withdraw_replaced(change, claim, err);
	claim->new = rest;
	return nm_publish_claim(change, claim, c, err);
}

/* All mappings of a container whose network is natmap's: that stays. */
static int remove_ports(struct nm_change *change, struct nm_claim *claim, struct nm_record *rest,
	const char *id, struct nm_config *c, struct nm_err *err)
{
	const struct nm_record *newest = nm_records_newest(&claim->replaced, id);

	if (!newest || !newest->network.bridge[0])
		return nm_withdraw_replaced(change, claim, err);
	if (!newest->mappings.n)
		return nm_fail(err, NM_ERR_FAILED, "nothing is published for it");
	if (!c)
		return nm_fail(err, NM_ERR_CONFIG, "its network stays, which needs the configuration");
	return remove_some(change, claim, rest, id, &newest->mappings, c, err);
}

int nm_add_remove_remove(const char *id, const struct nm_mappings *mappings, struct nm_config *c,
	const char *state_dir, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	nm_autorecord struct nm_record rest = {0};
	NM_CLEANUP(nm_claim_done) struct nm_claim claim = {0};
	unsigned timeout_ms = c ? c->lock_timeout_ms : NM_LOCK_TIMEOUT_MS;

	if (nm_change_begin(&change, state_dir, NM_STATE_WRITE, timeout_ms, err) < 0 ||
		nm_change_find_id(&change, id, &claim.replaced, err) < 0)
		return -1;
	if (claim.replaced.n == 0)
		return nm_fail(err, NM_ERR_FAILED, "nothing is published for it");
	return mappings ? remove_some(&change, &claim, &rest, id, mappings, c, err)
			: remove_ports(&change, &claim, &rest, id, c, err);
}
