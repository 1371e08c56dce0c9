/*
 * A record names the interface whose route_localnet it needs and the bridge port whose hairpin mode it needs,
 * and says of each whether natmap switched it on. A new record inherits that from records that need the same,
 * so that the last of them to go switches the setting off.
 */
#include "publish/host_settings.h"

#include <string.h>

#include "base/log.h"
#include "host/route.h"
#include "host/rtnl.h"
#include "host/sysctl.h"
#include "state/interfaces.h"

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

static int enable_ipv6_forwarding(struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	int value;

	if (nm_sysctl_get(NM_SYSCTL_IPV6_FORWARD, &value, err) < 0)
		return -1;
	if (value)
		return 0;
	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		nm_route_ra_interfaces(&rtnl, keep_accepting_ra, NULL, err) < 0)
		return -1;
	return nm_sysctl_set(NM_SYSCTL_IPV6_FORWARD, 1, err);
}

int nm_host_settings_enable_forwarding(const struct nm_config *c, unsigned families, struct nm_err *err)
{
	if (families & NM_IPV4_BIT && c->forward[NM_IPV4] == NM_FORWARD_SET &&
		nm_sysctl_set(NM_SYSCTL_IPV4_FORWARD, 1, err) < 0)
		return -1;
	if (families & NM_IPV6_BIT && c->forward[NM_IPV6] == NM_FORWARD_SET)
		return enable_ipv6_forwarding(err);
	return 0;
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

int nm_host_settings_examine(struct nm_host_settings_view *view, struct nm_record *r, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if (r->localnet[0] && look_at_localnet(view, r->localnet, err) < 0)
		return -1;
	r->localnet_set = r->localnet[0] && view->value == 0;
	r->hairpin_set = false;
	if (!r->bridge_port[0])
		return 0;
	if (open_rtnl(&view->rtnl, err) < 0 ||
		nm_rtnl_get_link(&view->rtnl, 0, r->bridge_port, &link, err) < 0)
		return -1;
	r->hairpin_set = link.bridge_port && !link.hairpin;
	return 0;
}

static int set_localnet(const struct nm_record *r, int value, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX];

	return nm_sysctl_set(nm_sysctl_route_localnet(r->localnet, name), value, err);
}

static bool localnet_is_gone(const struct nm_record *r)
{
	char name[NM_SYSCTL_NAME_MAX];
	struct nm_err gone;
	int value;

	return nm_sysctl_get(nm_sysctl_route_localnet(r->localnet, name), &value, &gone) < 0;
}

void nm_host_settings_forget_gone(struct nm_record *r)
{
	if (r->localnet[0] && localnet_is_gone(r))
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

	if (r->localnet[0] && set_localnet(r, 1, err) < 0)
		return -1;
	if (!r->bridge_port[0] || !r->hairpin_set)
		return 0;
	return open_rtnl(&rtnl, err) < 0 ? -1 : nm_rtnl_set_hairpin(&rtnl, r->bridge_port, true, err);
}

static void keep_shared(struct nm_record *r, const struct nm_interfaces *others)
{
	r->localnet_set &= !nm_interfaces_has(others, NM_NEEDS_LOCALNET, r->localnet);
	if (nm_interfaces_has(others, NM_NEEDS_LOCALNET_IN + r->backend, r->localnet))
		r->localnet[0] = '\0';
	if (nm_interfaces_has(others, NM_NEEDS_HAIRPIN, r->bridge_port))
		r->bridge_port[0] = '\0';
}

int nm_host_settings_keep_shared(struct nm_records *replaced, const struct nm_records *peers,
	const struct nm_record *new, struct nm_err *err)
{
	NM_CLEANUP(nm_interfaces_done) struct nm_interfaces others = {0};

	if (new &&nm_interfaces_add(&others, new, err) < 0)
		return -1;
	for (size_t i = 0; i < peers->n; i++)
		if (nm_interfaces_add(&others, &peers->v[i], err) < 0)
			return -1;
	nm_interfaces_sort(&others);
	for (size_t i = 0; i < replaced->n; i++)
		keep_shared(&replaced->v[i], &others);
	return 0;
}

void nm_host_settings_disable_localnet(struct nm_records *replaced)
{
	struct nm_err err;

	for (size_t i = 0; i < replaced->n; i++) {
		struct nm_record *r = &replaced->v[i];

		if (!r->localnet[0] || !r->localnet_set || set_localnet(r, 0, &err) == 0 ||
			localnet_is_gone(r))
			continue;
		nm_log_notice("%s, ignored: the rule that guards 127.0.0.0/8 on it stays, too", err.msg);
		r->localnet[0] = '\0';
	}
}

void nm_host_settings_restore_localnet(const struct nm_records *replaced)
{
	struct nm_err err;

	for (size_t i = 0; i < replaced->n; i++) {
		const struct nm_record *r = &replaced->v[i];

		if (r->localnet[0] && r->localnet_set && set_localnet(r, 1, &err) < 0)
			nm_log_notice("%s, ignored: ports of container '%s' do not answer on 127.0.0.1",
				err.msg, r->id);
	}
}

void nm_host_settings_disable_hairpin(const struct nm_records *replaced)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err err;

	for (size_t i = 0; i < replaced->n; i++) {
		const struct nm_record *r = &replaced->v[i];

		if (!r->bridge_port[0] || !r->hairpin_set)
			continue;
		if (open_rtnl(&rtnl, &err) < 0 || nm_rtnl_set_hairpin(&rtnl, r->bridge_port, false, &err) < 0)
			nm_log_notice("%s, ignored: only the hairpin mode stays", err.msg);
	}
}
