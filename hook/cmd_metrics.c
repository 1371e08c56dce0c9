/* natmap metrics: prints what Prometheus reads, for node_exporter's textfile collector. natmap(8), METRICS,
 * has the names: they are a contract. */
#include <string.h>

#include "admin/metrics.h"
#include "base/log.h"
#include "base/prometheus.h"
#include "host/sandbox.h"
#include "input/config_file.h"
#include "cmd.h"

static const char *const states[] = {
	[NM_LIST_RUNNING] = "running",
	[NM_LIST_GONE] = "gone",
	[NM_LIST_UNKNOWN] = "unknown",
};

/* One metric with one sample. */
static void print_one(FILE *out, const char *name, const char *type, double value, const char *help)
{
	nm_prometheus_begin(out, name, type, help);
	nm_prometheus_sample(out, name, NULL, value);
}

static void print_version(FILE *out)
{
	const struct nm_prometheus_label labels[] = {{"version", NM_VERSION}, {NULL, NULL}};

	nm_prometheus_begin(out, "natmap_build_info", "gauge", "The version of natmap; always 1.");
	nm_prometheus_sample(out, "natmap_build_info", labels, 1);
}

static void print_containers(const struct nm_list *list, FILE *out)
{
	size_t n[sizeof(states) / sizeof(*states)] = {0};

	for (size_t i = 0; i < list->records.n; i++)
		n[list->states[i]]++;
	nm_prometheus_begin(out, "natmap_containers", "gauge",
		"Containers with published ports or a network; gone: the process has ended, and these are "
		"still there.");
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		const struct nm_prometheus_label labels[] = {{"state", states[i]}, {NULL, NULL}};

		nm_prometheus_sample(out, "natmap_containers", labels, (double)n[i]);
	}
}

static bool is_first_on(const struct nm_records *records, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (!strcmp(records->v[j].network.bridge, records->v[i].network.bridge))
			return false;
	return true;
}

static size_t count_on(const struct nm_records *records, const char *bridge)
{
	size_t n = 0;

	for (size_t i = 0; i < records->n; i++)
		n += !strcmp(records->v[i].network.bridge, bridge);
	return n;
}

static void print_networks(const struct nm_records *records, FILE *out)
{
	nm_prometheus_begin(
		out, "natmap_network_containers", "gauge", "Containers on a bridge that natmap has made.");
	for (size_t i = 0; i < records->n; i++) {
		const char *bridge = records->v[i].network.bridge;
		const struct nm_prometheus_label labels[] = {{"bridge", bridge}, {NULL, NULL}};

		if (bridge[0] && is_first_on(records, i))
			nm_prometheus_sample(
				out, "natmap_network_containers", labels, (double)count_on(records, bridge));
	}
}

static void print_ports(const struct nm_metrics *m, FILE *out)
{
	static const char *const families[NM_FAMILY_MAX] = {[NM_IPV4] = "ipv4", [NM_IPV6] = "ipv6"};
	static const char *const protocols[] = {
		[NM_METRICS_TCP] = "tcp", [NM_METRICS_UDP] = "udp", [NM_METRICS_SCTP] = "sctp"};

	nm_prometheus_begin(out, "natmap_ports", "gauge", "Published host ports.");
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		nm_each_family(f, NM_BOTH_FAMILIES)
			for (int p = 0; p < NM_METRICS_PROTOCOL_MAX; p++) {
				const struct nm_prometheus_label labels[] = {{"backend", nm_backend_name(b)},
					{"family", families[f]}, {"protocol", protocols[p]}, {NULL, NULL}};

				nm_prometheus_sample(out, "natmap_ports", labels, (double)m->ports[b][f][p]);
			}
}

static void print_connections(const struct nm_metrics *m, FILE *out)
{
	nm_prometheus_begin(out, "natmap_connections_total", "counter", "Connections to published ports.");
	for (size_t i = 0; i < m->n_mappings; i++) {
		const struct nm_prometheus_label labels[] = {{"ports", m->mappings[i].text}, {NULL, NULL}};

		nm_prometheus_sample(
			out, "natmap_connections_total", labels, (double)m->mappings[i].connections);
	}
}

static void print_owners(const struct nm_records *records, FILE *out)
{
	char ports[NM_MAPPING_STRLEN];

	nm_prometheus_begin(out, "natmap_port_owner_info", "gauge", "Who has published ports; always 1.");
	for (const struct nm_record *r = records->v; r < records->v + records->n; r++)
		for (size_t j = 0; j < r->mappings.n; j++) {
			const struct nm_prometheus_label labels[] = {{"container", r->id},
				{"ports", nm_mapping_print(&r->mappings.v[j], ports)}, {NULL, NULL}};

			nm_prometheus_sample(out, "natmap_port_owner_info", labels, 1);
		}
}

static void print_statics(const struct nm_static_nats *statics, const struct nm_counters *counters, FILE *out)
{
	nm_prometheus_begin(out, "natmap_static_connections_total", "counter", "Connections of static NAT.");
	for (size_t i = 0; i < statics->n; i++) {
		const struct nm_prometheus_label labels[] = {
			{"kind", nm_static_nat_kind_name(statics->v[i].kind)}, {"name", statics->v[i].name},
			{NULL, NULL}};

		nm_prometheus_sample(
			out, "natmap_static_connections_total", labels, (double)counters[i].packets);
	}
}

static size_t count_kind(const struct nm_differences *d, const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += !strcmp(d->v[i].kind, kind);
	return n;
}

static void print_kind(const struct nm_differences *d, const char *kind, FILE *out)
{
	const struct nm_prometheus_label labels[] = {{"kind", kind}, {NULL, NULL}};

	nm_prometheus_sample(out, "natmap_differences", labels, (double)count_kind(d, kind));
}

static void print_differences(const struct nm_metrics *m, FILE *out)
{
	print_one(out, "natmap_check_success", "gauge", m->checked,
		"Whether kernel, state and configuration could be compared.");
	if (!m->checked)
		return;
	nm_prometheus_begin(out, "natmap_differences", "gauge", "Differences that natmap check finds.");
	for (const char *const *kind = nm_check_kinds; *kind; kind++)
		print_kind(&m->differences, *kind, out);
}

static void print_host(const struct nm_metrics *m, FILE *out)
{
	if (m->reloaded) {
		print_one(out, "natmap_last_reload_success", "gauge", m->reload_done,
			"Whether the last natmap reload since the boot succeeded.");
		print_one(out, "natmap_last_reload_timestamp_seconds", "gauge", (double)m->reload_at,
			"When that was.");
	}
	print_one(out, "natmap_lock_waits_total", "counter", (double)m->waits.n,
		"Hooks and commands that had to wait for the lock of the state.");
	print_one(out, "natmap_lock_wait_seconds_total", "counter", (double)m->waits.us / 1e6,
		"How long they waited.");
	print_one(out, "natmap_lock_timeouts_total", "counter", (double)m->waits.timeouts,
		"Those that gave up, and changed nothing.");
}

int nm_cmd_metrics(const struct nm_invocation *inv, struct nm_err *err)
{
	NM_CLEANUP(nm_metrics_done) struct nm_metrics m = {.checked = false};
	nm_autoconfig struct nm_config config = {0};
	bool with_config;
	struct nm_err why;

	if (nm_cmd_no_more_than(inv, 0, err) < 0 || nm_sandbox_enter(true, err) < 0)
		return -1;
	with_config = nm_config_file_load(&config, inv->config_path, &why) == 0 &&
		nm_config_require_statics(&config, &why) == 0;
	if (!with_config)
		nm_log_notice("%s, ignored: published ports do not need it", why.msg);
	if (nm_metrics_read(&config, with_config, inv->state_dir, &m, err) < 0)
		return -1;
	print_version(inv->out);
	print_containers(&m.list, inv->out);
	print_networks(&m.list.records, inv->out);
	print_ports(&m, inv->out);
	print_connections(&m, inv->out);
	print_owners(&m.list.records, inv->out);
	print_statics(&config.statics, m.list.statics, inv->out);
	print_differences(&m, inv->out);
	print_host(&m, inv->out);
	return 0;
}
