/*
 * The wanted rules and elements are made for one mapping after the other, so that it is known whose each of
 * them is; those that are found in the kernel have counters.
 */
#include "admin/list.h"

#include <linux/netlink.h>
#include <string.h>

#include "backend/choose.h"
#include "backend/desired.h"
#include "host/sandbox.h"
#include "iptables/compare.h"
#include "iptables/layout_static.h"
#include "nftables/count.h"
#include "state/state.h"

enum { TRIES = 8 };

/* A mapping or an entry of static NAT: where its rules and elements end. */
struct part {
	size_t rules, elements;
};

struct reading {
	struct nm_desired wanted;
	struct part *parts; /* owned */
	size_t n;
	struct nm_counters *of_rules, *of_elements; /* owned */
	struct nm_counters *statics;                /* in nftables; owned */
};

static void reading_done(struct reading *r)
{
	nm_desired_done(&r->wanted);
	free(r->parts);
	free(r->of_rules);
	free(r->of_elements);
	free(r->statics);
}

/* Of the rules that one packet passes, only that with this verdict is counted, and of the elements that in a
 * map. */
static void end_part(struct reading *r, enum nm_verdict counted)
{
	struct part end = r->n ? r->parts[r->n - 1] : (struct part){0};
	struct nm_nftables_elements *elements = &r->wanted.elements;
	struct nm_rules *rules = &r->wanted.rules;

	for (size_t i = end.rules; i < rules->n; i++)
		if (rules->v[i].verdict == counted)
			rules->v[end.rules++] = rules->v[i];
	for (size_t i = end.elements; i < elements->n; i++)
		if (nm_nftables_set_is_map(elements->v[i].set))
			elements->v[end.elements++] = elements->v[i];
	rules->n = end.rules;
	elements->n = end.elements;
	r->parts[r->n++] = end;
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
	size_t parts = c->statics.n;

	for (size_t i = 0; i < records->n; i++)
		parts += records->v[i].mappings.n;
	r->parts = calloc(parts + 1, sizeof(*r->parts));
	r->statics = calloc(c->statics.n + 1, sizeof(*r->statics));
	if (!r->parts || !r->statics)
		return nm_fail(err, NM_ERR_FAILED, "reading the counters: out of memory");
	for (size_t i = 0; i < records->n; i++)
		for (size_t j = 0; j < records->v[i].mappings.n; j++) {
			struct nm_record one = records->v[i]; /* borrows all of it */

			one.mappings = (struct nm_mappings){.v = &records->v[i].mappings.v[j], .n = 1};
			if (nm_desired_add_record(&r->wanted, &one, &c->layout, err) < 0)
				return -1;
			end_part(r, NM_VERDICT_DNAT);
		}
	for (size_t i = 0; i < c->statics.n; i++) {
		const struct nm_static_nats one = {.v = &c->statics.v[i], .n = 1};

		if (c->backend == NM_BACKEND_IPTABLES &&
			nm_iptables_layout_static(&one, &r->wanted.rules, err) < 0)
			return -1;
		end_part(r, translations[c->statics.v[i].kind]);
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

static int try_to_read(struct reading *r, const struct nm_config *c, struct nm_netlink *nl,
	bool *ret_interrupted, struct nm_err *err)
{
	const struct nm_iptables_scope scope = {.wanted = &r->wanted.rules, .look_for_old = true};
	const struct nm_iptables_compare_handler sink = {.edit = pass_over, .counters = r->of_rules};

	if (scope.wanted->n > 0 &&
		nm_iptables_compare(nl, &scope, NM_IPV4_BIT | NM_IPV6_BIT, &sink, ret_interrupted, err) < 0)
		return -1;
	if (r->wanted.elements.n > 0 &&
		nm_nftables_count(nl, &r->wanted.elements, r->of_elements, ret_interrupted, err) < 0)
		return -1;
	if (c->backend != NM_BACKEND_NFTABLES || c->statics.n == 0)
		return 0;
	memset(r->statics, 0, c->statics.n * sizeof(*r->statics));
	return nm_nftables_count_statics(nl, &c->statics, r->statics, ret_interrupted, err);
}

static int read_counters(
	struct reading *r, const struct nm_config *c, struct nm_netlink *nl, struct nm_err *err)
{
	r->of_rules = calloc(r->wanted.rules.n + 1, sizeof(*r->of_rules));
	r->of_elements = calloc(r->wanted.elements.n + 1, sizeof(*r->of_elements));
	if (!r->of_rules || !r->of_elements)
		return nm_fail(err, NM_ERR_FAILED, "reading the counters: out of memory");
	for (int i = 0; i < TRIES; i++) {
		bool interrupted = false;

		if (try_to_read(r, c, nl, &interrupted, err) < 0)
			return -1;
		if (!interrupted)
			return 0;
	}
	return nm_fail(err, NM_ERR_FAILED,
		"reading the counters: others changed the rules %d times meanwhile", TRIES);
}

static void add(struct nm_counters *sum, const struct nm_counters *v, size_t begin, size_t end)
{
	for (; begin < end; begin++) {
		sum->packets += v[begin].packets;
		sum->bytes += v[begin].bytes;
	}
}

/* Sums of n parts, beginning with part first. NULL: memory. */
static struct nm_counters *sum(const struct reading *r, size_t first, size_t n)
{
	struct nm_counters *sums = calloc(n + 1, sizeof(*sums));
	struct part begin = first > 0 ? r->parts[first - 1] : (struct part){0};

	for (size_t i = 0; sums && i < n; i++) {
		const struct part *end = &r->parts[first + i];

		add(&sums[i], r->of_rules, begin.rules, end->rules);
		add(&sums[i], r->of_elements, begin.elements, end->elements);
		begin = *end;
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

static int read_rules(
	struct reading *r, struct nm_config *c, const struct nm_records *records, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink nl = {.fd = -1};

	if (nm_netlink_open(NETLINK_NETFILTER, &nl, err) < 0 ||
		nm_backend_choose(&nl, &c->backend, err) < 0 || collect(r, c, records, err) < 0)
		return -1;
	return read_counters(r, c, &nl, err);
}

static int read_published(
	struct nm_config *c, const char *state_dir, const char *id, struct nm_list *p, struct nm_err *err)
{
	nm_autostate struct nm_state *state = NULL;
	NM_CLEANUP(reading_done) struct reading r = {0};

	if (read_state(state_dir, id, &state, &p->records, err) < 0)
		return -1;
	if (p->records.n + c->statics.n > 0 && read_rules(&r, c, &p->records, err) < 0)
		return -1;
	p->mappings = sum(&r, 0, r.n - c->statics.n);
	p->statics = sum(&r, r.n - c->statics.n, c->statics.n);
	if (!p->mappings || !p->statics)
		return nm_fail(err, NM_ERR_FAILED, "reading the counters: out of memory");
	for (size_t i = 0; i < c->statics.n; i++)
		add(&p->statics[i], r.statics, i, i + 1);
	return 0;
}

int nm_list_read(
	struct nm_config *c, const char *state_dir, const char *id, struct nm_list *ret, struct nm_err *err)
{
	struct nm_list p = {0};

	if (read_published(c, state_dir, id, &p, err) < 0) {
		nm_list_done(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

void nm_list_done(struct nm_list *p)
{
	nm_records_done(&p->records);
	free(p->mappings);
	free(p->statics);
	*p = (struct nm_list){0};
}
