#include "inventory/networks.h"

#include <linux/netlink.h>
#include <string.h>

#include "base/array.h"
#include "base/log.h"
#include "host/route.h"
#include "inventory/snapshot.h"
#include "network/attach.h"
#include "network/names.h"
#include "state/search.h"

/* Namespaces that are kept open, each by two files, of the 1024 that a process has. What is beyond is left to
 * the next reload. */
enum { OPEN_MAX = 400 };

static void due_done(struct nm_networks_due *due)
{
	nm_record_done(&due->record);
	nm_faults_done(&due->faults);
	nm_netns_done(&due->ns);
}

void nm_networks_done(struct nm_networks *n)
{
	for (size_t i = 0; i < n->n; i++)
		due_done(&n->v[i]);
	free(n->v);
	*n = (struct nm_networks){0};
}

/* Look */

/* A bridge that records have. */
struct bridge {
	char name[IF_NAMESIZE];
	bool whole, told, ours;
};

struct look {
	struct nm_networks *ret;
	const struct nm_config *config;
	struct nm_nsid home; /* the host's network namespace */
	struct nm_faults_host host;
	struct bridges {
		struct bridge *v; /* owned */
		size_t n, capacity;
	} bridges;
	size_t n_open;
};

static void look_done(struct look *l)
{
	nm_faults_host_done(&l->host);
	free(l->bridges.v);
}

static int find_bridge(struct look *l, const char *name, struct bridge **ret, struct nm_err *err)
{
	const struct nm_rtnl_link *link;

	for (size_t i = 0; i < l->bridges.n; i++)
		if (!strcmp(l->bridges.v[i].name, name)) {
			*ret = &l->bridges.v[i];
			return 0;
		}
	if (nm_grow(&l->bridges, "comparing networks", err) < 0)
		return -1;
	link = nm_faults_link(&l->host, name);
	*ret = &l->bridges.v[l->bridges.n++];
	**ret = (struct bridge){.ours = link && nm_names_is_bridge(link)};
	memcpy((*ret)->name, name, sizeof((*ret)->name));
	return 0;
}

/* Of a bridge the first live container on it tells. */
static int look_at_bridge(struct look *l, struct bridge *b, const struct nm_attachment *a,
	struct nm_faults *ret, struct nm_err *err)
{
	if (b->whole || b->told)
		return 0;
	if (nm_faults_of_bridge(&l->host, a, ret, err) < 0)
		return -1;
	b->whole = ret->n == 0;
	return 0;
}

static int find_routes(struct nm_netns *ns, unsigned families, unsigned *ret, struct nm_err *err)
{
	unsigned ifindex;

	*ret = 0;
	nm_each_family(f, families) {
		if (nm_route_default(&ns->nl, f, &ifindex, err) < 0)
			return -1;
		*ret |= ifindex ? 1u << f : 0;
	}
	return 0;
}

/* Without the right to enter it, or when it is gone, nothing is known of it. */
static int look_inside(
	struct look *l, const struct nm_record *r, struct nm_networks_due *due, struct nm_err *err)
{
	struct nm_err why;
	unsigned routes;

	if (!r->pid || l->n_open >= OPEN_MAX)
		return 0;
	if (nm_netns_open(r->pid, &due->ns, &why) < 0 ||
		find_routes(&due->ns, r->network.families, &routes, &why) < 0) {
		nm_log_debug("container '%s': %s, ignored: it may have its network still", r->id, why.msg);
		nm_netns_done(&due->ns);
		return nm_snapshot_check_home(&l->home, err);
	}
	if (nm_nsid_equal(&due->ns.id, &r->netns))
		return nm_faults_of_container(
			&due->ns.addresses, routes, r->id, &r->network, &due->faults, err);
	nm_netns_done(&due->ns);
	return 0;
}

static bool has_inside(const struct nm_faults *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].inside)
			return true;
	return false;
}

/* What a dead container has lost is no fault. */
static bool is_live(const struct nm_record *r)
{
	struct nm_err unknown;
	bool gone;

	return nm_record_gone(r, &gone, &unknown) < 0 || !gone;
}

/* For the repair, which has the lock: a container may have thousands of interfaces. */
static bool examine(struct nm_networks_due *due)
{
	struct nm_err why;

	if (due->ns.fd < 0)
		return false;
	if (nm_pair_examine(&due->ns, &due->view, &why) == 0)
		return true;
	nm_log_notice("container '%s': %s, ignored: its network lacks something", due->record.id, why.msg);
	return false;
}

static int keep(struct look *l, const struct nm_record *r, struct nm_networks_due *due, struct nm_err *err)
{
	if (nm_record_copy(r, &due->record, err) < 0 || nm_grow(l->ret, "comparing networks", err) < 0)
		return -1;
	if (!has_inside(&due->faults) || !examine(due))
		nm_netns_done(&due->ns);
	l->n_open += due->ns.fd >= 0;
	l->ret->v[l->ret->n++] = *due;
	*due = (struct nm_networks_due){.ns = NM_NETNS_INIT};
	return 0;
}

static int look_at(struct look *l, const struct nm_record *r, struct nm_err *err)
{
	NM_CLEANUP(due_done) struct nm_networks_due due = {.ns = NM_NETNS_INIT};
	bool hairpin = l->config->layout.hairpin;
	struct bridge *b;

	if (find_bridge(l, r->network.bridge, &b, err) < 0 ||
		look_at_bridge(l, b, &r->network, &due.faults, err) < 0 ||
		nm_faults_of_port(&l->host, r->id, &r->network, hairpin, &due.faults, err) < 0 ||
		look_inside(l, r, &due, err) < 0)
		return -1;
	if (!due.faults.n || !is_live(r))
		return 0;
	b->told = true;
	return keep(l, r, &due, err);
}

/* Whether there are other marked interfaces than those of the records. */
static bool has_orphans(const struct look *l, const struct nm_records *list)
{
	size_t n = 0;

	for (size_t i = 0; i < l->host.links.n; i++)
		n += nm_names_is_end(&l->host.links.v[i]) || nm_names_is_bridge(&l->host.links.v[i]);
	for (size_t i = 0; i < l->bridges.n; i++)
		n -= l->bridges.v[i].ours;
	for (size_t i = 0; i < list->n; i++) {
		const char *port = list->v[i].network.port;
		const struct nm_rtnl_link *link = port[0] ? nm_faults_link(&l->host, port) : NULL;

		n -= link && nm_names_is_end(link);
	}
	return n > 0;
}

int nm_networks_look(struct nm_networks *ret, struct nm_netlink *rtnl, const struct nm_records *list,
	const struct nm_config *c, struct nm_err *err)
{
	NM_CLEANUP(look_done) struct look l = {.ret = ret, .config = c};
	size_t first = 0;

	while (first < list->n && !list->v[first].network.bridge[0])
		first++;
	if (first == list->n && !c->policy.network) /* nobody can have left something */
		return 0;
	if (nm_netns_self("net", &l.home, err) < 0 || nm_faults_host_read(rtnl, &l.host, err) < 0)
		return -1;
	for (size_t i = first; i < list->n; i++)
		if (list->v[i].network.bridge[0] && look_at(&l, &list->v[i], err) < 0)
			return -1;
	ret->has_orphans = has_orphans(&l, list);
	return 0;
}

int nm_networks_find(struct nm_inventory *s, const char *state_dir, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	nm_autorecords struct nm_records all = {0};

	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 ||
		nm_snapshot_read(s, state_dir, rtnl.fd, true, &all, err) < 0)
		return -1;
	return nm_networks_look(&s->networks, &rtnl, nm_snapshot_of(s, &all), s->config, err);
}

/* Repair */

bool nm_networks_is_same(const struct nm_networks_due *due, const struct nm_record *r)
{
	const struct nm_record *d = &due->record;

	return !strcmp(d->id, r->id) && d->pid == r->pid && d->start == r->start &&
		nm_nsid_equal(&d->netns, &r->netns) && nm_network_attachment_same(&d->network, &r->network);
}

static int find(struct nm_state *st, const struct nm_networks_due *due, bool *ret, struct nm_err *err)
{
	const struct nm_state_query query = {.id = due->record.id};
	nm_autorecords struct nm_records found = {0};
	const struct nm_record *r;

	if (nm_state_search(st, &query, &found, err) < 0)
		return -1;
	r = nm_records_newest(&found, due->record.id);
	*ret = r && nm_networks_is_same(due, r);
	return 0;
}

static int repair(struct nm_netlink *rtnl, struct nm_networks_due *due, struct nm_state *st,
	const struct nm_config *c, struct nm_err *err)
{
	const struct nm_attach_options options = {c->network.mtu, c->layout.hairpin};
	struct nm_netns *ns = due->ns.fd >= 0 ? &due->ns : NULL;
	bool recorded;

	if (find(st, due, &recorded, err) < 0)
		return -1;
	if (!recorded || (has_inside(&due->faults) && !ns))
		return 0;
	if (nm_attach_repair(rtnl, ns, &due->view, &due->record, &options, err) < 0)
		return -1;
	for (size_t i = 0; i < due->faults.n; i++)
		nm_log_notice("%s: made again", due->faults.v[i].text);
	return 0;
}

void nm_networks_repair(struct nm_inventory *s)
{
	struct nm_networks *n = &s->networks;
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err err;

	if (!s->change.state || !n->n)
		return;
	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, &err) < 0) {
		nm_log_notice("%s, ignored: networks stay as they are", err.msg);
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		if (repair(&rtnl, &n->v[i], s->change.state, s->config, &err) < 0)
			nm_log_notice("container '%s': %s, ignored: its network lacks something",
				n->v[i].record.id, err.msg);
}
