/* natmap add: publishes further ports of a running container. */
#include <string.h>

#include "admin/add_remove.h"
#include "base/addr.h"
#include "base/text.h"
#include "host/sandbox.h"
#include "input/oci_state.h"
#include "publish/request.h"
#include "cmd.h"

enum { ADDRESSES_STRLEN = NM_FAMILY_MAX * NM_PREFIX_STRLEN };

/* The container as a hook would describe it; strings are borrowed. */
static int parse_arguments(
	const struct nm_invocation *inv, struct nm_oci_state *st, int *ret_specs, struct nm_err *err)
{
	uint64_t pid = 0;
	int i = 0;

	for (; i < inv->argc && inv->argv[i][0] == '-'; i += 2) {
		bool is_pid = !strcmp(inv->argv[i], "--pid");
		char *value = inv->argv[i + 1]; /* argv ends with NULL */

		if (!is_pid && strcmp(inv->argv[i], "--address") != 0)
			return nm_cmd_unexpected(inv->argv[i], err);
		if (!value)
			return nm_fail(err, NM_ERR_CONFIG, "option '%s' needs a value", inv->argv[i]);
		if (pid || st->address)
			return nm_fail(err, NM_ERR_CONFIG,
				"option '%s': give one of --pid and --address, once", inv->argv[i]);
		if (!is_pid)
			st->address = value;
		else if (nm_text_number(value, strlen(value), INT32_MAX, &pid) < 0 || pid == 0)
			return nm_fail(err, NM_ERR_CONFIG, "option '--pid': '%s' is not a process id", value);
	}
	st->pid = (pid_t)pid;
	if (inv->argc - i < 2)
		return nm_fail(err, NM_ERR_CONFIG, "%s missing: see natmap help add",
			inv->argc == i ? "container id" : "ports");
	st->id = inv->argv[i];
	*ret_specs = i + 1;
	return nm_cmd_check_id(st->id, err);
}

static char *print_addresses(const struct nm_record *r, char buf[static ADDRESSES_STRLEN])
{
	struct nm_text t = {.buf = buf, .size = ADDRESSES_STRLEN};
	char text[NM_PREFIX_STRLEN];

	nm_each_family(f, r->families)
		nm_text_put(&t, "%s%s", t.used ? "," : "", nm_prefix_print(&r->address[f], text));
	return buf;
}

/* Takes process or address from the record when the command line has none. */
static int find_container(const struct nm_invocation *inv, struct nm_oci_state *st,
	char addresses[static ADDRESSES_STRLEN], struct nm_record *known, struct nm_err *err)
{
	if (st->pid || st->address)
		return 0;
	if (nm_add_remove_look_up(inv->state_dir, st->id, known, err) < 0)
		return -1;
	if (!known->id)
		return nm_fail(
			err, NM_ERR_FAILED, "nothing is published for it yet: give --pid, or --address");
	st->pid = known->pid;
	if (!known->pid) /* it was added by address */
		st->address = print_addresses(known, addresses);
	return 0;
}

static int add(const struct nm_invocation *inv, struct nm_oci_state *st,
	char addresses[static ADDRESSES_STRLEN], struct nm_config *c, struct nm_err *err)
{
	NM_CLEANUP(nm_record_done) struct nm_record known = {0}, r = {0};

	if (find_container(inv, st, addresses, &known, err) < 0 || nm_request_make(st, c, &r, err) < 0)
		return -1;
	if (known.pid && known.start != r.start)
		return nm_fail(err, NM_ERR_FAILED, "its process %d is gone", (int)known.pid);
	return nm_add_remove_add(&r, c, inv->state_dir, err);
}

int nm_cmd_add(const struct nm_invocation *inv, struct nm_err *err)
{
	nm_autofree char *specs = NULL;
	char addresses[ADDRESSES_STRLEN];
	struct nm_oci_state st = {0}; /* borrows all of it, perhaps from these */
	nm_autoconfig struct nm_config config = {0};
	int first = 0;

	if (parse_arguments(inv, &st, &first, err) < 0 || nm_cmd_join(inv, first, &specs, err) < 0 ||
		nm_sandbox_enter(true, err) < 0 || nm_config_load(&config, inv->config_path, err) < 0)
		return -1;
	st.ports = specs;
	return add(inv, &st, addresses, &config, err) < 0 ? nm_wrap(err, "container '%s'", st.id) : 0;
}
