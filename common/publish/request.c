/*
 * Reads everything about a request that needs no lock. Leaves out a family that only wildcards cover and in
 * which the container has no address; fails for one that a mapping names.
 */
#include "publish/request.h"

#include <stdio.h>
#include <string.h>

#include "backend/desired.h"
#include "base/log.h"
#include "host/forwarding.h"
#include "host/sysctl.h"
#include "network/addresses.h"
#include "publish/address.h"
#include "publish/client_networks.h"
#include "publish/host_settings.h"
#include "publish/policy.h"
#include "state/interfaces.h"

enum { ALLOW_MAX = 256 };

/* Where packets take several interfaces, route_localnet of one would serve only some connections. */
static void set_localnet(struct nm_record *r, const struct nm_route *route)
{
	memcpy(r->localnet, route->interface, sizeof(r->localnet));
	r->localnet_index = route->ifindex;
	if (!route->interface[0])
		nm_log_notice(
			"container '%s': several interfaces lead to it, ignored: its ports do not answer "
			"on 127.0.0.1",
			r->id);
}

static void set_bridge_port(struct nm_record *r, const struct nm_address_choice choice[static NM_FAMILY_MAX])
{
	nm_each_family(f, r->families) {
		const struct nm_rtnl_link *port = &choice[f].port;

		if (!port->found || !port->bridge_port)
			continue;
		memcpy(r->bridge_port, port->name, sizeof(r->bridge_port));
		r->bridge_port_index = port->ifindex;
		return;
	}
}

/* With forwarding off for all interfaces: whether it is on for the one towards the container and for another
 * one, by which clients may come. */
static int works_by_interface(
	struct nm_netlink *rtnl, enum nm_family family, const char *via, bool *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_forwarding_interfaces_done) struct nm_forwarding_interfaces list = {0};
	bool forwards = false;

	*ret = false;
	if (via[0] && nm_forwarding_get(family, via, &forwards, err) < 0)
		return -1;
	if (!forwards)
		return 0;
	if (nm_forwarding_list(rtnl, family, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n && !*ret; i++)
		if (strcmp(list.v[i].name, via) != 0 &&
			nm_forwarding_get(family, list.v[i].name, ret, err) < 0)
			return -1;
	return 0;
}

/* Sets *ret_command to what makes forwarding work, "" if it does or natmap will see to it. */
static int examine_forwarding(struct nm_netlink *rtnl, const struct nm_config *c, enum nm_family family,
	struct nm_record *r, char ret_command[static NM_SYSCTL_NAME_MAX], struct nm_err *err)
{
	const char *via = r->via[family];
	bool global, by_interface = false, works = true;

	ret_command[0] = '\0';
	if (c->forward[family] == NM_FORWARD_SET)
		return 0;
	if (nm_forwarding_read_global(family, &global, err) < 0)
		return -1;
	/* IPv4 alone may be off for one interface then */
	if (global && family == NM_IPV4 && via[0] && nm_forwarding_get(family, via, &works, err) < 0)
		return -1;
	if (!works)
		(void)snprintf(
			ret_command, NM_SYSCTL_NAME_MAX, "sysctl -w net/ipv4/conf/%s/forwarding=1", via);
	r->forwarded |= global ? 1u << family : 0;
	if (global)
		return 0;
	if (c->forward[family] == NM_FORWARD_INTERFACES &&
		nm_forwarding_has_interfaces(family, &by_interface, err) < 0)
		return -1;
	if (by_interface)
		return 0;
	if (works_by_interface(rtnl, family, via, &works, err) < 0)
		return -1;
	if (!works)
		(void)snprintf(
			ret_command, NM_SYSCTL_NAME_MAX, "sysctl -w %s=1", nm_forwarding_global_key[family]);
	return 0;
}

/* Where natmap is not to switch forwarding on, it must be on: else IPv4 fails, and IPv6 is left out unless
 * the container needs it. */
static int check_forwarding(
	struct nm_netlink *rtnl, const struct nm_config *c, struct nm_record *r, struct nm_err *err)
{
	char command[NM_SYSCTL_NAME_MAX];

	nm_each_family(f, nm_record_forwards(r)) {
		if (examine_forwarding(rtnl, c, f, r, command, err) < 0)
			return -1;
		if (!command[0])
			continue;
		if (f == NM_IPV4 || nm_record_names_family(r, f) || r->families == 1u << f)
			return nm_fail(err, NM_ERR_FAILED, "publishing on %s: forwarding is off; run: %s",
				nm_addr_family_name(f), command);
		nm_log_notice(
			"container '%s': not published on %s, forwarding is off; to change that run: %s",
			r->id, nm_addr_family_name(f), command);
		r->families &= ~(1u << f);
	}
	return 0;
}

static int check_host_addresses(struct nm_netlink *rtnl, const struct nm_mappings *list, struct nm_err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct nm_mapping *m = &list->v[i];
		char text[NM_MAPPING_STRLEN];
		struct nm_route route;

		if (m->families != NM_IPV4_BIT || m->any_host ||
			(i > 0 && nm_addr_equal(&m->host, &list->v[i - 1].host)))
			continue;
		if (nm_route_lookup(rtnl, &m->host, &route, err) < 0)
			return -1;
		if (route.broadcast)
			return nm_fail(err, NM_ERR_REFUSED,
				"port mapping '%s': that is the broadcast address of a network of the host's",
				nm_mapping_print(m, text));
	}
	return 0;
}

static int resolve_network(const struct nm_oci_state *st, const struct nm_config *c,
	const struct nm_record *known, struct nm_netns *ns, struct nm_record *r, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	const struct nm_address_source source = {st, c, known, r->pid ? ns : NULL, &rtnl};
	struct nm_address_choice choice[NM_FAMILY_MAX] = {0};
	unsigned published;

	r->netns = ns->id;
	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		check_host_addresses(&rtnl, &r->mappings, err) < 0 ||
		nm_address_choose(&source, r, choice, err) < 0)
		return -1;
	if (choice[NM_IPV4].route.found && nm_desired_needs_localnet(r, &c->layout))
		set_localnet(r, &choice[NM_IPV4].route);
	published = known ? known->families & r->families : 0;
	nm_each_family(f, r->families)
		memcpy(r->via[f], choice[f].route.interface, sizeof(r->via[f]));
	if (check_forwarding(&rtnl, c, r, err) < 0)
		return -1;
	r->families |= published;
	if (c->layout.hairpin)
		set_bridge_port(r, choice);
	return nm_client_networks_find(&rtnl, ns, r, err);
}

/* Its bridge may not be there yet, and will forward as new interfaces do. */
static int resolve_own_network(const struct nm_oci_state *st, const struct nm_config *c,
	struct nm_container *container, struct nm_attach_target *target, struct nm_record *r,
	struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};

	if (st->interface)
		return nm_fail(err, NM_ERR_REFUSED,
			"io.natmap.interface '%s': it does not go with io.natmap.network", st->interface);
	if (nm_attach_plan(r, &c->network, err) < 0 || nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		check_host_addresses(&rtnl, &r->mappings, err) < 0 || check_forwarding(&rtnl, c, r, err) < 0)
		return -1;
	r->network.families = r->families;
	if (nm_addresses_ask(st->address, &r->network, err) < 0 || nm_address_keep_families(r, err) < 0)
		return -1;
	if (!target)
		return 0;
	if (nm_attach_examine(target, container, r, err) < 0)
		return -1;
	r->start = container->start;
	r->netns = target->ns.id;
	return 0;
}

void nm_request_settle_network(struct nm_record *r, unsigned bridge, const struct nm_layout_options *options)
{
	nm_each_family(f, r->families) {
		r->address[f] = r->network.address[f];
		memcpy(r->via[f], r->network.bridge, sizeof(r->via[f]));
	}
	if (!nm_desired_needs_localnet(r, options))
		return;
	memcpy(r->localnet, r->network.bridge, sizeof(r->localnet));
	r->localnet_index = bridge;
}

static int resolve(const struct nm_oci_state *st, const struct nm_config *c, const struct nm_record *known,
	struct nm_container *container, struct nm_attach_target *target, struct nm_record *r,
	struct nm_err *err)
{
	if (st->network && nm_policy_check_network(c, st->network, err) < 0)
		return -1;
	if (st->ports && nm_mappings_parse(st->ports, &r->mappings, err) < 0)
		return -1;
	r->fixed = r->pid && st->address;
	if (st->interface)
		(void)snprintf(r->interface, sizeof(r->interface), "%s", st->interface);
	r->restricted = st->allow != NULL;
	if (r->restricted &&
		nm_prefixes_parse(st->allow, ALLOW_MAX, "io.natmap.allow", NM_ERR_REFUSED, &r->allow, err) <
			0)
		return -1;
	if (nm_policy_check_mappings(c, &r->mappings, &r->allow, err) < 0)
		return -1;
	if (st->network)
		return resolve_own_network(st, c, container, target, r, err);
	if (r->pid && nm_container_read(container, err) < 0)
		return -1;
	r->start = container->start;
	return resolve_network(st, c, known, &container->ns, r, err);
}

/* Another interface that the route leads through now is not taken: its container may have no network left. */
static int look_up_localnet(struct nm_host_settings_view *view, struct nm_record *r, struct nm_err *err)
{
	struct nm_route route;

	if (nm_host_settings_open(view, err) < 0 ||
		nm_route_lookup(&view->rtnl, &r->address[NM_IPV4].addr, &route, err) < 0)
		return -1;
	if (!r->localnet[0] || (route.ifindex && route.ifindex == r->localnet_index))
		set_localnet(r, &route);
	else if (view->found[0]) /* made anew: setting and guard go by the name */
		r->localnet_index = view->found_index;
	return 0;
}

int nm_request_name_interfaces(struct nm_host_settings_view *view, struct nm_record *r,
	const struct nm_layout_options *options, struct nm_err *err)
{
	bool there = false;

	if (!options->hairpin) {
		r->bridge_port[0] = '\0';
		r->bridge_port_index = 0;
	}
	if (!nm_desired_needs_localnet(r, options)) {
		r->localnet[0] = '\0';
		r->localnet_index = 0;
		return 0;
	}
	if (r->localnet[0] && nm_host_settings_find_localnet(view, r, &there, err) < 0)
		return -1;
	return there ? 0 : look_up_localnet(view, r, err);
}

int nm_request_make(const struct nm_oci_state *st, const struct nm_config *c, const struct nm_record *known,
	struct nm_container *container, struct nm_attach_target *target, struct nm_record *ret,
	struct nm_err *err)
{
	nm_autorecord struct nm_record r = {
		.pid = st->pid, .id = strdup(st->id), .bundle = st->bundle ? strdup(st->bundle) : NULL};

	if (!r.id || (st->bundle && !r.bundle))
		return nm_fail_memory(err, "reading the container's state");
	if (resolve(st, c, known, container, target, &r, err) < 0)
		return -1;
	*ret = nm_steal(&r);
	return 0;
}

/* What must have natmap's settings now, of which none is known to be natmap's own. */
static void renew_interfaces(struct nm_record *r, const struct nm_record *known,
	const struct nm_address_choice choice[static NM_FAMILY_MAX], const struct nm_layout_options *options)
{
	nm_record_hold(r, 0);
	if (choice[NM_IPV4].route.found && r->families & NM_IPV4_BIT && nm_desired_needs_localnet(r, options))
		set_localnet(r, &choice[NM_IPV4].route);
	if (options->hairpin)
		set_bridge_port(r, choice);
	r->localnet_set &=
		nm_interfaces_same(r->localnet, r->localnet_index, known->localnet, known->localnet_index);
	r->hairpin_set &= nm_interfaces_same(
		r->bridge_port, r->bridge_port_index, known->bridge_port, known->bridge_port_index);
}

static int open_known(const struct nm_record *known, struct nm_netns *ret, struct nm_err *err)
{
	bool gone;

	if (nm_netns_open(known->pid, ret, err) < 0 || nm_record_gone(known, &gone, err) < 0)
		return -1;
	if (gone)
		return nm_fail(err, NM_ERR_FAILED, "container process %d is gone", (int)known->pid);
	return nm_nsid_equal(&ret->id, &known->netns)
		? 0
		: nm_fail(err, NM_ERR_FAILED,
			  "container process %d is in another network namespace than when it was published",
			  (int)known->pid);
}

int nm_request_renew(
	const struct nm_record *known, const struct nm_config *c, struct nm_record *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_netns_done) struct nm_netns ns = NM_NETNS_INIT;
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_address_choice choice[NM_FAMILY_MAX] = {0};
	nm_autorecord struct nm_record r = {0};
	struct nm_oci_state st = {.interface = known->interface[0] ? r.interface : NULL};
	const struct nm_address_source source = {&st, c, known, &ns, &rtnl};

	if (nm_record_copy(known, &r, err) < 0 || open_known(known, &ns, err) < 0 ||
		nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		nm_address_renew(&source, &r, choice, err) < 0)
		return -1;
	renew_interfaces(&r, known, choice, &c->layout);
	nm_prefixes_done(&r.networks);
	if (nm_client_networks_find(&rtnl, &ns, &r, err) < 0)
		return -1;
	*ret = nm_steal(&r);
	return 0;
}
