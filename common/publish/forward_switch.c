/*
 * Where ip_forward is 0, natmap leaves it 0, and switches forwarding on for the interfaces by which packets
 * to and from containers come. That alone would open every other container's ports to whoever routes through
 * the host, so a guard drops what comes in there and is not natmap's: nothing of it was forwarded before. The
 * guard stands before the setting is on, and goes after it is off; the record names the interface from before
 * the first until after the last.
 *
 * Who switches forwarding on for all interfaces wants it so: then the guards go, and the settings stay.
 */
#include "publish/forward_switch.h"

#include <linux/netlink.h>
#include <string.h>

#include "backend/backend.h"
#include "base/log.h"
#include "host/forwarding.h"
#include "host/sysctl.h"
#include "network/names.h"

void nm_forward_switch_done(struct nm_forward_switch *s)
{
	nm_forwarded_done(&s->old);
	nm_forwarded_done(&s->desired);
}

unsigned nm_forward_switch_families(const struct nm_config *c)
{
	unsigned families = 0;

	nm_each_family(f, NM_BOTH_FAMILIES)
		if (c->forward[f] == NM_FORWARD_INTERFACES)
			families |= 1u << f;
	return families;
}

int nm_forward_switch_check(const struct nm_config *c, const struct nm_record *r, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];

	nm_each_family(f, nm_record_forwards(r) & ~r->forwarded & nm_forward_switch_families(c))
		if (r->via[f][0] && nm_sysctl_can_set(nm_sysctl_forwarding(f, r->via[f], name), 1, err) < 0)
			return -1;
	return 0;
}

/* Packets that a bridge forwards by itself come through the same hook. */
static bool is_filtered(enum nm_family family)
{
	struct nm_err missing;
	int value;

	return nm_sysctl_get(family == NM_IPV4 ? "net/bridge/bridge-nf-call-iptables"
					       : "net/bridge/bridge-nf-call-ip6tables",
		       &value, &missing) == 0 &&
		value;
}

/* index: 0 if it is unknown. */
static struct nm_forwarded_interface name_interface(enum nm_family family, const char *name, unsigned index)
{
	struct nm_forwarded_interface i = {.family = family, .index = index};

	memcpy(i.name, name, sizeof(i.name));
	return i;
}

static bool is_desired(
	const struct nm_forward_switch *s, enum nm_family family, const char *name, unsigned index)
{
	const struct nm_forwarded_interface like = name_interface(family, name, index);

	return nm_forwarded_find(&s->desired, &like);
}

static int desire(struct nm_forward_switch *s, enum nm_family family, const char *name, unsigned index,
	bool bridge, struct nm_err *err)
{
	struct nm_forwarded_interface i = name_interface(family, name, index);

	if (is_desired(s, family, name, index))
		return 0;
	i.bridged = bridge && is_filtered(family);
	return nm_forwarded_add(&s->desired, &i, err);
}

/* Finds it by its number, which another one may have got: that one counts only if it forwards, too. */
static int find(struct nm_netlink *rtnl, const struct nm_forwarded_interface *i, struct nm_rtnl_link *ret,
	struct nm_err *err)
{
	bool forwards;

	if (nm_rtnl_get_link(rtnl, i->index, i->index ? NULL : i->name, ret, err) < 0)
		return -1;
	if (!ret->found || !strcmp(ret->name, i->name))
		return 0;
	if (nm_forwarding_get(i->family, ret->name, &forwards, err) < 0)
		return -1;
	ret->found = forwards;
	return 0;
}

/* An interface that this change removes, or another one is removing. */
static bool is_going(const struct nm_forward_need *need, const char *name)
{
	return nm_names_is_aside(name) ||
		(need->leaving && nm_attach_bridge_goes(need->leaving, &need->staying, name));
}

static int keep_old(struct nm_forward_switch *s, struct nm_netlink *rtnl, enum nm_family family,
	const struct nm_forward_need *need, struct nm_err *err)
{
	struct nm_rtnl_link link;

	for (size_t i = 0; i < s->old.n; i++) {
		if (s->old.v[i].family == family &&
			(find(rtnl, &s->old.v[i], &link, err) < 0 ||
				(link.found && !is_going(need, link.name) &&
					desire(s, family, link.name, link.ifindex,
						!strcmp(link.kind, "bridge"), err) < 0)))
			return -1;
	}
	return 0;
}

/* If it does not forward. One without the setting cannot. */
static int desire_one(struct nm_forward_switch *s, enum nm_family family, const char *name, unsigned index,
	bool bridge, struct nm_err *err)
{
	bool forwards;

	if (is_desired(s, family, name, index))
		return 0;
	if (nm_forwarding_get(family, name, &forwards, err) < 0)
		return err->kind == NM_ERR_MISSING ? 0 : -1;
	return forwards ? 0 : desire(s, family, name, index, bridge, err);
}

static int plan_family(struct nm_forward_switch *s, struct nm_netlink *rtnl, enum nm_family family,
	const struct nm_forward_need *need, struct nm_err *err)
{
	const char *via = need->via ? need->via[family] : NULL;
	NM_CLEANUP(nm_forwarding_interfaces_done) struct nm_forwarding_interfaces list = {0};
	struct nm_rtnl_link link = {.found = false};

	if (keep_old(s, rtnl, family, need, err) < 0 || nm_forwarding_list(rtnl, family, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (!is_going(need, list.v[i].name) &&
			desire_one(s, family, list.v[i].name, list.v[i].index, list.v[i].bridge, err) < 0)
			return -1;
	if (via && via[0] && !is_desired(s, family, via, 0) && nm_rtnl_get_link(rtnl, 0, via, &link, err) < 0)
		return -1;
	return link.found ? desire_one(s, family, link.name, link.ifindex, !strcmp(link.kind, "bridge"), err)
			  : 0;
}

static int plan_kept(struct nm_forward_switch *s, enum nm_family family, const struct nm_forward_need *need,
	struct nm_err *err)
{
	s->desired.statics |= s->old.statics & 1u << family;
	for (size_t i = 0; i < s->old.n; i++)
		if (s->old.v[i].family == family && !is_going(need, s->old.v[i].name) &&
			nm_forwarded_add(&s->desired, &s->old.v[i], err) < 0)
			return -1;
	return 0;
}

static unsigned families_of(const struct nm_forwarded *f)
{
	unsigned families = 0;

	for (size_t i = 0; i < f->n; i++)
		families |= 1u << f->v[i].family;
	return families;
}

int nm_forward_switch_load(struct nm_forward_switch *s, const struct nm_state *st, struct nm_err *err)
{
	if (!s->loaded && st && nm_forwarded_read(st, &s->old, err) < 0)
		return -1;
	s->loaded = true;
	return 0;
}

int nm_forward_switch_plan(struct nm_forward_switch *s, const struct nm_state *st,
	const struct nm_forward_need *need, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	unsigned concerned;

	if (nm_forward_switch_load(s, st, err) < 0)
		return -1;
	concerned = need->active | families_of(&s->old) | s->old.statics;
	s->desired.backend = need->backend;
	s->renewed = need->active || need->backend != s->old.backend;
	nm_each_family(f, concerned) {
		bool active = need->active & 1u << f, global = false;

		if (nm_forwarding_read_global(f, &global, err) < 0 && err->kind != NM_ERR_MISSING)
			return -1;
		s->global |= global ? 1u << f : 0;
		if (s->global & 1u << f)
			continue;
		if (!active && need->kept & 1u << f && plan_kept(s, f, need, err) < 0)
			return -1;
		if (!active)
			continue;
		if ((rtnl.fd < 0 && nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0) ||
			plan_family(s, &rtnl, f, need, err) < 0)
			return -1;
		s->desired.statics |= (need->statics | (need->kept & s->old.statics)) & 1u << f;
	}
	return 0;
}

/* The guard of the entry is the same in both. */
static bool has_guard(
	const struct nm_forwarded *f, const struct nm_forwarded_interface *of, enum nm_backend backend)
{
	for (size_t i = 0; f->backend == backend && i < f->n; i++)
		if (f->v[i].family == of->family && f->v[i].bridged == of->bridged &&
			!strcmp(f->v[i].name, of->name))
			return true;
	return false;
}

int nm_forward_switch_add_guards(const struct nm_forward_switch *s, const struct nm_static_nats *statics,
	struct nm_desired *d, struct nm_err *err)
{
	const struct nm_forwarded *f = &s->desired;

	if (!s->renewed || f->n == 0)
		return 0;
	for (size_t i = 0; i < f->n; i++)
		if (nm_desired_add_forward(
			    d, f->v[i].family, f->v[i].name, f->v[i].bridged, f->backend, err) < 0)
			return -1;
	return nm_backend_ops(f->backend)->layout_forward_base(families_of(f), statics, d, err);
}

int nm_forward_switch_add_old_guards(
	const struct nm_forward_switch *s, struct nm_desired *d, struct nm_err *err)
{
	const struct nm_forwarded *f = &s->old;

	for (size_t i = 0; i < f->n; i++) {
		const struct nm_forwarded_interface *old = &f->v[i];
		bool of_both_kinds = !old->index; /* an adopted one: either is there */

		if (has_guard(&s->desired, old, f->backend))
			continue;
		if (nm_desired_add_forward(d, old->family, old->name, old->bridged, f->backend, err) < 0 ||
			(of_both_kinds &&
				nm_desired_add_forward(
					d, old->family, old->name, !old->bridged, f->backend, err) < 0))
			return -1;
	}
	return 0;
}

unsigned nm_forward_switch_guarded(const struct nm_forward_switch *s)
{
	return families_of(&s->old) | families_of(&s->desired);
}

static bool is_subset(const struct nm_forwarded *f, const struct nm_forwarded *of)
{
	for (size_t i = 0; i < f->n; i++)
		if (!nm_forwarded_find(of, &f->v[i]))
			return false;
	return !(f->statics & ~of->statics);
}

int nm_forward_switch_record(const struct nm_forward_switch *s, const struct nm_state *st, struct nm_err *err)
{
	NM_CLEANUP(nm_forwarded_done)
	struct nm_forwarded all = {
		.backend = s->desired.backend, .statics = s->desired.statics | s->old.statics};

	if (is_subset(&s->desired, &s->old))
		return 0;
	for (size_t i = 0; i < s->desired.n; i++)
		if (nm_forwarded_add(&all, &s->desired.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < s->old.n; i++)
		if (!nm_forwarded_find(&all, &s->old.v[i]) && nm_forwarded_add(&all, &s->old.v[i], err) < 0)
			return -1;
	return nm_forwarded_write(st, &all, err);
}

/* An interface that is gone has no setting. */
static int set(enum nm_family family, const char *interface, int value, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];
	int result = nm_sysctl_set(nm_sysctl_forwarding(family, interface, name), value, err);

	return result < 0 && err->kind == NM_ERR_MISSING ? 0 : result;
}

static int set_old(
	struct nm_netlink *rtnl, const struct nm_forwarded_interface *i, int value, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if ((rtnl->fd < 0 && nm_netlink_open(NETLINK_ROUTE, rtnl, err) < 0) || find(rtnl, i, &link, err) < 0)
		return -1;
	return link.found ? set(i->family, link.name, value, err) : 0;
}

static bool is_left(const struct nm_forward_switch *s, size_t old)
{
	const struct nm_forwarded_interface *i = &s->old.v[old];

	return !(s->global & 1u << i->family) && !nm_forwarded_find(&s->desired, i);
}

int nm_forward_switch_disable(struct nm_forward_switch *s, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err cause;

	for (size_t i = 0; i < s->old.n; i++) {
		if (!is_left(s, i) || set_old(&rtnl, &s->old.v[i], 0, &cause) == 0)
			continue;
		nm_log_notice(
			"%s, ignored: the rule that closes '%s' stays, too", cause.msg, s->old.v[i].name);
		if (nm_forwarded_add(&s->desired, &s->old.v[i], err) < 0)
			return -1;
		s->renewed = true;
	}
	return 0;
}

int nm_forward_switch_enable(const struct nm_forward_switch *s, struct nm_err *err)
{
	for (size_t i = 0; s->renewed && i < s->desired.n; i++)
		if (set(s->desired.v[i].family, s->desired.v[i].name, 1, err) < 0)
			return -1;
	return 0;
}

static void write_record(const struct nm_state *st, const struct nm_forwarded *f)
{
	struct nm_err err;

	if (nm_forwarded_write(st, f, &err) < 0)
		nm_log_notice("%s, ignored: it names interfaces that natmap leaves alone", err.msg);
}

static bool differ(const struct nm_forwarded *a, const struct nm_forwarded *b)
{
	if (a->n != b->n || a->statics != b->statics || (a->n > 0 && a->backend != b->backend))
		return true;
	for (size_t i = 0; i < a->n; i++) {
		const struct nm_forwarded_interface *same = nm_forwarded_find(b, &a->v[i]);
		if (!same || same->index != a->v[i].index || !has_guard(b, &a->v[i], a->backend))
			return true;
	}
	return false;
}

/* Where none goes, the desired ones are all that nm_forward_switch_record() has written. */
static bool is_recorded(const struct nm_forward_switch *s)
{
	return !is_subset(&s->desired, &s->old) && is_subset(&s->old, &s->desired);
}

bool nm_forward_switch_is_settled(const struct nm_forward_switch *s)
{
	struct nm_err gone;
	bool forwards;

	if (s->old.damaged || differ(&s->desired, &s->old))
		return false;
	for (size_t i = 0; i < s->desired.n; i++)
		if (nm_forwarding_get(s->desired.v[i].family, s->desired.v[i].name, &forwards, &gone) < 0 ||
			!forwards)
			return false;
	return true;
}

void nm_forward_switch_settle(const struct nm_forward_switch *s, const struct nm_state *st)
{
	if (!is_recorded(s) && (s->old.damaged || differ(&s->desired, &s->old)))
		write_record(st, &s->desired);
}

void nm_forward_switch_undo(const struct nm_forward_switch *s, const struct nm_state *st)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err err;

	for (size_t i = 0; i < s->old.n; i++)
		if (is_left(s, i) && set_old(&rtnl, &s->old.v[i], 1, &err) < 0)
			nm_log_notice(
				"%s, ignored: ports are not reached through '%s'", err.msg, s->old.v[i].name);
	if (!is_subset(&s->desired, &s->old))
		write_record(st, &s->old);
}
