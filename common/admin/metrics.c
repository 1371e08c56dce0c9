/* The state is opened three times, so that each lock is as short as that of the command that reads the same.
 */
#include "admin/metrics.h"

#include <netinet/in.h>
#include <string.h>

#include "base/log.h"
#include "state/note.h"

static int read_notes(unsigned timeout_ms, const char *state_dir, struct nm_metrics *ret, struct nm_err *err)
{
	nm_autostate struct nm_state *st = NULL;
	char result[NM_NOTE_SIZE];

	if (nm_state_open(state_dir, NM_STATE_READ, timeout_ms, &st, err) < 0)
		return -1;
	if (!st)
		return 0;
	nm_state_lock_waits(st, &ret->waits);
	ret->reloaded = nm_note_read(st, NM_NOTE_RELOAD, result, &ret->reload_at);
	ret->reload_done = ret->reloaded && !strcmp(result, NM_NOTE_DONE);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(
		((const struct nm_metrics_mapping *)a)->text, ((const struct nm_metrics_mapping *)b)->text);
}

static void add_record(struct nm_metrics *m, const struct nm_record *r, const struct nm_counters *counters)
{
	for (size_t j = 0; j < r->mappings.n; j++) {
		struct nm_metrics_mapping *to = &m->mappings[m->n_mappings++];

		*to = (struct nm_metrics_mapping){
			.connections = counters[j].packets, .record = r, .mapping = &r->mappings.v[j]};
		nm_mapping_print(to->mapping, to->text);
	}
}

/* Owners of one port have the same counters. */
static void keep_one_of_each(struct nm_metrics *m)
{
	size_t n = 0;

	qsort(m->mappings, m->n_mappings, sizeof(*m->mappings), compare);
	for (size_t i = 0; i < m->n_mappings; i++)
		if (n == 0 || strcmp(m->mappings[n - 1].text, m->mappings[i].text) != 0)
			m->mappings[n++] = m->mappings[i];
	m->n_mappings = n;
}

static int collect_mappings(struct nm_metrics *m, struct nm_err *err)
{
	const struct nm_records *records = &m->list.records;
	const struct nm_counters *counters = m->list.mappings;
	size_t n = 1; /* calloc() of nothing may be NULL */

	for (size_t i = 0; i < records->n; i++)
		n += records->v[i].mappings.n;
	m->mappings = calloc(n, sizeof(*m->mappings));
	if (!m->mappings)
		return nm_fail_memory(err, "reading the counters");
	for (size_t i = 0; i < records->n; i++) {
		add_record(m, &records->v[i], counters);
		counters += records->v[i].mappings.n;
	}
	keep_one_of_each(m);
	return 0;
}

static void count_ports(struct nm_metrics *m)
{
	for (const struct nm_metrics_mapping *p = m->mappings; p < m->mappings + m->n_mappings; p++) {
		uint8_t protocol = p->mapping->protocol;
		int column = protocol == IPPROTO_UDP ? NM_METRICS_UDP
			: protocol == IPPROTO_SCTP   ? NM_METRICS_SCTP
						     : NM_METRICS_TCP;

		nm_each_family(f, p->record->families & p->mapping->families)
			m->ports[p->record->backend][f][column] += p->mapping->count;
	}
}

static void find_differences(struct nm_config *c, const char *state_dir, struct nm_metrics *m)
{
	struct nm_err err;

	m->checked = nm_check(c, state_dir, &m->differences, &err) == 0;
	if (!m->checked)
		nm_log_notice("%s, ignored: the metrics tell that nothing was compared", err.msg);
}

int nm_metrics_read(struct nm_config *c, bool with_config, const char *state_dir, struct nm_metrics *ret,
	struct nm_err *err)
{
	if (read_notes(c->lock_timeout_ms, state_dir, ret, err) < 0)
		return -1;
	if (with_config) /* first, while namespaces may be entered */
		find_differences(c, state_dir, ret);
	if (nm_list_read(c, state_dir, NULL, &ret->list, err) < 0 || collect_mappings(ret, err) < 0)
		return -1;
	count_ports(ret);
	return 0;
}

void nm_metrics_done(struct nm_metrics *m)
{
	free(m->mappings);
	nm_list_done(&m->list);
	nm_differences_done(&m->differences);
	*m = (struct nm_metrics){0};
}
