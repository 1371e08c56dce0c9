#include "network/attach.h"

#include <string.h>

#include "base/log.h"
#include "host/forwarding.h"
#include "network/aside.h"
#include "network/names.h"

void nm_attach_target_done(struct nm_attach_target *t)
{
	nm_netns_done(&t->ns);
	nm_netlink_close(&t->rtnl);
}

static int leave_out_ipv6(struct nm_record *r, struct nm_err *err)
{
	bool global;

	if (r->families != NM_BOTH_FAMILIES || nm_forwarding_read_global(NM_IPV6, &global, err) == 0)
		return 0;
	if (err->kind != NM_ERR_MISSING)
		return -1;
	nm_log_notice("container '%s': its network has no IPv6: %s", r->id, err->msg);
	r->families = NM_IPV4_BIT;
	return 0;
}

int nm_attach_plan(struct nm_record *r, const struct nm_network *network, struct nm_err *err)
{
	memcpy(r->network.bridge, network->bridge, sizeof(r->network.bridge));
	nm_names_port(r->id, r->network.port);
	r->network.isolated = network->isolate;
	r->families = network->families;
	if (leave_out_ipv6(r, err) < 0)
		return -1;
	r->network.families = r->families;
	return 0;
}

int nm_attach_examine(struct nm_attach_target *t, struct nm_container *container, const struct nm_record *r,
	struct nm_err *err)
{
	bool has_ipv6 = r->network.families & NM_IPV6_BIT;

	if (nm_container_read(container, err) < 0)
		return -1;
	t->ns = container->ns;
	container->ns = (struct nm_netns)NM_NETNS_INIT;
	if (nm_pair_examine(&t->ns, &t->view, err) < 0)
		return -1;
	return t->view.what[0] || t->view.ifindex ? 0 : nm_netns_prepare_ipv6(&t->ns, has_ipv6, err);
}

int nm_attach_prepare(struct nm_attach_target *t, const struct nm_record *r, unsigned mtu, struct nm_err *err)
{
	if ((t->rtnl.fd < 0 && nm_netlink_open(NETLINK_ROUTE, &t->rtnl, err) < 0) ||
		nm_pair_judge(&t->rtnl, &t->ns, r->id, r->network.port, &t->view, err) < 0)
		return -1;
	return nm_bridge_ensure(&t->rtnl, &r->network, mtu, &t->bridge, err);
}

int nm_attach_make(struct nm_attach_target *t, const struct nm_record *r, bool hairpin, struct nm_err *err)
{
	const struct nm_pair pair = {r->id, &r->network, &t->bridge, hairpin};

	t->begun = true;
	return nm_pair_make(&t->rtnl, &t->ns, &pair, &t->view, err);
}

void nm_attach_undo(struct nm_attach_target *t, const struct nm_record *r, struct nm_err *err)
{
	struct nm_err second;

	if ((t->begun && !t->view.ifindex && nm_pair_remove(&t->rtnl, r->id, &r->network, &second) < 0) ||
		(t->bridge.made && nm_bridge_remove(&t->rtnl, &r->network, &second) < 0))
		(void)nm_wrap(err, "not undone (%s)", second.msg);
}

int nm_attach_repair(struct nm_netlink *rtnl, struct nm_netns *ns, struct nm_pair_view *view,
	const struct nm_record *r, const struct nm_attach_options *options, struct nm_err *err)
{
	struct nm_bridge bridge;
	const struct nm_pair pair = {r->id, &r->network, &bridge, options->hairpin};

	if (nm_bridge_ensure(rtnl, &r->network, options->mtu, &bridge, err) < 0 ||
		nm_bridge_set(&r->network, false, err) < 0)
		return -1;
	if (!ns)
		return nm_pair_renew_port(rtnl, &pair, err);
	return nm_pair_reclaim(rtnl, ns, r->id, &r->network, view, err) < 0
		? -1
		: nm_pair_make(rtnl, ns, &pair, view, err);
}

static bool is_on(const struct nm_record *r, const char *bridge)
{
	return r && !strcmp(r->network.bridge, bridge);
}

static bool is_any_on(const struct nm_records *list, const char *bridge)
{
	for (size_t i = 0; i < list->n; i++)
		if (is_on(&list->v[i], bridge))
			return true;
	return false;
}

static bool has_port(const struct nm_record *r, const char *port)
{
	return r && !strcmp(r->network.port, port);
}

static bool needs_port(const struct nm_attach_others *o, const char *port)
{
	for (size_t i = 0; i < o->held->n; i++)
		if (has_port(&o->held->v[i], port))
			return true;
	return has_port(o->new, port);
}

static bool needs_bridge(const struct nm_attach_others *o, const char *bridge)
{
	return is_on(o->new, bridge) || is_any_on(o->held, bridge) || is_any_on(o->peers, bridge);
}

bool nm_attach_bridge_goes(
	const struct nm_records *removed, const struct nm_attach_others *others, const char *name)
{
	return is_any_on(removed, name) && !needs_bridge(others, name);
}

static int remove_one(struct nm_netlink *rtnl, const struct nm_record *r, const struct nm_attach_others *o,
	struct nm_err *err)
{
	const struct nm_attachment *a = &r->network;

	if (!a->bridge[0])
		return 0;
	nm_aside_delete_later();
	if (rtnl->fd < 0 && nm_netlink_open(NETLINK_ROUTE, rtnl, err) < 0)
		return -1;
	if (!needs_port(o, a->port) && nm_pair_remove(rtnl, r->id, a, err) < 0)
		return -1;
	return needs_bridge(o, a->bridge) ? 0 : nm_bridge_remove(rtnl, a, err);
}

int nm_attach_remove(
	const struct nm_records *removed, const struct nm_attach_others *others, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};

	for (size_t i = 0; i < removed->n; i++)
		if (remove_one(&rtnl, &removed->v[i], others, err) < 0)
			return nm_wrap(err, "container '%s'", removed->v[i].id);
	return 0;
}
