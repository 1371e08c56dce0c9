/*
 * A record names the interface whose route_localnet it needs and the bridge port whose hairpin mode it needs,
 * and says of each whether natmap switched it on. A new record inherits that from records that need the same,
 * so that the last of them to go switches the setting off.
 */
#include "publish/host_settings.h"

#include <string.h>

#include "base/log.h"
#include "host/forwarding.h"
#include "host/route.h"
#include "host/rtnl.h"
#include "host/sysctl.h"
#include "state/interfaces.h"
#include "state/note.h"

/* Once IPv6 forwarding is on, an interface with accept_ra 1 ignores router advertisements and loses its
 * default route. */
static int keep_accepting_ra(void *ctx, const char *interface, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];
	int value;

	(void)ctx;
	if (nm_sysctl_get(nm_sysctl_accept_ra(interface, name), &value, err) < 0)
		return -1;
	return value == 1 ? nm_sysctl_set(name, 2, err) : 0;
}

static const char digits[NM_FAMILY_MAX] = {[NM_IPV4] = '4', [NM_IPV6] = '6'};

unsigned nm_host_settings_forwarding_set(const struct nm_state *st)
{
	char text[NM_NOTE_SIZE];
	unsigned families = 0;
	time_t at;

	if (!nm_note_read(st, NM_NOTE_FORWARDING, text, &at))
		return 0;
	nm_each_family(f, NM_BOTH_FAMILIES)
		families |= strchr(text, digits[f]) ? 1u << f : 0;
	return families;
}

/* Before it is switched on: a flush names what this natmap may have done. */
static int note_forwarding(const struct nm_state *st, enum nm_family family, struct nm_err *err)
{
	unsigned families = nm_host_settings_forwarding_set(st) | 1u << family;
	char text[NM_FAMILY_MAX + 1] = "";
	size_t n = 0;

	nm_each_family(f, families)
		text[n++] = digits[f];
	return nm_note_write(st, NM_NOTE_FORWARDING, text, err);
}

static int enable_ipv6_forwarding(const struct nm_state *st, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	bool global;

	if (nm_forwarding_read_global(NM_IPV6, &global, err) < 0)
		return -1;
	if (global)
		return 0;
	if (note_forwarding(st, NM_IPV6, err) < 0 || nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		nm_route_ra_interfaces(&rtnl, keep_accepting_ra, NULL, err) < 0)
		return -1;
	return nm_sysctl_set(nm_forwarding_global[NM_IPV6], 1, err);
}

/* Of all, and of the one that somebody has excepted. */
static int enable_ipv4_forwarding(const struct nm_state *st, const char *via, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];
	bool global;

	if (nm_forwarding_read_global(NM_IPV4, &global, err) < 0 ||
		(!global && note_forwarding(st, NM_IPV4, err) < 0) ||
		nm_sysctl_set(nm_forwarding_global[NM_IPV4], 1, err) < 0)
		return -1;
	return via && via[0] ? nm_sysctl_set(nm_sysctl_forwarding(NM_IPV4, via, name), 1, err) : 0;
}

int nm_host_settings_enable_forwarding(const struct nm_config *c, const struct nm_state *st,
	unsigned families, const char (*via)[IF_NAMESIZE], struct nm_err *err)
{
	if (families & NM_IPV4_BIT && c->forward[NM_IPV4] == NM_FORWARD_SET &&
		enable_ipv4_forwarding(st, via ? via[NM_IPV4] : NULL, err) < 0)
		return -1;
	if (families & NM_IPV6_BIT && c->forward[NM_IPV6] == NM_FORWARD_SET)
		return enable_ipv6_forwarding(st, err);
	return 0;
}

bool nm_host_settings_forwards(const struct nm_config *c, unsigned families)
{
	nm_each_family(f, families)
		if (c->forward[f] == NM_FORWARD_SET && !nm_forwarding_is_global(f))
			return false;
	return true;
}

void nm_host_settings_view_done(struct nm_host_settings_view *view)
{
	nm_netlink_close(&view->rtnl);
}

static int look_at_localnet(struct nm_host_settings_view *view, const char *interface, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];

	if (!strcmp(view->localnet, interface))
		return 0;
	if (nm_sysctl_get(nm_sysctl_route_localnet(interface, name), &view->value, err) < 0)
		return -1;
	memcpy(view->localnet, interface, sizeof(view->localnet));
	return 0;
}

static int open_rtnl(struct nm_netlink *rtnl, struct nm_err *err)
{
	return rtnl->fd < 0 ? nm_netlink_open(NETLINK_ROUTE, rtnl, err) : 0;
}

int nm_host_settings_open(struct nm_host_settings_view *view, struct nm_err *err)
{
	return open_rtnl(&view->rtnl, err);
}

static int look_at_link(struct nm_host_settings_view *view, const char *interface, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if (!strcmp(view->found, interface))
		return 0;
	if (open_rtnl(&view->rtnl, err) < 0 || nm_rtnl_get_link(&view->rtnl, 0, interface, &link, err) < 0)
		return -1;
	memcpy(view->found, link.name, sizeof(view->found));
	view->found_index = link.ifindex;
	return 0;
}

int nm_host_settings_find_localnet(
	struct nm_host_settings_view *view, struct nm_record *r, bool *ret_there, struct nm_err *err)
{
	if (look_at_link(view, r->localnet, err) < 0)
		return -1;
	if (!r->localnet_index)
		r->localnet_index = view->found_index;
	*ret_there = view->found[0] && r->localnet_index == view->found_index;
	return 0;
}

/* Another port may have got the number of one that is gone. It is taken for the renamed one if no interface
 * has the old name, it leads to another namespace, and it is in the mode that natmap leaves behind. */
static int find_port(
	struct nm_netlink *rtnl, const struct nm_record *r, struct nm_rtnl_link *ret, struct nm_err *err)
{
	unsigned index = r->bridge_port_index;
	struct nm_rtnl_link other;

	if (nm_rtnl_get_link(rtnl, index, index ? NULL : r->bridge_port, ret, err) < 0)
		return -1;
	if (!ret->found || !strcmp(ret->name, r->bridge_port))
		return 0;
	if (nm_rtnl_get_link(rtnl, 0, r->bridge_port, &other, err) < 0)
		return -1;
	if (other.found || !ret->hairpin || !ret->peer_elsewhere)
		*ret = (struct nm_rtnl_link){.found = false};
	return 0;
}

int nm_host_settings_examine(struct nm_host_settings_view *view, struct nm_record *r, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if (r->localnet[0] && look_at_localnet(view, r->localnet, err) < 0)
		return -1;
	r->localnet_set = r->localnet[0] && view->value == 0;
	r->hairpin_set = false;
	if (!r->bridge_port[0])
		return 0;
	if (open_rtnl(&view->rtnl, err) < 0 || find_port(&view->rtnl, r, &link, err) < 0)
		return -1;
	/* made anew, else */
	if (!link.found && nm_rtnl_get_link(&view->rtnl, 0, r->bridge_port, &link, err) < 0)
		return -1;
	r->hairpin_set = link.bridge_port && !link.hairpin;
	if (!link.found)
		return 0;
	memcpy(r->bridge_port, link.name, sizeof(r->bridge_port));
	r->bridge_port_index = link.ifindex;
	return 0;
}

static int set_localnet(const char *interface, int value, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];

	return nm_sysctl_set(nm_sysctl_route_localnet(interface, name), value, err);
}

static bool localnet_is_gone(const char *interface)
{
	char name[NM_SYSCTL_NAME_MAX];
	struct nm_err gone;
	int value;

	return nm_sysctl_get(nm_sysctl_route_localnet(interface, name), &value, &gone) < 0 &&
		gone.kind == NM_ERR_MISSING;
}

void nm_host_settings_forget_gone(struct nm_record *r)
{
	if (r->localnet[0] && localnet_is_gone(r->localnet))
		r->localnet[0] = '\0';
}

int nm_host_settings_can_enable(const struct nm_record *r, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];

	return r->localnet[0] ? nm_sysctl_can_set(nm_sysctl_route_localnet(r->localnet, name), 1, err) : 0;
}

int nm_host_settings_enable(const struct nm_record *r, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_rtnl_link link;

	if (r->localnet[0] && set_localnet(r->localnet, 1, err) < 0)
		return -1;
	if (!r->bridge_port[0] || !r->hairpin_set)
		return 0;
	if (open_rtnl(&rtnl, err) < 0 || nm_rtnl_get_link(&rtnl, 0, r->bridge_port, &link, err) < 0)
		return -1;
	return nm_rtnl_set_hairpin(&rtnl, &link, true, err);
}

void nm_host_settings_inherit(struct nm_record *r, const struct nm_records *others)
{
	for (size_t i = 0; i < others->n; i++) {
		const struct nm_record *o = &others->v[i];

		if (nm_interfaces_same(r->localnet, r->localnet_index, o->localnet, o->localnet_index))
			r->localnet_set |= o->localnet_set;
		if (nm_interfaces_same(
			    r->bridge_port, r->bridge_port_index, o->bridge_port, o->bridge_port_index))
			r->hairpin_set |= o->hairpin_set;
	}
}

static void keep_shared(struct nm_record *r, const struct nm_interfaces *others)
{
	r->localnet_set &= !nm_interfaces_has(others, NM_NEEDS_LOCALNET, r->localnet, r->localnet_index);
	if (nm_interfaces_has_name(others, NM_NEEDS_LOCALNET_IN + r->backend, r->localnet))
		r->localnet[0] = '\0';
	if (nm_interfaces_has(others, NM_NEEDS_HAIRPIN, r->bridge_port, r->bridge_port_index))
		r->bridge_port[0] = '\0';
}

int nm_host_settings_keep_shared(struct nm_records *replaced, const struct nm_records *peers,
	const struct nm_record *new, struct nm_err *err)
{
	NM_CLEANUP(nm_interfaces_done) struct nm_interfaces others = {0};

	if (new != NULL && nm_interfaces_add(&others, new, err) < 0)
		return -1;
	for (size_t i = 0; i < peers->n; i++)
		if (nm_interfaces_add(&others, &peers->v[i], err) < 0)
			return -1;
	nm_interfaces_sort(&others);
	for (size_t i = 0; i < replaced->n; i++)
		keep_shared(&replaced->v[i], &others);
	return 0;
}

/* The name that the interface has now; "": it is gone. Another one may have got its number: with another name
 * it is the same if the route to the container leads through it still. */
static int find_interface(
	struct nm_netlink *rtnl, const struct nm_record *r, char ret[static IF_NAMESIZE], struct nm_err *err)
{
	struct nm_rtnl_link link;
	struct nm_route route;

	memcpy(ret, r->localnet, IF_NAMESIZE);
	if (!r->localnet_index)
		return 0;
	if (open_rtnl(rtnl, err) < 0 || nm_rtnl_get_link(rtnl, r->localnet_index, NULL, &link, err) < 0)
		return -1;
	memcpy(ret, link.name, IF_NAMESIZE);
	if (!link.found || !strcmp(link.name, r->localnet))
		return 0;
	if (nm_route_lookup(rtnl, &r->address[NM_IPV4].addr, &route, err) < 0)
		return -1;
	if (route.ifindex != link.ifindex)
		ret[0] = '\0';
	return 0;
}

/* Of the record's interface, where natmap switched it on. Without an answer of the kernel's it is the one of
 * the recorded name: what was switched on is rather switched off. */
static int switch_localnet(struct nm_netlink *rtnl, const struct nm_record *r, int value, struct nm_err *err)
{
	char interface[IF_NAMESIZE];

	if (!r->localnet_set)
		return 0;
	if (find_interface(rtnl, r, interface, err) < 0)
		memcpy(interface, r->localnet, sizeof(interface));
	if (!interface[0] || set_localnet(interface, value, err) == 0 || localnet_is_gone(interface))
		return 0;
	return -1;
}

bool nm_host_settings_disable_localnet(struct nm_records *replaced)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err err;
	bool all = true;

	for (size_t i = 0; i < replaced->n; i++) {
		struct nm_record *r = &replaced->v[i];

		if (switch_localnet(&rtnl, r, 0, &err) == 0)
			continue;
		nm_log_notice("%s, ignored: the rule that guards 127.0.0.0/8 on it stays, too", err.msg);
		r->localnet[0] = '\0';
		all = false;
	}
	return all;
}

void nm_host_settings_reenable_localnet(const struct nm_records *replaced)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err err;

	for (size_t i = 0; i < replaced->n; i++)
		if (switch_localnet(&rtnl, &replaced->v[i], 1, &err) < 0)
			nm_log_notice("%s, ignored: ports of container '%s' do not answer on 127.0.0.1",
				err.msg, replaced->v[i].id);
}

bool nm_host_settings_disable_hairpin(struct nm_records *replaced)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_rtnl_link link;
	struct nm_err err;
	bool all = true;

	for (size_t i = 0; i < replaced->n; i++) {
		struct nm_record *r = &replaced->v[i];

		if (!r->bridge_port[0] || !r->hairpin_set)
			continue;
		if (open_rtnl(&rtnl, &err) == 0 && find_port(&rtnl, r, &link, &err) == 0 &&
			nm_rtnl_set_hairpin(&rtnl, &link, false, &err) == 0)
			continue;
		nm_log_notice(
			"container '%s': %s: its hairpin mode stays, and so does its record", r->id, err.msg);
		r->hairpin_stays = true;
		all = false;
	}
	return all;
}

int nm_host_settings_hairpin_is_off(const struct nm_records *replaced, struct nm_err *err)
{
	for (size_t i = 0; i < replaced->n; i++)
		if (replaced->v[i].hairpin_stays)
			return nm_fail(err, NM_ERR_FAILED,
				"switching hairpin mode off on '%s': container '%s' stays recorded until "
				"that is done",
				replaced->v[i].bridge_port, replaced->v[i].id);
	return 0;
}
