#include "host/forwarding.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "host/sysctl.h"

const char *const nm_forwarding_global[NM_FAMILY_MAX] = {
	[NM_IPV4] = "net/ipv4/ip_forward",
	[NM_IPV6] = "net/ipv6/conf/all/forwarding",
};
const char *const nm_forwarding_global_key[NM_FAMILY_MAX] = {
	[NM_IPV4] = "net.ipv4.ip_forward",
	[NM_IPV6] = "net.ipv6.conf.all.forwarding",
};

int nm_forwarding_read_global(enum nm_family family, bool *ret, struct nm_err *err)
{
	int value;

	if (nm_sysctl_get(nm_forwarding_global[family], &value, err) < 0)
		return -1;
	*ret = value;
	return 0;
}

bool nm_forwarding_is_global(enum nm_family family)
{
	struct nm_err missing;
	bool global = false;

	return nm_forwarding_read_global(family, &global, &missing) == 0 && global;
}

int nm_forwarding_has_interfaces(enum nm_family family, bool *ret, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];
	int value;

	*ret = nm_sysctl_get(nm_sysctl_forwarding(family, "all", name), &value, err) == 0;
	return *ret || err->kind == NM_ERR_MISSING ? 0 : -1;
}

int nm_forwarding_get(enum nm_family family, const char *interface, bool *ret, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];
	int value = 0;

	if (family == NM_IPV4 &&
		nm_sysctl_get(nm_sysctl_forwarding(family, interface, name), &value, err) < 0)
		return -1;
	if (family == NM_IPV6 && nm_sysctl_get(nm_forwarding_global[family], &value, err) < 0)
		return -1;
	if (family == NM_IPV6 && !value &&
		nm_sysctl_get(nm_sysctl_forwarding(family, interface, name), &value, err) < 0 &&
		err->kind != NM_ERR_MISSING) /* Linux before 6.17 */
		return -1;
	*ret = value;
	return 0;
}

void nm_forwarding_interfaces_done(struct nm_forwarding_interfaces *list)
{
	free(list->v);
	*list = (struct nm_forwarding_interfaces){0};
}

static bool has(const struct nm_forwarding_interfaces *list, unsigned index)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].index == index)
			return true;
	return false;
}

static int add(
	struct nm_netlink *rtnl, unsigned index, struct nm_forwarding_interfaces *ret, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if (has(ret, index))
		return 0;
	if (nm_rtnl_get_link(rtnl, index, NULL, &link, err) < 0)
		return -1;
	if (!link.found || link.flags & IFF_LOOPBACK)
		return 0;
	if (nm_grow(ret, "reading interfaces", err) < 0)
		return -1;
	ret->v[ret->n].index = index;
	ret->v[ret->n].bridge = !strcmp(link.kind, "bridge");
	memcpy(ret->v[ret->n++].name, link.name, sizeof(link.name));
	return 0;
}

int nm_forwarding_list(struct nm_netlink *rtnl, enum nm_family family, struct nm_forwarding_interfaces *ret,
	struct nm_err *err)
{
	NM_CLEANUP(nm_rtnl_addresses_done) struct nm_rtnl_addresses all = {0};
	NM_CLEANUP(nm_forwarding_interfaces_done) struct nm_forwarding_interfaces list = {0};

	if (nm_rtnl_get_addresses(rtnl, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].prefix.addr.family == family && !nm_addr_is_loopback(&all.v[i].prefix.addr) &&
			(family == NM_IPV4 || all.v[i].global) && add(rtnl, all.v[i].ifindex, &list, err) < 0)
			return -1;
	*ret = nm_steal(&list);
	return 0;
}
