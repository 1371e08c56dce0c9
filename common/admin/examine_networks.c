#include "admin/examine_networks.h"

#include <linux/netlink.h>
#include <string.h>

#include "inventory/inventory.h"
#include "inventory/snapshot.h"
#include "network/bridge.h"

int nm_examine_networks_lacking(struct nm_examination *x, struct nm_err *err)
{
	struct nm_config config = *x->d->config; /* borrows all of it */
	NM_CLEANUP(nm_inventory_done)
	struct nm_inventory s = {.config = &config, .change = NM_CHANGE_INIT};

	struct nm_err why;
	struct nm_nsid home;

	if (nm_netns_self("net", &home, err) < 0)
		return -1;
	if (nm_networks_find(&s, x->d->state_dir, &why) < 0) /* a state that cannot be read is told later */
		return nm_snapshot_check_home(&home, err);
	for (size_t i = 0; i < s.networks.n; i++)
		for (size_t j = 0; j < s.networks.v[i].faults.n; j++)
			nm_examination_tell(x, NM_FINDING, "%s", s.networks.v[i].faults.v[j].text);
	if (s.networks.n > 0)
		nm_examination_tell(x, NM_COMMAND, "%s reload", x->d->natmap);
	return 0;
}

static void tell(struct nm_examination *x, struct nm_netlink *rtnl, const struct nm_attachment *a)
{
	struct nm_err why;

	if (nm_bridge_check(rtnl, a, &why) < 0)
		nm_examination_tell(x, NM_FINDING, "%s", why.msg);
}

static bool is_told(const struct nm_records *list, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(list->v[j].network.bridge, list->v[i].network.bridge))
			return true;
	return false;
}

static bool is_recorded(const struct nm_records *list, const char *bridge)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i].network.bridge, bridge))
			return true;
	return false;
}

int nm_examine_networks_obstacles(struct nm_examination *x, struct nm_err *err)
{
	const struct nm_config *c = x->d->config;
	struct nm_attachment next = {.families = c->network.families};
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};

	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0)
		return -1;
	for (size_t i = 0; i < x->records.n; i++)
		if (x->records.v[i].network.bridge[0] && !is_told(&x->records, i))
			tell(x, &rtnl, &x->records.v[i].network);
	memcpy(next.bridge, c->network.bridge, sizeof(next.bridge));
	memcpy(next.address, c->network.subnet, sizeof(next.address));
	if (c->policy.network && !is_recorded(&x->records, next.bridge))
		tell(x, &rtnl, &next);
	return 0;
}
