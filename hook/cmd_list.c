/* natmap list: what the state file records. */
#include <string.h>

#include "cmd.h"
#include "json.h"
#include "state.h"

static int read_records(const char *state_dir, const char *id, struct nm_records *ret, struct nm_err *err)
{
	nm_autostate struct nm_state *state = NULL;
	struct nm_state_query query = {.all = !id, .id = id};

	if (nm_state_open(state_dir, NM_STATE_READ, NM_LOCK_TIMEOUT_MS, &state, err) < 0)
		return -1;
	if (state && nm_state_find(state, &query, ret, err) < 0)
		return -1;
	if (id)
		nm_records_keep_id(ret, id);
	return 0;
}

static int print_json(const struct nm_records *records, FILE *out, struct nm_err *err)
{
	nm_autojsonw struct nm_jsonw *w = nm_jsonw_new();
	const char *text;
	size_t len;

	nm_jsonw_object(w);
	nm_jsonw_string(w, "containers");
	nm_jsonw_array(w);
	for (size_t i = 0; i < records->n; i++) {
		nm_jsonw_object(w);
		nm_record_write(&records->v[i], w);
		nm_jsonw_object_end(w);
	}
	nm_jsonw_array_end(w);
	nm_jsonw_object_end(w);
	text = nm_jsonw_finish(w, &len, err);
	if (!text)
		return -1;
	fprintf(out, "%s\n", text);
	return 0;
}

/* One line per mapping: container, host side, container side. */
static void print_text(const struct nm_records *records, FILE *out)
{
	char mapping[NM_PORTSPEC_STRLEN], address[NM_ADDR_STRLEN];

	for (size_t i = 0; i < records->n; i++) {
		const struct nm_record *r = &records->v[i];

		for (size_t j = 0; j < r->mappings.n; j++)
			for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
				if (r->families & r->mappings.v[j].families & 1u << f)
					fprintf(out, "%s\t%s\t%s\n", r->id,
						nm_mapping_print(&r->mappings.v[j], mapping),
						nm_addr_print(&r->address[f].addr, address));
	}
}

static int parse_options(
	const struct nm_invocation *inv, bool *ret_json, const char **ret_id, struct nm_err *err)
{
	for (int i = 0; i < inv->argc; i++) {
		if (!strcmp(inv->argv[i], "--json"))
			*ret_json = true;
		else if (inv->argv[i][0] == '-')
			return nm_fail(err, NM_ERR_CONFIG, "option '%s' is unknown: see natmap help list",
				inv->argv[i]);
		else if (*ret_id)
			return nm_fail(err, NM_ERR_CONFIG,
				"argument '%s' is one too many: see natmap help list", inv->argv[i]);
		else
			*ret_id = inv->argv[i];
	}
	return 0;
}

int nm_cmd_list(const struct nm_invocation *inv, FILE *out, struct nm_err *err)
{
	struct nm_records records = {0};
	const char *id = NULL;
	bool json = false;
	int rc;

	if (parse_options(inv, &json, &id, err) < 0)
		return -1;
	rc = read_records(inv->state_dir, id, &records, err);
	if (rc == 0 && json)
		rc = print_json(&records, out, err);
	else if (rc == 0)
		print_text(&records, out);
	nm_records_done(&records);
	return rc;
}
