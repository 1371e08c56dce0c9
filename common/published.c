/*
 * The wanted rules are made for one mapping after the other, so that it is known whose each of them is; those
 * that are found in the kernel have counters.
 */
#include "published.h"

#include <linux/netlink.h>

#include "iptables_diff.h"
#include "layout_static.h"
#include "sandbox.h"
#include "state.h"
#include "wanted.h"

enum { TRIES = 8 };

/* Which of the rules are whose: counters[i] gets what the rules from ends[i - 1] to ends[i] have. */
struct reading {
	struct nm_wanted wanted;
	size_t *ends; /* owned */
	size_t n;
	struct nm_counters *counters; /* of each rule; owned */
};

static void reading_done(struct reading *r)
{
	nm_wanted_done(&r->wanted);
	free(r->ends);
	free(r->counters);
}

/* Of the rules that one packet passes, only that with this verdict is counted. */
static void end_part(struct reading *r, size_t begin, enum nm_verdict counted)
{
	struct nm_rules *rules = &r->wanted.rules;
	size_t kept = begin;

	for (size_t i = begin; i < rules->n; i++)
		if (rules->v[i].verdict == counted)
			rules->v[kept++] = rules->v[i];
	rules->n = kept;
	r->ends[r->n++] = kept;
}

static int collect(
	struct reading *r, const struct nm_config *c, const struct nm_records *records, struct nm_err *err)
{
	/* a hairpin's connections all end there, whoever has sent them to the container */
	static const enum nm_verdict translations[NM_STATIC_KIND_MAX] = {
		[NM_STATIC_DNAT] = NM_VERDICT_DNAT,
		[NM_STATIC_SNAT] = NM_VERDICT_SNAT,
		[NM_STATIC_HAIRPIN] = NM_VERDICT_MASQUERADE,
	};
	size_t parts = c->statics.n, begin = 0;

	for (size_t i = 0; i < records->n; i++)
		parts += records->v[i].mappings.n;
	r->ends = calloc(parts + 1, sizeof(*r->ends));
	if (!r->ends)
		return nm_fail(err, NM_ERR_FAILED, "reading the counters: out of memory");
	for (size_t i = 0; i < records->n; i++)
		for (size_t j = 0; j < records->v[i].mappings.n; j++) {
			struct nm_record one = records->v[i]; /* borrows all of it */

			one.mappings = (struct nm_mappings){.v = &records->v[i].mappings.v[j], .n = 1};
			if (nm_wanted_add_record(&r->wanted, &one, &c->layout, err) < 0)
				return -1;
			end_part(r, begin, NM_VERDICT_DNAT);
			begin = r->wanted.rules.n;
		}
	for (size_t i = 0; i < c->statics.n; i++) {
		const struct nm_statics one = {.v = &c->statics.v[i], .n = 1};

		if (nm_layout_statics(&one, &r->wanted.rules, err) < 0)
			return -1;
		end_part(r, begin, translations[c->statics.v[i].kind]);
		begin = r->wanted.rules.n;
	}
	return 0;
}

static int pass_over(void *ctx, const struct nm_edit *edit, struct nm_err *err)
{
	(void)ctx;
	(void)edit; /* `check` tells what differs */
	(void)err;
	return 0;
}

static int read_counters(struct reading *r, struct nm_err *err)
{
	const struct nm_iptables_scope scope = {.wanted = &r->wanted.rules, .look_for_old = true};
	NM_CLEANUP(nm_netlink_close) struct nm_netlink nl = {.fd = -1};
	struct nm_iptables_sink sink = {.edit = pass_over};

	if (r->wanted.rules.n == 0)
		return 0;
	sink.counters = r->counters = calloc(r->wanted.rules.n, sizeof(*r->counters));
	if (!r->counters)
		return nm_fail(err, NM_ERR_FAILED, "reading the counters: out of memory");
	if (nm_netlink_open(NETLINK_NETFILTER, &nl, err) < 0)
		return -1;
	for (int i = 0; i < TRIES; i++) {
		bool interrupted = false;

		if (nm_iptables_diff(&nl, &scope, NM_IPV4_BIT | NM_IPV6_BIT, &sink, &interrupted, err) < 0)
			return -1;
		if (!interrupted)
			return 0;
	}
	return nm_fail(err, NM_ERR_FAILED,
		"reading the counters: others changed the rules %d times meanwhile", TRIES);
}

/* Sums of n parts, beginning with part first. NULL: memory. */
static struct nm_counters *sum(const struct reading *r, size_t first, size_t n)
{
	struct nm_counters *sums = calloc(n + 1, sizeof(*sums));
	size_t begin = first > 0 ? r->ends[first - 1] : 0;

	for (size_t i = 0; sums && i < n; i++) {
		for (; begin < r->ends[first + i]; begin++) {
			sums[i].packets += r->counters[begin].packets;
			sums[i].bytes += r->counters[begin].bytes;
		}
	}
	return sums;
}

static int read_state(const char *state_dir, const char *id, struct nm_state **ret_state,
	struct nm_records *ret, struct nm_err *err)
{
	struct nm_state_query query = {.all = !id, .id = id};

	if (nm_state_open(state_dir, NM_STATE_READ, NM_LOCK_TIMEOUT_MS, ret_state, err) < 0)
		return -1;
	if (!*ret_state)
		return 0;
	if (nm_sandbox_confine(state_dir, err) < 0 || nm_state_find(*ret_state, &query, ret, err) < 0)
		return -1;
	if (id)
		nm_records_keep_id(ret, id);
	nm_records_keep_newest(ret);
	return 0;
}

static int read_published(const struct nm_config *c, const char *state_dir, const char *id,
	struct nm_published *p, struct nm_err *err)
{
	nm_autostate struct nm_state *state = NULL;
	NM_CLEANUP(reading_done) struct reading r = {0};

	if (read_state(state_dir, id, &state, &p->records, err) < 0 || collect(&r, c, &p->records, err) < 0 ||
		read_counters(&r, err) < 0)
		return -1;
	p->mappings = sum(&r, 0, r.n - c->statics.n);
	p->statics = sum(&r, r.n - c->statics.n, c->statics.n);
	if (!p->mappings || !p->statics)
		return nm_fail(err, NM_ERR_FAILED, "reading the counters: out of memory");
	return 0;
}

int nm_published_read(const struct nm_config *c, const char *state_dir, const char *id,
	struct nm_published *ret, struct nm_err *err)
{
	struct nm_published p = {0};

	if (read_published(c, state_dir, id, &p, err) < 0) {
		nm_published_done(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

void nm_published_done(struct nm_published *p)
{
	nm_records_done(&p->records);
	free(p->mappings);
	free(p->statics);
	*p = (struct nm_published){0};
}
