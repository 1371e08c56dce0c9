/*
 * The order matters: route_localnet is switched off before the guard rules go and on after they stand, so
 * that no moment exposes the host's own 127.0.0.1 to containers.
 */
#include "publish/change.h"

#include <linux/netlink.h>

#include "backend/choose.h"
#include "backend/kernel_commit.h"
#include "base/log.h"
#include "host/conntrack.h"
#include "host/detach.h"
#include "host/sandbox.h"
#include "publish/audit.h"
#include "publish/claim.h"
#include "state/search.h"

int nm_change_begin(struct nm_change *change, const char *state_dir, enum nm_state_access access,
	unsigned timeout_ms, struct nm_err *err)
{
	if (nm_state_open(state_dir, access, timeout_ms, &change->state, err) < 0)
		return -1;
	return change->state ? nm_sandbox_confine(state_dir, err) : 0;
}

int nm_change_connect(struct nm_change *change, struct nm_err *err)
{
	if (change->nl.fd >= 0)
		return 0;
	if (nm_netlink_open(NETLINK_NETFILTER, &change->nl, err) < 0)
		return -1;
	nm_detach_keep(change->nl.fd);
	return 0;
}

int nm_change_settle_backend(struct nm_change *change, struct nm_config *c, struct nm_err *err)
{
	if (c->backend != NM_BACKEND_AUTO)
		return 0;
	return nm_change_connect(change, err) < 0 ? -1 : nm_backend_choose(&change->nl, &c->backend, err);
}

int nm_change_find_id(struct nm_change *change, const char *id, struct nm_err *err)
{
	struct nm_state_query query = {.id = id};

	if (nm_state_search(change->state, &query, &change->replaced, err) < 0)
		return -1;
	nm_records_keep_id(&change->replaced, id);
	return 0;
}

static int find_peers(struct nm_change *change, struct nm_err *err)
{
	for (size_t i = 0; !change->knows_peers && i < change->replaced.n; i++) {
		const struct nm_record *r = &change->replaced.v[i];
		struct nm_state_query query = {
			.mappings = r->mappings.v,
			.n_mappings = r->mappings.n,
			.localnet = r->localnet[0] ? r->localnet : NULL,
			.bridge_port = r->bridge_port[0] ? r->bridge_port : NULL,
			.backend = r->backend,
			.except = &change->replaced,
		};

		if (nm_state_search(change->state, &query, &change->peers, err) < 0)
			return -1;
	}
	return 0;
}

int nm_change_apply(struct nm_change *change, bool *ret_committed, struct nm_err *err)
{
	*ret_committed = false;
	if (nm_change_connect(change, err) < 0 || find_peers(change, err) < 0)
		return -1;
	nm_host_settings_keep_shared(&change->replaced, &change->peers, change->new);
	nm_host_settings_disable_localnet(&change->replaced);
	if (nm_kernel_commit(
		    &change->nl, change->new, change->options, &change->replaced, &change->peers, err) < 0) {
		nm_host_settings_restore_localnet(&change->replaced);
		return -1;
	}
	*ret_committed = true;
	nm_host_settings_disable_hairpin(&change->replaced);
	return change->new ? nm_host_settings_enable(change->new, err) : 0;
}

static int retire_all(struct nm_state *st, const struct nm_records *records, struct nm_err *err)
{
	for (size_t i = 0; i < records->n; i++)
		if (nm_state_retire(st, &records->v[i], err) < 0)
			return -1;
	return 0;
}

void nm_change_retire_replaced(struct nm_change *change)
{
	struct nm_err err;

	if (retire_all(change->state, &change->replaced, &err) < 0)
		nm_log_notice("%s, ignored: what left stays recorded until it is withdrawn", err.msg);
	nm_state_compact(change->state);
}

int nm_change_withdraw(struct nm_change *change, struct nm_err *err)
{
	bool committed;

	if (nm_change_apply(change, &committed, err) < 0 ||
		retire_all(change->state, &change->replaced, err) < 0)
		return -1;
	nm_state_compact(change->state);
	nm_change_end(change, true);
	return 0;
}

struct flows {
	struct nm_flow *v;
	size_t n;
};

/* True when another record of the list has the same mapping to the same container: its flows are not stale.
 */
static bool is_held(const struct nm_records *list, const struct nm_record *r, const struct nm_mapping *m)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].offset != r->offset && nm_claim_shares(r, m, &list->v[i]))
			return true;
	return false;
}

static void add_flow(
	struct flows *flows, const struct nm_record *r, const struct nm_mapping *m, bool translated)
{
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++) {
		if (!(m->families & r->families & 1u << f))
			continue;
		flows->v[flows->n++] = (struct nm_flow){
			.family = f,
			.protocol = m->protocol,
			.host_port = m->host_port,
			.count = m->count,
			.any_host = m->any_host,
			.host = m->host,
			.translated = translated,
			.container = r->address[f].addr,
			.container_port = m->container_port,
		};
	}
}

static void collect_flows(const struct nm_change *change, struct flows *flows)
{
	const struct nm_record *r = change->new;

	for (size_t i = 0; r && i < r->mappings.n; i++) {
		const struct nm_mapping *m = &r->mappings.v[i];

		if (m->protocol == IPPROTO_UDP && !is_held(&change->peers, r, m) &&
			!is_held(&change->replaced, r, m))
			add_flow(flows, r, m, false);
	}
	for (size_t i = 0; i < change->replaced.n; i++) {
		r = &change->replaced.v[i];
		for (size_t j = 0; j < r->mappings.n; j++)
			if (!is_held(&change->peers, r, &r->mappings.v[j]))
				add_flow(flows, r, &r->mappings.v[j], true);
	}
}

static void forget(int fd, const struct flows *flows)
{
	unsigned deleted = 0;
	struct nm_err err;

	if (flows->n && nm_conntrack_delete(fd, flows->v, flows->n, &deleted, &err) < 0)
		nm_log_notice("forgetting stale connections: %s, ignored: they time out", err.msg);
	else if (deleted)
		nm_log_debug("%u stale connections forgotten", deleted);
}

/* What is left for the time after the exit; never freed. */
struct deferred {
	int fd;
	struct flows flows;
};

static void forget_deferred(void *work)
{
	const struct deferred *d = work;

	forget(d->fd, &d->flows);
	nm_log_flush();
}

/* IPv6 flows can only be found by a dump (host/conntrack.c), 5 ms that nobody is to wait for. */
static void split_ipv6(struct flows *flows, struct flows *ret_ipv6)
{
	size_t kept = 0;

	for (size_t i = 0; i < flows->n; i++) {
		if (flows->v[i].family == NM_IPV6)
			ret_ipv6->v[ret_ipv6->n++] = flows->v[i];
		else
			flows->v[kept++] = flows->v[i];
	}
	flows->n = kept;
}

static void forget_flows(const struct nm_change *change)
{
	size_t most = change->new ? change->new->mappings.n : 0;
	struct deferred *later = calloc(1, sizeof(*later));
	struct flows flows = {0};

	for (size_t i = 0; i < change->replaced.n; i++)
		most += change->replaced.v[i].mappings.n;
	flows.v = calloc(most * NM_FAMILY_MAX + 1, sizeof(*flows.v));
	if (later)
		later->flows.v = calloc(most * NM_FAMILY_MAX + 1, sizeof(*flows.v));
	if (flows.v && later && later->flows.v) {
		collect_flows(change, &flows);
		split_ipv6(&flows, &later->flows);
		forget(change->nl.fd, &flows);
		later->fd = change->nl.fd;
		nm_detach_defer(forget_deferred, later);
	} else {
		nm_log_notice("forgetting stale connections: out of memory, ignored: they time out");
	}
	free(flows.v);
}

void nm_change_end(struct nm_change *change, bool effective)
{
	nm_state_unlock(change->state);
	if (!effective)
		return;
	forget_flows(change);
	nm_audit_withdrawn(&change->replaced, change->new ? change->new->id : NULL);
}

void nm_change_done(struct nm_change *change)
{
	nm_state_close(change->state);
	nm_records_done(&change->replaced);
	nm_records_done(&change->peers);
	*change = (struct nm_change)NM_CHANGE_INIT;
}
