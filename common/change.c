/*
 * The order matters: route_localnet is switched off before the guard rules go and on after they stand, so
 * that no moment exposes the host's own 127.0.0.1 to containers.
 */
#include "change.h"

#include <linux/netlink.h>

#include "audit.h"
#include "conntrack.h"
#include "iptables.h"
#include "linger.h"
#include "log.h"
#include "ownership.h"
#include "sandbox.h"
#include "wanted.h"

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
	nm_linger_keep(change->nl.fd);
	return 0;
}

int nm_change_find_id(struct nm_change *change, const char *id, struct nm_err *err)
{
	struct nm_state_query query = {.id = id};

	if (nm_state_find(change->state, &query, &change->leaving, err) < 0)
		return -1;
	nm_records_keep_id(&change->leaving, id);
	return 0;
}

/* Whose rules go: the containers that leave, and the guards of the interfaces that they alone needed. */
struct owners {
	const char **v;
	char (*guards)[NM_LOCALNET_OWNER_SIZE];
	size_t n;
};

static int collect_owners(const struct nm_records *leaving, struct owners *ret, struct nm_err *err)
{
	ret->v = calloc(2 * leaving->n + 1, sizeof(*ret->v));
	ret->guards = calloc(leaving->n + 1, sizeof(*ret->guards));
	if (!ret->v || !ret->guards)
		return nm_fail(err, NM_ERR_FAILED, "preparing the rules: out of memory");
	for (size_t i = 0; i < leaving->n; i++) {
		ret->v[ret->n++] = leaving->v[i].id;
		if (leaving->v[i].localnet[0])
			ret->v[ret->n++] = nm_settings_localnet_owner(leaving->v[i].localnet, ret->guards[i]);
	}
	return 0;
}

static int apply_rules(struct nm_change *change, const struct nm_rules *wanted, const struct owners *owners,
	struct nm_err *err)
{
	const struct nm_iptables_scope scope = {
		.wanted = wanted,
		.owners = owners->v,
		.n_owners = owners->n,
		.look_for_old = change->leaving.n > 0,
	};
	bool ipv6_optional = change->coming && change->coming->families & NM_IPV4_BIT &&
		!nm_record_names_family(change->coming, NM_IPV6);
	unsigned families = change->coming ? change->coming->families : 0;

	for (size_t i = 0; i < change->leaving.n; i++)
		families |= change->leaving.v[i].families;
	return nm_iptables_apply(&change->nl, &scope, families, ipv6_optional, err);
}

static int find_staying(struct nm_change *change, struct nm_err *err)
{
	for (size_t i = 0; !change->knows_staying && i < change->leaving.n; i++) {
		const struct nm_record *r = &change->leaving.v[i];
		struct nm_state_query query = {
			.mappings = r->mappings.v,
			.n_mappings = r->mappings.n,
			.localnet = r->localnet[0] ? r->localnet : NULL,
			.bridge_port = r->bridge_port[0] ? r->bridge_port : NULL,
			.except = &change->leaving,
		};

		if (nm_state_find(change->state, &query, &change->staying, err) < 0)
			return -1;
	}
	return 0;
}

static int collect_wanted(const struct nm_change *change, struct nm_wanted *wanted, struct nm_err *err)
{
	if (!change->coming)
		return 0;
	if (nm_layout_base(change->coming->families, &wanted->rules, err) < 0)
		return -1;
	return nm_wanted_add_record(wanted, change->coming, change->options, err);
}

static int apply(struct nm_change *change, struct nm_wanted *wanted, struct owners *owners,
	bool *ret_committed, struct nm_err *err)
{
	if (nm_change_connect(change, err) < 0 || find_staying(change, err) < 0)
		return -1;
	nm_settings_keep_shared(&change->leaving, &change->staying, change->coming);
	nm_settings_disable_localnet(&change->leaving);
	if (collect_wanted(change, wanted, err) < 0 || collect_owners(&change->leaving, owners, err) < 0 ||
		apply_rules(change, &wanted->rules, owners, err) < 0) {
		nm_settings_restore_localnet(&change->leaving);
		return -1;
	}
	*ret_committed = true;
	nm_settings_disable_hairpin(&change->leaving);
	return change->coming ? nm_settings_enable(change->coming, err) : 0;
}

int nm_change_apply(struct nm_change *change, bool *ret_committed, struct nm_err *err)
{
	struct nm_wanted wanted = {0};
	struct owners owners = {0};
	int rc;

	*ret_committed = false;
	rc = apply(change, &wanted, &owners, ret_committed, err);
	nm_wanted_done(&wanted);
	free(owners.v);
	free(owners.guards);
	return rc;
}

static int retire_all(struct nm_state *st, const struct nm_records *records, struct nm_err *err)
{
	for (size_t i = 0; i < records->n; i++)
		if (nm_state_retire(st, &records->v[i], err) < 0)
			return -1;
	return 0;
}

void nm_change_retire_leaving(struct nm_change *change)
{
	struct nm_err err;

	if (retire_all(change->state, &change->leaving, &err) < 0)
		nm_log_notice("%s, ignored: what left stays recorded until it is withdrawn", err.msg);
	nm_state_compact(change->state);
}

int nm_change_withdraw(struct nm_change *change, struct nm_err *err)
{
	bool committed;

	if (nm_change_apply(change, &committed, err) < 0 ||
		retire_all(change->state, &change->leaving, err) < 0)
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
		if (list->v[i].offset != r->offset && nm_ownership_shares(r, m, &list->v[i]))
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
	const struct nm_record *r = change->coming;

	for (size_t i = 0; r && i < r->mappings.n; i++) {
		const struct nm_mapping *m = &r->mappings.v[i];

		if (m->protocol == IPPROTO_UDP && !is_held(&change->staying, r, m) &&
			!is_held(&change->leaving, r, m))
			add_flow(flows, r, m, false);
	}
	for (size_t i = 0; i < change->leaving.n; i++) {
		r = &change->leaving.v[i];
		for (size_t j = 0; j < r->mappings.n; j++)
			if (!is_held(&change->staying, r, &r->mappings.v[j]))
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

/* IPv6 flows can only be found by a dump (conntrack.c), 5 ms that nobody is to wait for. */
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
	size_t most = change->coming ? change->coming->mappings.n : 0;
	struct deferred *later = calloc(1, sizeof(*later));
	struct flows flows = {0};

	for (size_t i = 0; i < change->leaving.n; i++)
		most += change->leaving.v[i].mappings.n;
	flows.v = calloc(most * NM_FAMILY_MAX + 1, sizeof(*flows.v));
	if (later)
		later->flows.v = calloc(most * NM_FAMILY_MAX + 1, sizeof(*flows.v));
	if (flows.v && later && later->flows.v) {
		collect_flows(change, &flows);
		split_ipv6(&flows, &later->flows);
		forget(change->nl.fd, &flows);
		later->fd = change->nl.fd;
		nm_linger_defer(forget_deferred, later);
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
	nm_audit_withdrawn(&change->leaving, change->coming ? change->coming->id : NULL);
}

void nm_change_done(struct nm_change *change)
{
	nm_state_close(change->state);
	nm_records_done(&change->leaving);
	nm_records_done(&change->staying);
	*change = (struct nm_change)NM_CHANGE_INIT;
}
