#include "network/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "network/bridge.h"
#include "network/names.h"

enum { LOWER_UP = 1 << 16 /* IFF_LOWER_UP, which not every <net/if.h> has */ };

void nm_faults_done(struct nm_faults *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].text);
	free(f->v);
	*f = (struct nm_faults){0};
}

__attribute__((format(printf, 4, 5))) static int add(
	struct nm_faults *f, bool inside, struct nm_err *err, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	if (nm_grow(f, "comparing networks", err) < 0)
		return -1;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return nm_fail_memory(err, "comparing networks");
	f->v[f->n++] = (struct nm_fault){text, inside};
	return 0;
}

/* The host */

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct nm_rtnl_link *)a)->name, ((const struct nm_rtnl_link *)b)->name);
}

int nm_faults_host_read(struct nm_netlink *rtnl, struct nm_faults_host *ret, struct nm_err *err)
{
	if (nm_rtnl_get_links(rtnl, &ret->links, err) < 0 ||
		nm_rtnl_get_addresses(rtnl, &ret->addresses, err) < 0)
		return -1;
	if (ret->links.n > 0)
		qsort(ret->links.v, ret->links.n, sizeof(*ret->links.v), compare);
	return 0;
}

void nm_faults_host_done(struct nm_faults_host *host)
{
	nm_rtnl_links_done(&host->links);
	nm_rtnl_addresses_done(&host->addresses);
}

const struct nm_rtnl_link *nm_faults_link(const struct nm_faults_host *host, const char *name)
{
	struct nm_rtnl_link key = {.found = true};

	(void)snprintf(key.name, sizeof(key.name), "%s", name);
	return host->links.n > 0
		? bsearch(&key, host->links.v, host->links.n, sizeof(*host->links.v), compare)
		: NULL;
}

/* The bridge */

static bool has_address(
	const struct nm_rtnl_addresses *all, unsigned ifindex, const struct nm_prefix *address)
{
	for (size_t i = 0; i < all->n; i++)
		if ((!ifindex || all->v[i].ifindex == ifindex) && all->v[i].prefix.len == address->len &&
			nm_addr_equal(&all->v[i].prefix.addr, &address->addr))
			return true;
	return false;
}

static int add_gateways(const struct nm_faults_host *host, const struct nm_attachment *a, unsigned ifindex,
	struct nm_faults *ret, struct nm_err *err)
{
	char text[NM_PREFIX_STRLEN];

	nm_each_family(f, a->families) {
		struct nm_prefix gateway = nm_network_gateway(&a->address[f]);

		if (!has_address(&host->addresses, ifindex, &gateway) &&
			add(ret, false, err, "bridge '%s' does not have its address %s", a->bridge,
				nm_prefix_print(&gateway, text)) < 0)
			return -1;
	}
	return 0;
}

/* A kernel without IPv6 has none. Another container may have IPv6 where this one has none. */
static int add_settings(const struct nm_attachment *a, struct nm_faults *ret, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];

	for (enum nm_bridge_setting which = 0; which < NM_BRIDGE_SETTING_MAX; which++) {
		int value = 0;

		if (nm_bridge_setting(a, which, name) != 0)
			continue;
		if (nm_sysctl_get(name, &value, err) < 0 && err->kind != NM_ERR_MISSING)
			return -1;
		if (value != 0 && add(ret, false, err, "%s is %d: natmap has set it to 0", name, value) < 0)
			return -1;
	}
	return 0;
}

int nm_faults_of_bridge(const struct nm_faults_host *host, const struct nm_attachment *a,
	struct nm_faults *ret, struct nm_err *err)
{
	const struct nm_rtnl_link *link = nm_faults_link(host, a->bridge);

	if (!link)
		return add(ret, false, err, "bridge '%s' is missing", a->bridge);
	if (!nm_names_is_bridge(link))
		return add(
			ret, false, err, "interface '%s' is not the bridge that natmap has made", a->bridge);
	if (!(link->flags & IFF_UP) && add(ret, false, err, "bridge '%s' is down", a->bridge) < 0)
		return -1;
	return add_gateways(host, a, link->ifindex, ret, err) < 0 ? -1 : add_settings(a, ret, err);
}

/* The port */

static bool is_port(const struct nm_rtnl_link *link, const char *id)
{
	char alias[NM_TAG_SIZE];

	return link && nm_names_is_end(link) && link->peer_elsewhere &&
		!strcmp(link->alias, nm_names_alias(id, alias));
}

/* The carrier of a veth is its other end's being up. */
static int add_state(
	const struct nm_rtnl_link *port, const char *id, struct nm_faults *ret, struct nm_err *err)
{
	if (!(port->flags & IFF_UP))
		return add(ret, false, err, "interface '%s' of container '%s' is down", port->name, id);
	if (!(port->flags & LOWER_UP))
		return add(ret, true, err, "'" NM_NAMES_CONTAINER "' of container '%s' is down", id);
	return 0;
}

static int add_modes(const struct nm_rtnl_link *port, const char *id, const struct nm_attachment *a,
	bool hairpin, struct nm_faults *ret, struct nm_err *err)
{
	static const char *const words[] = {"off", "on"};

	if (port->hairpin != hairpin &&
		add(ret, false, err, "hairpin mode of interface '%s' of container '%s' is %s", port->name, id,
			words[port->hairpin]) < 0)
		return -1;
	if (port->port_isolated == a->isolated)
		return 0;
	return add(ret, false, err, "isolation of interface '%s' of container '%s' is %s", port->name, id,
		words[port->port_isolated]);
}

int nm_faults_of_port(const struct nm_faults_host *host, const char *id, const struct nm_attachment *a,
	bool hairpin, struct nm_faults *ret, struct nm_err *err)
{
	const struct nm_rtnl_link *port = nm_faults_link(host, a->port),
				  *bridge = nm_faults_link(host, a->bridge);

	if (!is_port(port, id))
		return add(ret, true, err,
			port ? "interface '%s' is not that of container '%s'"
			     : "interface '%s' of container '%s' is missing",
			a->port, id);
	if (add_state(port, id, ret, err) < 0)
		return -1;
	if (!port->bridge_port || !bridge || port->master != bridge->ifindex)
		return add(ret, false, err, "interface '%s' of container '%s' is not on bridge '%s'", a->port,
			id, a->bridge);
	return add_modes(port, id, a, hairpin, ret, err);
}

/* The container */

int nm_faults_of_container(const struct nm_rtnl_addresses *addresses, unsigned routes, const char *id,
	const struct nm_attachment *a, struct nm_faults *ret, struct nm_err *err)
{
	char text[NM_PREFIX_STRLEN];

	nm_each_family(f, a->families)
		if (!has_address(addresses, 0, &a->address[f]) &&
			add(ret, true, err, "container '%s' does not have its address %s", id,
				nm_prefix_print(&a->address[f], text)) < 0)
			return -1;
	nm_each_family(f, a->families & ~routes)
		if (add(ret, true, err, "container '%s' has no %s default route", id,
			    nm_addr_family_name(f)) < 0)
			return -1;
	return 0;
}
