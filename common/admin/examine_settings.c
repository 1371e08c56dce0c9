#include "admin/examine_settings.h"

#include <string.h>

#include "host/route.h"
#include "host/rtnl.h"
#include "host/sysctl.h"
#include "publish/request.h"

/* Sets *ret when two interfaces have global IPv6 addresses. */
static int is_between_ipv6_networks(bool *ret, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink nl = {.fd = -1};
	NM_CLEANUP(nm_rtnl_addresses_done) struct nm_rtnl_addresses all = {0};
	unsigned first = 0;

	if (nm_netlink_open(NETLINK_ROUTE, &nl, err) < 0 || nm_rtnl_get_addresses(&nl, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].global && all.v[i].prefix.addr.family == NM_IPV6) {
			*ret |= first && first != all.v[i].ifindex;
			first = all.v[i].ifindex;
		}
	return 0;
}

/* As publish/host_settings.c does. A router that accepts no advertisements loses its default route. */
static int add_accept_ra(void *ctx, const char *interface, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX], word[NM_TEXT_WORD_SIZE];

	(void)err; /* never fails */
	if (nm_examination_setting(nm_sysctl_accept_ra(interface, name)) == 1)
		nm_text_put(
			ctx, " net.ipv6.conf.%s.accept_ra=2", nm_examination_sysctl_word(interface, word));
	return 0;
}

static int tell_ipv6_forwarding(struct nm_examination *x, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	char settings[NM_EXAMINATION_TEXT_SIZE] = "";
	struct nm_text t = {.buf = settings, .size = sizeof(settings)};

	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		nm_route_ra_interfaces(&rtnl, add_accept_ra, &t, err) < 0)
		return -1;
	nm_examination_tell(
		x, NM_FINDING, "IPv6 forwarding is off: published ports reach containers through IPv4 only");
	nm_examination_tell(x, NM_COMMAND, "sysctl -w%s net.ipv6.conf.all.forwarding=1", settings);
	return 0;
}

/* True when the setting is 0. Tells one that is missing. */
static bool is_off(struct nm_examination *x, const char *name)
{
	struct nm_err missing;
	int value = 1;

	if (nm_sysctl_get(name, &value, &missing) < 0)
		nm_examination_tell(x, NM_FINDING, "%s", missing.msg);
	return !value;
}

int nm_examine_settings_forwarding(struct nm_examination *x, struct nm_err *err)
{
	const enum nm_forward *forward = x->d->config->forward;
	bool wanted[NM_FAMILY_MAX] = {[NM_IPV4] = forward[NM_IPV4] == NM_FORWARD_CHECK};

	for (size_t i = 0; i < x->records.n; i++)
		nm_each_family(f, x->records.v[i].families)
			wanted[f] = true;
	if (wanted[NM_IPV4] && is_off(x, NM_SYSCTL_IPV4_FORWARD)) {
		nm_examination_tell(
			x, NM_FINDING, "IPv4 forwarding is off: published ports do not reach containers");
		nm_examination_tell(x, NM_COMMAND, "sysctl -w net.ipv4.ip_forward=1");
	}
	if (!wanted[NM_IPV6] && nm_examination_setting(NM_SYSCTL_IPV6_FORWARD) >= 0 &&
		forward[NM_IPV6] == NM_FORWARD_CHECK && is_between_ipv6_networks(&wanted[NM_IPV6], err) < 0)
		return -1;
	return wanted[NM_IPV6] && is_off(x, NM_SYSCTL_IPV6_FORWARD) ? tell_ipv6_forwarding(x, err) : 0;
}

/* An interface that is gone needs no setting. */
static int on_localnet(void *ctx, const struct nm_record *r, struct nm_err *err)
{
	char name[NM_SYSCTL_NAME_MAX], word[NM_TEXT_WORD_SIZE];

	(void)err; /* never fails */
	if (nm_examination_setting(nm_sysctl_route_localnet(r->localnet, name)) != 0)
		return 0;
	nm_examination_tell(ctx, NM_FINDING,
		"route_localnet is off on '%s': ports of container '%s' do not answer on 127.0.0.1",
		r->localnet, r->id);
	nm_examination_tell(ctx, NM_COMMAND, "sysctl -w net.ipv4.conf.%s.route_localnet=1",
		nm_examination_sysctl_word(r->localnet, word));
	return 0;
}

/* The guard knows the interface by the name that it had. */
static int on_renamed(void *ctx, const struct nm_record *r, struct nm_err *err)
{
	nm_autohostsettings struct nm_host_settings_view view = NM_HOST_SETTINGS_VIEW;
	struct nm_record now = *r; /* borrows all of it */
	struct nm_examination *x = ctx;

	if (nm_request_name_interfaces(&view, &now, &x->d->config->layout, err) < 0)
		return -1;
	if (!now.localnet[0] || !strcmp(now.localnet, r->localnet))
		return 0;
	nm_examination_tell(x, NM_FINDING,
		"'%s' is '%s' now, and route_localnet on: containers behind it reach services of the host on "
		"127.0.0.1",
		r->localnet, now.localnet);
	nm_examination_tell(x, NM_COMMAND, "%s reload", x->d->natmap);
	return 0;
}

/* Reflected packets need hairpin mode only under bridge netfilter. */
int nm_examine_settings_records(struct nm_examination *x, struct nm_err *err)
{
	unsigned filtered =
		(nm_examination_setting("net/bridge/bridge-nf-call-iptables") > 0 ? NM_IPV4_BIT : 0) |
		(nm_examination_setting("net/bridge/bridge-nf-call-ip6tables") > 0 ? NM_IPV6_BIT : 0);
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_rtnl_link link;
	char word[NM_TEXT_WORD_SIZE];

	if (nm_records_each_localnet(&x->records, on_localnet, x, err) < 0 ||
		nm_records_each_localnet(&x->records, on_renamed, x, err) < 0 ||
		nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0)
		return -1;
	for (const struct nm_record *r = x->records.v; r < x->records.v + x->records.n; r++) {
		if (!r->bridge_port[0] || !(r->families & filtered))
			continue;
		if (nm_rtnl_get_link(&rtnl, 0, r->bridge_port, &link, err) < 0)
			return -1;
		if (!link.bridge_port || link.hairpin)
			continue;
		nm_examination_tell(x, NM_FINDING,
			"hairpin mode is off on '%s' and br_netfilter on: container '%s' does not reach its "
			"own published ports",
			r->bridge_port, r->id);
		nm_examination_tell(x, NM_COMMAND, "bridge link set dev %s hairpin on",
			nm_text_word(r->bridge_port, word));
	}
	return 0;
}
