#include "admin/check_settings.h"

#include <linux/netlink.h>

#include "admin/forwarding_off.h"
#include "host/forwarding.h"
#include "host/sysctl.h"
#include "network/names.h"
#include "network/orphans.h"
#include "obstacle/reverse_path.h"
#include "publish/host_settings.h"

struct checking {
	const struct nm_inventory *inventory;
	struct nm_differences *found;
};

#define add(c, ...) nm_differences_add((c)->found, __VA_ARGS__)

static int check_forwarding_of(struct checking *c, enum nm_family family, struct nm_err *err)
{
	bool by_interface = c->inventory->config->forward[family] == NM_FORWARD_INTERFACES;
	NM_CLEANUP(nm_forwarding_off_done) struct nm_forwarding_off off = {0};
	char name[NM_SYSCTL_NAME_MAX];
	struct nm_err cause;

	if (nm_forwarding_off_find(family, &c->inventory->live, &off, &cause) < 0)
		return add(c, err, "setting", "%s", cause.msg);
	if (off.unread.kind && add(c, err, "setting", "%s", off.unread.msg) < 0)
		return -1;
	if (off.all && !by_interface)
		return add(c, err, "setting", "%s is 0: nothing is forwarded", nm_forwarding_global[family]);
	for (size_t i = 0; i < off.n; i++)
		if (add(c, err, "setting", "%s is 0: packets that come in there do not reach published ports",
			    nm_sysctl_forwarding(family, off.v[i], name)) < 0)
			return -1;
	return 0;
}

static int check_forwarding(struct checking *c, struct nm_err *err)
{
	nm_each_family(f, nm_inventory_forwards(c->inventory))
		if (check_forwarding_of(c, f, err) < 0)
			return -1;
	return 0;
}

static int check_localnet(void *ctx, const struct nm_record *r, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];
	struct nm_err missing;
	int value;

	if (nm_sysctl_get(nm_sysctl_route_localnet(r->localnet, name), &value, &missing) < 0)
		return add((struct checking *)ctx, err, "setting", "container '%s': %s", r->id, missing.msg);
	return value ? 0
		     : add((struct checking *)ctx, err, "setting",
			       "%s is 0: published ports do not answer on 127.0.0.1", name);
}

static int check_hairpin(
	struct checking *c, struct nm_host_settings_view *view, const struct nm_record *r, struct nm_err *err)
{
	struct nm_record port = *r; /* borrows all of it */
	struct nm_err missing;

	port.localnet[0] = '\0';
	if (nm_host_settings_examine(view, &port, &missing) < 0)
		return add(c, err, "setting", "container '%s': %s", r->id, missing.msg);
	return !port.hairpin_set
		? 0
		: add(c, err, "setting",
			  "hairpin mode of bridge port '%s' is off: container '%s' does not reach its own "
			  "published ports",
			  r->bridge_port, r->id);
}

static int on_reverse_path(void *ctx, const struct nm_reverse_path *p, struct nm_err *err)
{
	char text[NM_REVERSE_PATH_STRLEN];

	return add((struct checking *)ctx, err, "setting", "%s", nm_reverse_path_print(p, text));
}

static int check_settings(struct checking *c, struct nm_err *err)
{
	const struct nm_records *live = &c->inventory->live;
	const struct nm_state *state = c->inventory->change.state;
	nm_autohostsettings struct nm_host_settings_view view = NM_HOST_SETTINGS_VIEW;

	if (nm_records_each_localnet(live, check_localnet, c, err) < 0)
		return -1;
	for (size_t i = 0; i < live->n; i++)
		if (check_hairpin(c, &view, &live->v[i], err) < 0)
			return -1;
	return nm_reverse_path_each(live, state && nm_state_same_pidns(state), on_reverse_path, c, err);
}

static bool is_recorded(const struct nm_records *live, const struct nm_networks_due *due)
{
	for (size_t i = 0; i < live->n; i++)
		if (nm_networks_is_same(due, &live->v[i]))
			return true;
	return false;
}

/* The kernel is deleting one that was set aside. */
static int on_orphan(void *ctx, const struct nm_rtnl_link *link, struct nm_err *err)
{
	return nm_names_is_aside(link->name)
		? 0
		: add((struct checking *)ctx, err, "network",
			  "interface '%s' of '%s' is of no recorded container", link->name, link->alias);
}

/* No hook is making one: the state is locked. */
static int check_networks(struct checking *c, struct nm_err *err)
{
	const struct nm_inventory *s = c->inventory;
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};

	for (const struct nm_networks_due *due = s->networks.v; due < s->networks.v + s->networks.n; due++) {
		if (!is_recorded(&s->live, due))
			continue;
		for (size_t i = 0; i < due->faults.n; i++)
			if (add(c, err, "network", "%s", due->faults.v[i].text) < 0)
				return -1;
	}
	return nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0
		? -1
		: nm_orphans_each(&rtnl, &s->live, &s->dead, on_orphan, c, err);
}

int nm_check_settings(const struct nm_inventory *s, struct nm_differences *found, struct nm_err *err)
{
	struct checking c = {s, found};

	return check_forwarding(&c, err) < 0 || check_settings(&c, err) < 0 ? -1 : check_networks(&c, err);
}
