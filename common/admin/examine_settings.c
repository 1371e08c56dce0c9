#include "admin/examine_settings.h"

#include <string.h>

#include "admin/forwarding_off.h"
#include "host/forwarding.h"
#include "host/route.h"
#include "host/rtnl.h"
#include "host/sysctl.h"
#include "obstacle/reverse_path.h"
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

/* Rules that keep an interface closed, for natmap alone switched it on, and by now somebody wants all to
 * forward. */
static void tell_closed(struct nm_examination *x, enum nm_family family)
{
	for (size_t i = 0; i < x->forwarded.n; i++) {
		const struct nm_forwarded_interface *closed = &x->forwarded.v[i];

		if (closed->family != family)
			continue;
		nm_examination_tell(x, NM_FINDING,
			"%s is 1, and rules of natmap still forward from '%s' only what is published",
			nm_forwarding_global_key[family], closed->name);
		nm_examination_tell(x, NM_COMMAND, "%s reload", x->d->natmap);
		return;
	}
}

static void tell_off(struct nm_examination *x, enum nm_family family, const struct nm_forwarding_off *off)
{
	char names[NM_EXAMINATION_TEXT_SIZE] = "", settings[NM_EXAMINATION_TEXT_SIZE] = "";
	struct nm_text n = {.buf = names, .size = sizeof(names)};
	struct nm_text s = {.buf = settings, .size = sizeof(settings)};
	char word[NM_TEXT_WORD_SIZE];

	for (size_t i = 0; i < off->n; i++) {
		nm_text_put(&n, "%s'%s'", i ? ", " : "", off->v[i]);
		nm_text_put(&s,
			family == NM_IPV4 ? " net.ipv4.conf.%s.forwarding=1"
					  : " net.ipv6.conf.%s.force_forwarding=1",
			nm_examination_sysctl_word(off->v[i], word));
	}
	nm_examination_tell(x, NM_FINDING,
		"%s forwarding is off on %s: packets that come in there do not reach published ports",
		nm_addr_family_name(family), names);
	if (!nm_forwarding_is_global(family) && x->d->config->forward[family] == NM_FORWARD_INTERFACES)
		nm_examination_tell(x, NM_COMMAND, "%s reload", x->d->natmap);
	else
		nm_examination_tell(x, NM_COMMAND, "sysctl -w%s", settings);
}

static int tell_all_off(struct nm_examination *x, enum nm_family family, struct nm_err *err)
{
	if (family == NM_IPV6)
		return tell_ipv6_forwarding(x, err);
	nm_examination_tell(x, NM_FINDING, "IPv4 forwarding is off: published ports do not reach containers");
	nm_examination_tell(x, NM_COMMAND, "sysctl -w net.ipv4.ip_forward=1");
	return 0;
}

static int examine_family(struct nm_examination *x, enum nm_family family, struct nm_err *err)
{
	NM_CLEANUP(nm_forwarding_off_done) struct nm_forwarding_off off = {0};
	bool global, by_interface;

	if (nm_forwarding_read_global(family, &global, err) < 0 ||
		nm_forwarding_has_interfaces(family, &by_interface, err) < 0 ||
		nm_forwarding_off_find(family, &x->records, &off, err) < 0)
		return -1;
	if (off.unread.kind)
		nm_examination_tell(x, NM_FINDING, "%s", off.unread.msg);
	if (global)
		tell_closed(x, family);
	if (off.all && !global && (x->d->config->forward[family] != NM_FORWARD_INTERFACES || !by_interface))
		return tell_all_off(x, family, err);
	if (off.n > 0)
		tell_off(x, family, &off);
	return 0;
}

int nm_examine_settings_forwarding(struct nm_examination *x, struct nm_err *err)
{
	const enum nm_forward *forward = x->d->config->forward;
	bool wanted[NM_FAMILY_MAX] = {[NM_IPV4] = forward[NM_IPV4] == NM_FORWARD_CHECK};

	for (size_t i = 0; i < x->records.n; i++)
		nm_each_family(f, nm_record_forwards(&x->records.v[i]))
			wanted[f] = true;
	if (!wanted[NM_IPV6] && nm_examination_setting(nm_forwarding_global[NM_IPV6]) >= 0 &&
		forward[NM_IPV6] == NM_FORWARD_CHECK && is_between_ipv6_networks(&wanted[NM_IPV6], err) < 0)
		return -1;
	nm_each_family(f, NM_BOTH_FAMILIES)
		if (wanted[f] && examine_family(x, f, err) < 0)
			nm_examination_tell(x, NM_FINDING, "%s", err->msg);
	return 0;
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

	if (nm_request_name_interfaces(&view, &now, &x->d->config->layout, err) < 0) {
		nm_examination_tell(x, NM_FINDING, "container '%s': %s", r->id, err->msg);
		return 0;
	}
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

static int on_reverse_path(void *ctx, const struct nm_reverse_path *p, struct nm_err *err)
{
	char text[NM_REVERSE_PATH_STRLEN], word[NM_TEXT_WORD_SIZE];

	(void)err; /* never fails */
	nm_examination_tell(ctx, NM_FINDING, "%s", nm_reverse_path_print(p, text));
	nm_examination_tell(ctx, NM_COMMAND, "sysctl -w net.ipv4.conf.%s.rp_filter=2",
		nm_examination_sysctl_word(p->interface, word));
	return 0;
}

int nm_examine_settings_reverse_path(struct nm_examination *x, struct nm_err *err)
{
	return nm_reverse_path_each(&x->records, x->can_judge, on_reverse_path, x, err);
}
