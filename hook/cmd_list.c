/* natmap list: prints published ports, static rules and their counters. */
#include <inttypes.h>
#include <string.h>

#include "admin/list.h"
#include "base/log.h"
#include "host/sandbox.h"
#include "input/config_file.h"
#include "input/json.h"
#include "cmd.h"
#include "state/record_json.h"

static const char *const state_names[] = {
	[NM_LIST_RUNNING] = "running",
	[NM_LIST_GONE] = "gone",
	[NM_LIST_UNKNOWN] = "unknown",
};

/* packets and bytes are what the rules have counted: those of first packets. */
static void write_counters(struct nm_json_writer *w, const struct nm_counters *c)
{
	nm_json_write_integer(w, "connections", (int64_t)c->packets);
	nm_json_write_integer(w, "packets", (int64_t)c->packets);
	nm_json_write_integer(w, "bytes", (int64_t)c->bytes);
}

static void write_containers(struct nm_json_writer *w, const struct nm_list *p)
{
	const struct nm_counters *c = p->mappings;
	char text[NM_MAPPING_STRLEN];

	nm_json_write_begin(w, "containers", NM_JSON_ARRAY);
	for (size_t i = 0; i < p->records.n; i++) {
		const struct nm_record *r = &p->records.v[i];

		nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
		nm_record_json_write(r, w);
		nm_json_write_member(w, "state", state_names[p->states[i]]);
		nm_json_write_begin(w, "mappings", NM_JSON_ARRAY);
		for (size_t j = 0; j < r->mappings.n; j++, c++) {
			nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
			nm_json_write_member(w, "ports", nm_mapping_print(&r->mappings.v[j], text));
			write_counters(w, c);
			nm_json_write_end(w, NM_JSON_OBJECT);
		}
		nm_json_write_end(w, NM_JSON_ARRAY);
		nm_json_write_end(w, NM_JSON_OBJECT);
	}
	nm_json_write_end(w, NM_JSON_ARRAY);
}

static void write_statics(
	struct nm_json_writer *w, const struct nm_static_nats *statics, const struct nm_counters *counters)
{
	char text[NM_STATIC_STRLEN];

	nm_json_write_begin(w, "static", NM_JSON_ARRAY);
	for (size_t i = 0; i < statics->n; i++) {
		nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
		nm_json_write_member(w, "kind", nm_static_nat_kind_name(statics->v[i].kind));
		nm_json_write_member(w, "name", statics->v[i].name);
		nm_json_write_member(w, "rule", nm_static_nat_print(&statics->v[i], text));
		write_counters(w, &counters[i]);
		nm_json_write_end(w, NM_JSON_OBJECT);
	}
	nm_json_write_end(w, NM_JSON_ARRAY);
}

static int print_json(const struct nm_invocation *inv, const struct nm_list *p,
	const struct nm_static_nats *statics, struct nm_err *err)
{
	nm_autojsonwriter struct nm_json_writer *w = nm_json_writer_new();

	nm_json_write_begin(w, NULL, NM_JSON_OBJECT);
	write_containers(w, p);
	write_statics(w, statics, p->statics);
	nm_json_write_end(w, NM_JSON_OBJECT);
	return nm_cmd_print_json(inv, w, err);
}

static int max(int a, size_t b)
{
	return (size_t)a > b ? a : (int)b;
}

/* The widths of the columns: as wide as their widest entries; the last one is not padded. */
struct widths {
	int id, ports;
};

static struct widths find_widths(const struct nm_records *records)
{
	struct widths w = {(int)strlen("CONTAINER"), (int)strlen("PORTS")};
	char ports[NM_MAPPING_STRLEN];

	for (const struct nm_record *r = records->v; r < records->v + records->n; r++) {
		w.id = max(w.id, strlen(r->id));
		for (size_t j = 0; j < r->mappings.n; j++)
			w.ports = max(w.ports, strlen(nm_mapping_print(&r->mappings.v[j], ports)));
	}
	return w;
}

/* Those of these families, and the bridge that natmap has put it on. */
static void print_addresses(const struct nm_record *r, unsigned families, FILE *out)
{
	char address[NM_ADDR_STRLEN];

	nm_each_family(f, r->families & families)
		fprintf(out, " %s", nm_addr_print(&r->address[f].addr, address));
	if (!(r->families & families))
		fputs(" -", out);
	if (r->network.bridge[0])
		fprintf(out, " on %s", r->network.bridge);
	fputc('\n', out);
}

/* Without ports it has one row. */
static void print_container(const struct nm_record *r, const char *state, const struct nm_counters *c,
	const struct widths *w, FILE *out)
{
	char ports[NM_MAPPING_STRLEN];

	for (size_t j = 0; j < r->mappings.n; j++) {
		const struct nm_mapping *m = &r->mappings.v[j];

		fprintf(out, "%-*s  %-*s  %-7s  %11" PRIu64 " ", w->id, r->id, w->ports,
			nm_mapping_print(m, ports), state, c[j].packets);
		print_addresses(r, m->families, out);
	}
	if (r->mappings.n)
		return;
	fprintf(out, "%-*s  %-*s  %-7s  %11s ", w->id, r->id, w->ports, "-", state, "-");
	print_addresses(r, NM_BOTH_FAMILIES, out);
}

static void print_containers(const struct nm_list *p, FILE *out)
{
	const struct widths w = find_widths(&p->records);
	const struct nm_counters *c = p->mappings;

	if (p->records.n)
		fprintf(out, "%-*s  %-*s  %-7s  %11s  %s\n", w.id, "CONTAINER", w.ports, "PORTS", "STATE",
			"CONNECTIONS", "ADDRESS");
	for (size_t i = 0; i < p->records.n; i++) {
		print_container(&p->records.v[i], state_names[p->states[i]], c, &w, out);
		c += p->records.v[i].mappings.n;
	}
}

static void print_statics(const struct nm_static_nats *statics, const struct nm_counters *counters, FILE *out)
{
	char text[NM_STATIC_STRLEN];
	int width = (int)strlen("NAME");

	for (size_t i = 0; i < statics->n; i++)
		width = max(width, strlen(statics->v[i].name));
	if (statics->n)
		fprintf(out, "%-7s  %-*s  %11s  %s\n", "STATIC", width, "NAME", "CONNECTIONS", "RULE");
	for (size_t i = 0; i < statics->n; i++)
		fprintf(out, "%-7s  %-*s  %11" PRIu64 "  %s\n", nm_static_nat_kind_name(statics->v[i].kind),
			width, statics->v[i].name, counters[i].packets,
			nm_static_nat_print(&statics->v[i], text));
}

static int parse_options(
	const struct nm_invocation *inv, bool *ret_json, const char **ret_id, struct nm_err *err)
{
	for (int i = 0; i < inv->argc; i++) {
		if (!strcmp(inv->argv[i], "--json"))
			*ret_json = true;
		else if (inv->argv[i][0] == '-' || *ret_id)
			return nm_cmd_unexpected(inv->argv[i], err);
		else
			*ret_id = inv->argv[i];
	}
	return 0;
}

/* Published ports do not need the configuration. Without it, no static rule is listed. */
static void load_config(const struct nm_invocation *inv, bool with_statics, struct nm_config *c)
{
	struct nm_err err;

	if (nm_config_file_load(c, inv->config_path, &err) < 0)
		nm_log_notice("%s, ignored: published ports do not need it", err.msg);
	if (!with_statics)
		nm_static_nats_done(&c->statics);
}

int nm_cmd_list(const struct nm_invocation *inv, struct nm_err *err)
{
	NM_CLEANUP(nm_list_done) struct nm_list p = {0};
	nm_autoconfig struct nm_config config = {0};
	const char *id = NULL;
	bool json = false;

	if (parse_options(inv, &json, &id, err) < 0 || nm_sandbox_enter(false, err) < 0)
		return -1;
	load_config(inv, !id, &config);
	if (nm_list_read(&config, inv->state_dir, id, &p, err) < 0)
		return -1;
	if (json)
		return print_json(inv, &p, &config.statics, err);
	print_containers(&p, inv->out);
	print_statics(&config.statics, p.statics, inv->out);
	return 0;
}
