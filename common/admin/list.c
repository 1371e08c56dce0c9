/* Lays out the rules of each mapping on its own, and adds up the counters that these rules have in the
 * kernel. */
#include "admin/list.h"

#include <string.h>

#include "backend/backend.h"
#include "publish/change.h"
#include "state/search.h"

/* For each backend, how many of its rules belong to this mapping and those before it. */
struct end {
	size_t of[NM_BACKEND_MAX];
};

struct reading {
	const struct nm_config *config;
	struct nm_desired desired;
	struct end *ends; /* for each mapping of each record; owned */
	size_t n;
	struct nm_counters *rules[NM_BACKEND_MAX]; /* owned */
	struct nm_counters *statics;               /* owned */
};

static void reading_done(struct reading *r)
{
	nm_desired_done(&r->desired);
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		free(r->rules[b]);
	free(r->ends);
	free(r->statics);
}

static int collect(
	struct reading *r, const struct nm_config *c, const struct nm_records *records, struct nm_err *err)
{
	struct end end = {{0}};
	size_t mappings = 0;

	for (size_t i = 0; i < records->n; i++)
		mappings += records->v[i].mappings.n;
	r->ends = calloc(mappings + 1, sizeof(*r->ends));
	if (!r->ends)
		return nm_fail_memory(err, "reading the counters");
	for (size_t i = 0; i < records->n; i++)
		for (size_t j = 0; j < records->v[i].mappings.n; j++) {
			struct nm_record one = records->v[i]; /* borrows all of it */

			one.mappings = (struct nm_mappings){.v = &records->v[i].mappings.v[j], .n = 1};
			if (nm_desired_add_record(&r->desired, &one, &c->layout, err) < 0)
				return -1;
			end.of[one.backend] =
				nm_backend_ops(one.backend)->keep_counted(&r->desired, end.of[one.backend]);
			r->ends[r->n++] = end;
		}
	return 0;
}

static int read_kernel(void *ctx, struct nm_netlink *nl, struct nm_err *err)
{
	const struct reading *r = ctx;
	const struct nm_static_nats *statics = &r->config->statics;

	for (enum nm_backend b = 0; r->n > 0 && b < NM_BACKEND_MAX; b++)
		if (nm_backend_ops(b)->count(nl, &r->desired, r->rules[b], err) < 0)
			return -1;
	if (statics->n == 0)
		return 0;
	memset(r->statics, 0, statics->n * sizeof(*r->statics));
	return nm_backend_ops(r->config->backend)->count_static(nl, statics, r->statics, err);
}

static int make_counters(struct reading *r, const struct nm_config *c, struct nm_err *err)
{
	bool made;

	r->statics = calloc(c->statics.n + 1, sizeof(*r->statics));
	made = r->statics;
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++) {
		size_t n = r->n ? r->ends[r->n - 1].of[b] : 0;

		r->rules[b] = calloc(n + 1, sizeof(*r->rules[b]));
		made = made && r->rules[b];
	}
	return made ? 0 : nm_fail_memory(err, "reading the counters");
}

static int read_counters(struct reading *r, struct nm_netlink *nl, struct nm_err *err)
{
	return make_counters(r, r->config, err) < 0 ? -1 : nm_nft_transaction_read(nl, read_kernel, r, err);
}

static void add(struct nm_counters *sum, const struct nm_counters *v, size_t begin, size_t end)
{
	for (; begin < end; begin++) {
		sum->packets += v[begin].packets;
		sum->bytes += v[begin].bytes;
	}
}

/* One sum for each mapping. NULL: memory. */
static struct nm_counters *sum_mappings(const struct reading *r)
{
	struct nm_counters *sums = calloc(r->n + 1, sizeof(*sums));
	struct end begin = {{0}};

	for (size_t i = 0; sums && i < r->n; i++) {
		for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
			add(&sums[i], r->rules[b], begin.of[b], r->ends[i].of[b]);
		begin = r->ends[i];
	}
	return sums;
}

static int read_state(struct nm_change *change, const char *state_dir, const char *id, struct nm_records *ret,
	struct nm_err *err)
{
	const struct nm_state_query everyone = {.all = true};

	if (nm_change_begin(change, state_dir, NM_STATE_READ, NM_LOCK_TIMEOUT_MS, err) < 0)
		return -1;
	if (!change->state)
		return 0;
	if ((id ? nm_change_find_id(change, id, ret, err)
		: nm_state_search(change->state, &everyone, ret, err)) < 0)
		return -1;
	nm_records_keep_newest(ret);
	return 0;
}

static int read_rules(struct reading *r, struct nm_change *change, struct nm_config *c,
	const struct nm_records *records, struct nm_err *err)
{
	if (nm_change_connect(change, err) < 0 || nm_change_settle_backend(change, c, err) < 0 ||
		collect(r, c, records, err) < 0)
		return -1;
	r->config = c;
	return read_counters(r, &change->nl, err);
}

static int read_published(
	struct nm_config *c, const char *state_dir, const char *id, struct nm_list *p, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	NM_CLEANUP(reading_done) struct reading r = {0};

	if (read_state(&change, state_dir, id, &p->records, err) < 0)
		return -1;
	if (p->records.n + c->statics.n > 0 && read_rules(&r, &change, c, &p->records, err) < 0)
		return -1;
	p->mappings = sum_mappings(&r);
	p->statics = r.statics ? nm_steal(&r.statics) : calloc(1, sizeof(*p->statics));
	if (!p->mappings || !p->statics)
		return nm_fail_memory(err, "reading the counters");
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
