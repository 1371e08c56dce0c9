/* What is looked at each time must cost little: one request for the addresses of each network namespace, and
 * only those in which something has changed are entered. */
#include "inventory/moved.h"

#include <linux/netlink.h>
#include <string.h>

#include "base/log.h"
#include "inventory/networks.h"
#include "inventory/snapshot.h"
#include "publish/host_settings.h"
#include "publish/lost_address.h"
#include "publish/policy.h"
#include "publish/request.h"
#include "state/search.h"

/* What is looked with. */
struct look {
	const struct nm_config *config;
	struct nm_netlink rtnl;
	struct nm_nsid home; /* the host's network namespace */
	/* of the namespace that was looked into last */
	struct nm_nsid netns;
	struct nm_rtnl_addresses addresses;
};

static void look_done(struct look *l)
{
	nm_netlink_close(&l->rtnl);
	nm_rtnl_addresses_done(&l->addresses);
}

static int begin(struct look *l, struct nm_err *err)
{
	return nm_netns_self("net", &l->home, err) < 0 ? -1 : nm_netlink_open(NETLINK_ROUTE, &l->rtnl, err);
}

/* Reads all addresses of the record's container. One that no interface leads to is entered. False: they
 * cannot be read. */
static bool read_addresses(struct look *l, const struct nm_record *r)
{
	NM_CLEANUP(nm_netns_done) struct nm_netns ns = NM_NETNS_INIT;
	struct nm_err err;

	if (r->netns.ino && nm_nsid_equal(&r->netns, &l->netns))
		return true;
	l->netns = (struct nm_nsid){.ino = 0};
	nm_rtnl_addresses_done(&l->addresses);
	if (nm_rtnl_get_addresses_of(&l->rtnl, r->pid, &l->addresses, &err) < 0) {
		if (nm_netns_open(r->pid, &ns, &err) < 0) {
			nm_log_debug("container '%s': %s, ignored: it may have its addresses still", r->id,
				err.msg);
			return false;
		}
		l->addresses = nm_steal(&ns.addresses);
	}
	l->netns = r->netns;
	return true;
}

/* Whether a family that is held may have an address again. */
static bool may_return(const struct look *l, const struct nm_record *r)
{
	for (size_t i = 0; i < l->addresses.n; i++) {
		const struct nm_rtnl_address *a = &l->addresses.v[i];
		enum nm_family f = a->prefix.addr.family;

		if (r->held & 1u << f && a->global &&
			(!r->fixed || nm_addr_equal(&a->prefix.addr, &r->address[f].addr)))
			return true;
	}
	return false;
}

/* Whether the record may have to be another one; *ret_lost: families whose address is gone. Most have all of
 * theirs: whether the process is still the container's is asked for the others. */
static bool is_due(struct look *l, const struct nm_record *r, unsigned *ret_lost)
{
	struct nm_err unknown;
	bool gone = true;

	*ret_lost = 0;
	if (!r->pid || r->network.bridge[0] || !read_addresses(l, r))
		return false;
	*ret_lost = nm_lost_address_among(&l->addresses, r, &l->config->policy);
	return (*ret_lost || (r->held && may_return(l, r))) && nm_record_gone(r, &gone, &unknown) == 0 &&
		!gone;
}

/* Appends what the record is to be. */
static int renew(
	struct look *l, const struct nm_record *r, unsigned lost, struct nm_records *ret, struct nm_err *err)
{
	nm_autorecord struct nm_record new = {0};
	struct nm_err why;

	if (nm_request_renew(r, l->config, &new, &why) < 0) {
		if (nm_snapshot_check_home(&l->home, err) < 0 || nm_record_copy(r, &new, err) < 0)
			return -1;
		nm_log_debug("container '%s': %s, ignored: what it has lost is held", r->id, why.msg);
		nm_record_hold(&new, lost);
	}
	return nm_record_same(&new, r) ? 0 : nm_records_add(ret, &new, err);
}

static bool is_any_due(struct look *l, const struct nm_records *list)
{
	unsigned lost;

	for (size_t i = 0; i < list->n; i++)
		if (is_due(l, &list->v[i], &lost))
			return true;
	return false;
}

static int renew_all(
	struct look *l, const struct nm_records *list, struct nm_records *ret, struct nm_err *err)
{
	unsigned lost;

	for (size_t i = 0; i < list->n; i++)
		if (is_due(l, &list->v[i], &lost) && renew(l, &list->v[i], lost, ret, err) < 0)
			return -1;
	return 0;
}

int nm_moved_find(struct nm_inventory *s, const char *state_dir, struct nm_err *err)
{
	NM_CLEANUP(look_done) struct look l = {.config = s->config, .rtnl.fd = -1};
	nm_autorecords struct nm_records all = {0};

	if (begin(&l, err) < 0 || nm_snapshot_read(s, state_dir, l.rtnl.fd, true, &all, err) < 0 ||
		nm_networks_look(&s->networks, &l.rtnl, nm_snapshot_of(s, &all), s->config, err) < 0)
		return -1;
	if (is_any_due(&l, &s->verified.stand_ins) &&
		nm_snapshot_read(s, state_dir, l.rtnl.fd, false, &all, err) < 0)
		return -1;
	return renew_all(&l, &all, &s->moved, err);
}

static struct nm_record *find_moved(const struct nm_records *moved, const struct nm_record *r)
{
	for (size_t i = 0; i < moved->n; i++)
		if (moved->v[i].offset == r->offset && moved->v[i].id && !strcmp(moved->v[i].id, r->id))
			return &moved->v[i];
	return NULL;
}

/* Of another network namespace, which has the address on record. */
static const struct nm_record *find_owner(
	const struct nm_inventory *s, const struct nm_record *r, enum nm_family f)
{
	if (nm_policy_allows_address(&s->config->policy, &r->address[f].addr))
		return NULL;
	for (size_t i = 0; i < s->live.n; i++) {
		const struct nm_record *o = &s->live.v[i];

		if (o->families & 1u << f && o->netns.ino && !nm_record_same_netns(o, r) &&
			nm_addr_equal(&o->address[f].addr, &r->address[f].addr))
			return o;
	}
	return NULL;
}

static void settle(const struct nm_inventory *s, struct nm_record *r, const struct nm_record *old)
{
	char text[NM_ADDR_STRLEN];

	nm_each_family(f, r->families) {
		bool is_old =
			old->families & 1u << f && nm_addr_equal(&old->address[f].addr, &r->address[f].addr);
		const struct nm_record *owner = is_old ? NULL : find_owner(s, r, f);

		if (!owner)
			continue;
		nm_log_notice("container '%s': its address %s is that of container '%s', which is published "
			      "with it, ignored: its ports lead nowhere until it has another one",
			r->id, nm_addr_print(&r->address[f].addr, text), owner->id);
		r->address[f] = old->address[f];
		nm_record_hold(r, 1u << f);
	}
}

/* Puts what was found in the place of the live records. */
static int replace_all(struct nm_inventory *s, struct nm_records *found, struct nm_err *err)
{
	for (size_t i = 0; found->n > 0 && i < s->live.n; i++) {
		struct nm_record *new = find_moved(found, &s->live.v[i]);

		if (!new)
			continue;
		if (nm_records_add(&s->superseded, &s->live.v[i], err) < 0)
			return -1;
		s->live.v[i] = nm_steal(new);
		s->changed[i] = true;
	}
	return 0;
}

int nm_moved_take(struct nm_inventory *s, struct nm_err *err)
{
	nm_autorecords struct nm_records found = nm_steal(&s->moved);
	size_t old = s->superseded.n;

	if (replace_all(s, &found, err) < 0)
		return -1;
	/* all have left their former addresses: now it is known which ones are free */
	for (size_t i = 0; old < s->superseded.n; i++) {
		struct nm_record copy;

		if (!s->changed[i])
			continue;
		settle(s, &s->live.v[i], &s->superseded.v[old++]);
		nm_host_settings_inherit(&s->live.v[i], &s->live);
		if (nm_record_copy(&s->live.v[i], &copy, err) < 0 ||
			nm_records_add(&s->moved, &copy, err) < 0)
			return -1;
	}
	return 0;
}

static int hold(struct nm_inventory *s, struct nm_record *r, unsigned lost, struct nm_err *err)
{
	nm_autorecord struct nm_record held = {0};

	if (nm_record_copy(r, &held, err) < 0)
		return -1;
	nm_record_hold(&held, lost);
	nm_log_notice(
		"container '%s' no longer has its address: its ports lead nowhere until it has one", held.id);
	if (nm_state_append(s->change.state, &held, err) < 0 || nm_records_add(&s->superseded, r, err) < 0)
		return -1;
	*r = nm_steal(&held);
	return 0;
}

int nm_moved_hold(struct nm_inventory *s, const struct nm_policy *policy, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err why;
	unsigned lost;

	if (s->live.n > 0 && nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0)
		return -1;
	for (size_t i = 0; i < s->live.n; i++) {
		struct nm_record *r = &s->live.v[i];

		if (nm_lost_address_find(&rtnl, r, policy, &lost, &why) < 0)
			nm_log_debug("container '%s': %s, ignored: it may have its addresses still", r->id,
				why.msg);
		else if (lost && hold(s, r, lost, err) < 0)
			return -1;
	}
	nm_records_sort(&s->superseded);
	return 0;
}
