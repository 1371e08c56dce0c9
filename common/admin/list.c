/* Lays out the rules of each mapping on its own, and adds up the counters that these rules have in the
 * kernel. Of a port that containers share, iptables has a rule for each, of which the first translates. */
#include "admin/list.h"

#include <string.h>

#include "backend/backend.h"
#include "base/hash.h"
#include "base/log.h"
#include "publish/change.h"
#include "state/search.h"

/* For each backend, how many of its rules belong to this mapping and those before it. */
struct end {
	size_t of[NM_BACKEND_MAX];
};

/* A mapping of a record. */
struct entry {
	const struct nm_record *record;
	const struct nm_mapping *mapping;
	struct end end;
	struct nm_counters own;
};

struct reading {
	struct nm_change change;
	struct nm_config *config;
	struct nm_list *list;
	struct nm_records peers; /* not listed; they may share ports with those that are */
	struct nm_desired desired;
	struct entry *entries; /* of all records, then all peers; owned */
	size_t n;
	struct end end;                            /* the last of them */
	struct nm_counters *rules[NM_BACKEND_MAX]; /* owned */
};

static void reading_done(struct reading *r)
{
	nm_desired_done(&r->desired);
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		free(r->rules[b]);
	free(r->entries);
	nm_records_done(&r->peers);
	nm_change_done(&r->change);
}

static size_t count_mappings(const struct nm_records *records)
{
	size_t n = 0;

	for (size_t i = 0; i < records->n; i++)
		n += records->v[i].mappings.n;
	return n;
}

static int allocate(struct reading *r, struct nm_err *err)
{
	struct nm_list *list = r->list;
	size_t n = count_mappings(&list->records) + 1; /* calloc() of nothing may be NULL */

	r->entries = calloc(n + count_mappings(&r->peers), sizeof(*r->entries));
	list->mappings = calloc(n, sizeof(*list->mappings));
	list->states = calloc(list->records.n + 1, sizeof(*list->states));
	list->statics = calloc(r->config->statics.n + 1, sizeof(*list->statics));
	return r->entries && list->mappings && list->states && list->statics
		? 0
		: nm_fail_memory(err, "reading the counters");
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
		r->entries[r->n++] =
			(struct entry){.record = record, .mapping = one.mappings.v, .end = r->end};
	}
	return 0;
}

static int collect_all(struct reading *r, const struct nm_records *records, struct nm_err *err)
{
	for (size_t i = 0; i < records->n; i++)
		if (collect(r, &records->v[i], err) < 0)
			return -1;
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
	if (nm_change_connect(&r->change, err) < 0 ||
		nm_change_settle_backend(&r->change, r->config, err) < 0 ||
		collect_all(r, &r->list->records, err) < 0 || collect_all(r, &r->peers, err) < 0)
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

static void sum_own(struct reading *r)
{
	struct end begin = {{0}};

	for (struct entry *e = r->entries; e < r->entries + r->n; e++) {
		for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
			add(&e->own, r->rules[b], begin.of[b], e->end.of[b]);
		begin = e->end;
	}
}

static uint64_t hash_entry(const void *entries, size_t i)
{
	const struct nm_mapping *m = ((const struct entry *)entries)[i].mapping;
	char text[NM_MAPPING_STRLEN];

	nm_mapping_print(m, text);
	return nm_hash(NM_HASH_BEGIN, text, strlen(text));
}

/* An element of natmap's own sets is there once, whoever shares it. */
static bool shares_rules(const struct entry *a, const struct entry *b)
{
	return a == b ||
		(a->record->backend == NM_BACKEND_IPTABLES && b->record->backend == NM_BACKEND_IPTABLES &&
			nm_mapping_equal(a->mapping, b->mapping));
}

/* Each owner of a port has the connections of all. */
static int sum_mappings(struct reading *r, struct nm_err *err)
{
	NM_CLEANUP(nm_hash_index_done) struct nm_hash_index index = {0};
	size_t n = count_mappings(&r->list->records);

	sum_own(r);
	if (nm_hash_index_make(r->entries, r->n, hash_entry, &index, err) < 0)
		return -1;
	for (size_t i = 0; i < n && r->n > 0; i++) {
		size_t position = 0;
		ssize_t j;

		while ((j = nm_hash_index_next(&index, hash_entry(r->entries, i), &position)) >= 0)
			if (shares_rules(&r->entries[i], &r->entries[j]))
				add(&r->list->mappings[i], &r->entries[j].own, 0, 1);
	}
	return 0;
}

static enum nm_list_state find_state(const struct reading *r, const struct nm_record *record)
{
	struct nm_err err;
	bool gone;

	if (!record->pid || !nm_state_same_pidns(r->change.state))
		return NM_LIST_UNKNOWN;
	if (nm_record_gone(record, &gone, &err) == 0)
		return gone ? NM_LIST_GONE : NM_LIST_RUNNING;
	nm_log_notice("container '%s': %s, ignored: whether it runs is not known", record->id, err.msg);
	return NM_LIST_UNKNOWN;
}

static int read_peers(struct reading *r, const struct nm_record *of, struct nm_err *err)
{
	const struct nm_state_query query = {
		.mappings = of->mappings.v, .n_mappings = of->mappings.n, .except = &r->list->records};

	if (nm_state_search(r->change.state, &query, &r->peers, err) < 0)
		return -1;
	nm_records_keep_newest(&r->peers);
	return 0;
}

static int read_state(struct reading *r, const char *state_dir, const char *id, struct nm_err *err)
{
	const struct nm_state_query everyone = {.all = true};
	struct nm_records *records = &r->list->records;

	if (nm_change_begin(&r->change, state_dir, NM_STATE_READ, r->config->lock_timeout_ms, err) < 0)
		return -1;
	if (!r->change.state)
		return 0;
	if ((id ? nm_change_find_id(&r->change, id, records, err)
		: nm_state_search(r->change.state, &everyone, records, err)) < 0)
		return -1;
	nm_records_keep_newest(records);
	return id && records->n ? read_peers(r, &records->v[0], err) : 0;
}

int nm_list_read(
	struct nm_config *c, const char *state_dir, const char *id, struct nm_list *ret, struct nm_err *err)
{
	NM_CLEANUP(reading_done) struct reading r = {.change = NM_CHANGE_INIT, .config = c, .list = ret};

	if (read_state(&r, state_dir, id, err) < 0 || allocate(&r, err) < 0)
		return -1;
	for (size_t i = 0; i < ret->records.n; i++)
		ret->states[i] = find_state(&r, &ret->records.v[i]);
	if (ret->records.n + c->statics.n > 0 && read_rules(&r, err) < 0)
		return -1;
	return sum_mappings(&r, err);
}

void nm_list_done(struct nm_list *p)
{
	nm_records_done(&p->records);
	free(p->states);
	free(p->mappings);
	free(p->statics);
	*p = (struct nm_list){0};
}
