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
	struct nm_change change;
	struct nm_config *config;
	struct nm_list *list;
	struct nm_desired desired;
	struct end *ends; /* for each mapping of each record; owned */
	size_t n;
	struct end end;                            /* the last of them */
	struct nm_counters *rules[NM_BACKEND_MAX]; /* owned */
};

static void reading_done(struct reading *r)
{
	nm_desired_done(&r->desired);
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		free(r->rules[b]);
	free(r->ends);
	nm_change_done(&r->change);
}

static int allocate(struct reading *r, struct nm_err *err)
{
	struct nm_list *list = r->list;
	size_t n = 1; /* calloc() of nothing may be NULL */

	for (size_t i = 0; i < list->records.n; i++)
		n += list->records.v[i].mappings.n;
	r->ends = calloc(n, sizeof(*r->ends));
	list->mappings = calloc(n, sizeof(*list->mappings));
	list->statics = calloc(r->config->statics.n + 1, sizeof(*list->statics));
	return r->ends && list->mappings && list->statics ? 0 : nm_fail_memory(err, "reading the counters");
}

static int collect(struct reading *r, const struct nm_record *record, struct nm_err *err)
{
	for (size_t j = 0; j < record->mappings.n; j++) {
		struct nm_record one = *record; /* borrows all of it */
		const struct nm_backend_ops *ops = nm_backend_ops(one.backend);

		one.mappings = (struct nm_mappings){.v = &record->mappings.v[j], .n = 1};
		if (nm_desired_add_record(&r->desired, &one, &r->config->layout, err) < 0)
			return -1;
		r->end.of[one.backend] = ops->keep_counted(&r->desired, r->end.of[one.backend]);
		r->ends[r->n++] = r->end;
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
	memset(r->list->statics, 0, statics->n * sizeof(*r->list->statics));
	return nm_backend_ops(r->config->backend)->count_static(nl, statics, r->list->statics, err);
}

static int read_rules(struct reading *r, struct nm_err *err)
{
	const struct nm_records *records = &r->list->records;

	if (nm_change_connect(&r->change, err) < 0 ||
		nm_change_settle_backend(&r->change, r->config, err) < 0)
		return -1;
	for (size_t i = 0; i < records->n; i++)
		if (collect(r, &records->v[i], err) < 0)
			return -1;
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++) {
		r->rules[b] = calloc(r->end.of[b] + 1, sizeof(*r->rules[b]));
		if (!r->rules[b])
			return nm_fail_memory(err, "reading the counters");
	}
	return nm_nft_transaction_read(&r->change.nl, read_kernel, r, err);
}

static void add(struct nm_counters *sum, const struct nm_counters *v, size_t begin, size_t end)
{
	for (; begin < end; begin++) {
		sum->packets += v[begin].packets;
		sum->bytes += v[begin].bytes;
	}
}

static void sum_mappings(struct reading *r)
{
	struct end begin = {{0}};

	for (size_t i = 0; i < r->n; i++) {
		for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
			add(&r->list->mappings[i], r->rules[b], begin.of[b], r->ends[i].of[b]);
		begin = r->ends[i];
	}
}

static int read_state(struct reading *r, const char *state_dir, const char *id, struct nm_err *err)
{
	const struct nm_state_query everyone = {.all = true};
	struct nm_records *records = &r->list->records;

	if (nm_change_begin(&r->change, state_dir, NM_STATE_READ, NM_LOCK_TIMEOUT_MS, err) < 0)
		return -1;
	if (!r->change.state)
		return 0;
	if ((id ? nm_change_find_id(&r->change, id, records, err)
		: nm_state_search(r->change.state, &everyone, records, err)) < 0)
		return -1;
	nm_records_keep_newest(records);
	return 0;
}

int nm_list_read(
	struct nm_config *c, const char *state_dir, const char *id, struct nm_list *ret, struct nm_err *err)
{
	NM_CLEANUP(reading_done) struct reading r = {.change = NM_CHANGE_INIT, .config = c, .list = ret};

	if (read_state(&r, state_dir, id, err) < 0 || allocate(&r, err) < 0)
		return -1;
	if (ret->records.n + c->statics.n > 0 && read_rules(&r, err) < 0)
		return -1;
	sum_mappings(&r);
	return 0;
}

void nm_list_done(struct nm_list *p)
{
	nm_records_done(&p->records);
	free(p->mappings);
	free(p->statics);
	*p = (struct nm_list){0};
}
