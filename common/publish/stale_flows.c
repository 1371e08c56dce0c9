#include "publish/stale_flows.h"

#include <netinet/in.h>

#include "base/hash.h"
#include "base/log.h"
#include "host/conntrack.h"
#include "host/detach.h"

struct flows {
	struct nm_flow *v;
	size_t n;
};

enum when { NOW, LATER /* after the exit */, WHEN_MAX };

/* Records by network namespace, of which a pod's containers have the same. */
struct pods {
	const struct nm_records *records;
	struct nm_hash_index index;
};

static uint64_t hash_netns(const void *records, size_t i)
{
	return ((const struct nm_record *)records)[i].netns.ino;
}

static int make_pods(const struct nm_records *records, struct pods *ret, struct nm_err *err)
{
	ret->records = records;
	return nm_hash_index_make(records->v, records->n, hash_netns, &ret->index, err);
}

/* The families in which another one of the records has the same mapping to the same container. */
static unsigned find_kept(const struct pods *pods, const struct nm_record *r, const struct nm_mapping *m)
{
	unsigned kept = 0;
	size_t position = 0;
	ssize_t i;

	if (!r->netns.ino)
		return 0;
	while ((i = nm_hash_index_next(&pods->index, r->netns.ino, &position)) >= 0) {
		const struct nm_record *other = &pods->records->v[i];

		if (other->offset != r->offset)
			kept |= nm_claim_shares(r, m, other);
	}
	return kept;
}

/* Deletions by filter are 0.2 ms for each port (host/conntrack.c). */
enum { PORTS_AT_ONCE = 8 };

static bool has_many_ports(const struct nm_record *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->mappings.n && n <= PORTS_AT_ONCE; i++)
		n += r->mappings.v[i].count;
	return n > PORTS_AT_ONCE;
}

/* The families in which flows that are not UDP can wait. What must not are UDP flows, which go on to a dead
 * address as long as their client sends, and those of a container that lives. A TCP connection ends with its
 * container, tracked or not: only a dump finds those over IPv6 and of many ports (host/conntrack.c), for the
 * 5 ms of which no runtime should wait. */
static unsigned late_families(const struct nm_record *r, bool gone)
{
	return !gone ? 0 : has_many_ports(r) ? NM_BOTH_FAMILIES : NM_IPV6_BIT;
}

static enum when when_to_delete(const struct nm_mapping *m, enum nm_family family, unsigned late)
{
	return (late & (1u << family)) && m->protocol != IPPROTO_UDP ? LATER : NOW;
}

static void add_flows(struct flows flows[static WHEN_MAX], const struct nm_record *r,
	const struct nm_mapping *m, unsigned kept, enum nm_flow_kind kind, unsigned late)
{
	nm_each_family(f, m->families & r->families & ~kept) {
		struct flows *list = &flows[when_to_delete(m, f, late)];

		list->v[list->n++] = (struct nm_flow){
			.kind = kind,
			.family = f,
			.protocol = m->protocol,
			.host_port = m->host_port,
			.count = m->count,
			.any_host = m->any_host,
			.host = m->host,
			.container = r->address[f].addr,
			.container_port = m->container_port,
		};
	}
}

static void collect_new(
	const struct nm_record *r, const struct pods *replaced, const struct pods *peers, struct flows *flows)
{
	for (size_t i = 0; i < r->mappings.n; i++) {
		const struct nm_mapping *m = &r->mappings.v[i];

		if (m->protocol == IPPROTO_UDP)
			add_flows(flows, r, m, find_kept(peers, r, m) | find_kept(replaced, r, m),
				NM_FLOW_TO_HOST, 0);
	}
}

enum life { LIVES, UNKNOWN, ENDED };

static enum life judge(const struct nm_record *r)
{
	struct nm_err unknown;
	bool gone;

	if (r->pid == 0 || nm_record_gone(r, &gone, &unknown) < 0)
		return UNKNOWN;
	return gone ? ENDED : LIVES;
}

/* Over IPv4, TCP to a few ports that have been used is treated alike whether the container lives. */
static bool is_asked(const struct nm_record *r, unsigned unused)
{
	if (unused & r->families)
		return true;
	for (size_t i = 0; i < r->mappings.n; i++)
		if (r->mappings.v[i].protocol == IPPROTO_UDP)
			return true;
	return (r->families & NM_IPV6_BIT) || has_many_ports(r);
}

/* A container that sent first, from its published UDP port, is who its peer goes on to answer. While it
 * lives, such a flow is its own; a process that cannot be judged is none that goes on sending. What was
 * unused may have been used since that was seen: that matters for UDP, and while the container lives. */
static void collect_record(const struct nm_claim *claim, const struct pods *peers, const struct nm_record *r,
	struct flows flows[static WHEN_MAX])
{
	enum life life = is_asked(r, claim->unused) ? judge(r) : LIVES;
	unsigned late = late_families(r, life != LIVES), unused = life == ENDED ? claim->unused : 0;

	for (size_t j = 0; j < r->mappings.n; j++) {
		const struct nm_mapping *m = &r->mappings.v[j];
		unsigned kept = find_kept(peers, r, m);

		if (claim->new)
			kept |= nm_claim_shares(r, m, claim->new);
		for (size_t i = 0; i < claim->held.n; i++)
			kept |= nm_claim_shares(r, m, &claim->held.v[i]);
		if (m->protocol != IPPROTO_UDP)
			kept |= unused;
		add_flows(flows, r, m, kept, NM_FLOW_TO_CONTAINER, late);
		if (life != LIVES && m->protocol == IPPROTO_UDP)
			add_flows(flows, r, m, kept, NM_FLOW_FROM_CONTAINER, late);
	}
}

static void pods_done(struct pods *pods)
{
	nm_hash_index_done(&pods->index);
}

static int collect(const struct nm_claim *claim, struct flows flows[static WHEN_MAX], struct nm_err *err)
{
	NM_CLEANUP(pods_done) struct pods replaced = {0};
	NM_CLEANUP(pods_done) struct pods peers = {0};

	if (make_pods(&claim->peers, &peers, err) < 0 || make_pods(&claim->replaced, &replaced, err) < 0)
		return -1;
	if (claim->new)
		collect_new(claim->new, &replaced, &peers, flows);
	for (size_t i = 0; i < claim->replaced.n; i++)
		collect_record(claim, &peers, &claim->replaced.v[i], flows);
	return 0;
}

static size_t count_mappings(const struct nm_claim *claim)
{
	size_t n = claim->new ? claim->new->mappings.n : 0;

	for (size_t i = 0; i < claim->replaced.n; i++)
		n += claim->replaced.v[i].mappings.n;
	return n;
}

static void delete_flows(int fd, const struct flows *flows)
{
	unsigned deleted = 0;
	struct nm_err err;

	if (flows->n && nm_conntrack_delete(fd, flows->v, flows->n, &deleted, &err) < 0)
		nm_log_notice("deleting stale connections: %s, ignored: they time out", err.msg);
	else if (deleted)
		nm_log_debug("%u stale connections deleted", deleted);
}

/* What is left for the time after the exit; never freed. */
struct deferred {
	int fd;
	struct flows flows;
};

static void delete_deferred(void *work)
{
	const struct deferred *d = work;

	delete_flows(d->fd, &d->flows);
	nm_log_flush();
}

static int delete_all(int fd, const struct nm_claim *claim, struct nm_err *err)
{
	size_t most = 2 * NM_FAMILY_MAX * count_mappings(claim) + 1; /* two kinds of flows */
	nm_autofree struct nm_flow *now = calloc(most, sizeof(*now)), *later = calloc(most, sizeof(*later));
	nm_autofree struct deferred *rest = calloc(1, sizeof(*rest));
	struct flows flows[WHEN_MAX] = {[NOW] = {.v = now}, [LATER] = {.v = later}};

	if (!now || !later || !rest)
		return nm_fail_memory(err, "deleting stale connections");
	if (collect(claim, flows, err) < 0)
		return -1;
	delete_flows(fd, &flows[NOW]);
	if (!flows[LATER].n)
		return 0;
	*rest = (struct deferred){.fd = fd, .flows = {.v = nm_steal(&later), .n = flows[LATER].n}};
	nm_detach_defer(NM_DETACH_SOON, delete_deferred, nm_steal(&rest));
	return 0;
}

void nm_stale_flows_delete(int fd, const struct nm_claim *claim)
{
	struct nm_err err;

	if (delete_all(fd, claim, &err) < 0)
		nm_log_notice("%s, ignored: they time out", err.msg);
}
