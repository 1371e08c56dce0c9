/*
 * Reads everything about a request that needs no lock. Leaves out a family that only wildcards cover and in
 * which the container has no address; fails for one that a mapping names.
 */
#include "publish/request.h"

#include <string.h>

#include "backend/desired.h"
#include "base/log.h"
#include "host/netns.h"
#include "host/process.h"
#include "host/route.h"
#include "host/rtnl.h"
#include "host/sysctl.h"
#include "publish/host_settings.h"
#include "publish/policy.h"

enum { ADDRESSES_MAX = 16, ALLOW_MAX = 256 };

static const char *family_name(enum nm_family family)
{
	return family == NM_IPV4 ? "IPv4" : "IPv6";
}

static int read_process(struct nm_record *r, struct nm_err *err)
{
	bool alive;

	if (nm_process_start(r->pid, &r->start, &alive, err) < 0)
		return -1;
	if (!alive)
		return nm_fail(err, NM_ERR_FAILED, "container process %d is gone", (int)r->pid);
	return 0;
}

static int parse_address(const char *text, const struct nm_config *c, const struct nm_netns *ns,
	struct nm_record *r, struct nm_err *err)
{
	NM_CLEANUP(nm_prefixes_done) struct nm_prefixes list = {0};

	if (nm_prefixes_parse(text, ADDRESSES_MAX, "io.natmap.address", NM_ERR_REFUSED, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		enum nm_family family = list.v[i].addr.family;

		if (r->families & 1u << family)
			return nm_fail(err, NM_ERR_REFUSED,
				"io.natmap.address '%s': more than one %s address", text,
				family_name(family));
		if (r->pid && nm_policy_check_address(&c->policy, &list.v[i], &ns->all, err) < 0)
			return -1;
		r->families |= 1u << family;
		r->address[family] = list.v[i];
	}
	return 0;
}

int nm_request_keep_families(struct nm_record *r, struct nm_err *err)
{
	unsigned covered = 0;
	char text[NM_MAPPING_STRLEN];

	if (!r->families)
		return nm_fail(err, NM_ERR_FAILED,
			"finding the container's address: no interface has a global address yet; is its "
			"network set up before this hook runs?");
	for (size_t i = 0; i < r->mappings.n; i++) {
		const struct nm_mapping *m = &r->mappings.v[i];

		if (!(m->families & r->families))
			return nm_fail(err, NM_ERR_REFUSED,
				"port mapping '%s': the container has no %s address",
				nm_mapping_print(m, text),
				family_name(m->families & NM_IPV4_BIT ? NM_IPV4 : NM_IPV6));
		covered |= m->families;
	}
	r->families &= covered;
	return 0;
}

static int check_route(
	const struct nm_prefix *address, const struct nm_route *route, bool annotated, struct nm_err *err)
{
	char text[NM_PREFIX_STRLEN];
	const char *why = nm_addr_unusable(&address->addr);

	if (!why && route->local)
		why = "the host's own";
	if (!why && route->broadcast)
		why = "broadcast";
	if (why)
		return nm_fail(err, NM_ERR_REFUSED, "container address '%s': %s address",
			nm_prefix_print(address, text), why);
	if (annotated && route->found && address->len < route->prefix_len)
		return nm_fail(err, NM_ERR_REFUSED,
			"io.natmap.address '%s': shorter than the host's route, which has /%u",
			nm_prefix_print(address, text), route->prefix_len);
	if (!route->found)
		return nm_fail(err, NM_ERR_FAILED, "container address '%s': the host has no route to it",
			nm_prefix_print(address, text));
	return 0;
}

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

static int resolve_routes(struct nm_netlink *rtnl, const struct nm_config *c, bool annotated,
	struct nm_record *r, struct nm_err *err)
{
	nm_each_family(f, r->families) {
		struct nm_route route;

		if (nm_route_lookup(rtnl, &r->address[f].addr, &route, err) < 0 ||
			check_route(&r->address[f], &route, annotated, err) < 0)
			return -1;
		/* CNI's ptp gives a container a /24, but the host routes only its /32 */
		if (r->address[f].len < route.prefix_len)
			r->address[f].len = route.prefix_len;
		if (f == NM_IPV4 && nm_desired_needs_localnet(r, &c->layout))
			set_localnet(r, &route);
	}
	return 0;
}

static int resolve_bridge_port(
	struct nm_netlink *rtnl, const struct nm_netns *ns, struct nm_record *r, struct nm_err *err)
{
	nm_each_family(f, r->families) {
		const struct nm_netns_address *a = &ns->family[f];
		struct nm_rtnl_link link;

		if (!a->peer_ifindex)
			continue;
		if (nm_rtnl_get_link(rtnl, a->peer_ifindex, NULL, &link, err) < 0)
			return -1;
		if (!link.bridge_port || !link.peer_elsewhere || link.peer_ifindex != a->ifindex)
			continue;
		memcpy(r->bridge_port, link.name, sizeof(r->bridge_port));
		r->bridge_port_index = link.ifindex;
		return 0;
	}
	return 0;
}

/* Where the configuration says "check", forwarding must be on already: else IPv4 fails, and IPv6 is left out
 * unless the container needs it. */
static int check_forwarding(const struct nm_config *c, struct nm_record *r, struct nm_err *err)
{
	static const struct {
		const char *name, *command;
	} sysctl[NM_FAMILY_MAX] = {
		[NM_IPV4] = {NM_SYSCTL_IPV4_FORWARD, "sysctl -w net.ipv4.ip_forward=1"},
		[NM_IPV6] = {NM_SYSCTL_IPV6_FORWARD, "sysctl -w net.ipv6.conf.all.forwarding=1"},
	};

	nm_each_family(f, r->families) {
		int value;

		if (c->forward[f] == NM_FORWARD_SET)
			continue;
		if (nm_sysctl_get(sysctl[f].name, &value, err) < 0)
			return -1;
		if (value)
			continue;
		if (f == NM_IPV4 || nm_record_names_family(r, f) || r->families == 1u << f)
			return nm_fail(err, NM_ERR_FAILED, "publishing on %s: forwarding is off; run: %s",
				family_name(f), sysctl[f].command);
		nm_log_notice(
			"container '%s': not published on %s, forwarding is off; to change that run: %s",
			r->id, family_name(f), sysctl[f].command);
		r->families &= ~(1u << f);
	}
	return 0;
}

static int resolve_network(const struct nm_oci_state *st, const struct nm_config *c,
	const struct nm_netns *ns, struct nm_record *r, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};

	r->netns = ns->id;
	if (st->address && parse_address(st->address, c, ns, r, err) < 0)
		return -1;
	for (enum nm_family f = NM_IPV4; !st->address && f < NM_FAMILY_MAX; f++)
		if (ns->family[f].found) {
			r->families |= 1u << f;
			r->address[f] = ns->family[f].address;
		}
	if (nm_request_keep_families(r, err) < 0 || nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		resolve_routes(&rtnl, c, st->address != NULL, r, err) < 0 || check_forwarding(c, r, err) < 0)
		return -1;
	return c->layout.hairpin ? resolve_bridge_port(&rtnl, ns, r, err) : 0;
}

/* Without a process the namespace stays empty. */
static int resolve(
	const struct nm_oci_state *st, const struct nm_config *c, struct nm_record *r, struct nm_err *err)
{
	NM_CLEANUP(nm_netns_done) struct nm_netns ns = {0};

	if (nm_mappings_parse(st->ports, &r->mappings, err) < 0)
		return -1;
	r->restricted = st->allow != NULL;
	if (r->restricted &&
		nm_prefixes_parse(st->allow, ALLOW_MAX, "io.natmap.allow", NM_ERR_REFUSED, &r->allow, err) <
			0)
		return -1;
	if (nm_policy_check_mappings(c, &r->mappings, &r->allow, err) < 0)
		return -1;
	if (r->pid && (nm_netns_read(r->pid, st->interface, &ns, err) < 0 || read_process(r, err) < 0))
		return -1;
	return resolve_network(st, c, &ns, r, err);
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

int nm_request_make(
	const struct nm_oci_state *st, const struct nm_config *c, struct nm_record *ret, struct nm_err *err)
{
	nm_autorecord struct nm_record r = {
		.pid = st->pid, .id = strdup(st->id), .bundle = st->bundle ? strdup(st->bundle) : NULL};

	if (!r.id || (st->bundle && !r.bundle))
		return nm_fail_memory(err, "reading the container's state");
	if (resolve(st, c, &r, err) < 0)
		return -1;
	*ret = nm_steal(&r);
	return 0;
}
