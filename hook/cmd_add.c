/* natmap add: publishes further ports of a running container. */
#include <string.h>

#include "admin/add_remove.h"
#include "base/addr.h"
#include "base/text.h"
#include "host/sandbox.h"
#include "input/config_file.h"
#include "input/oci_state.h"
#include "publish/request.h"
#include "state/state.h"
#include "cmd.h"

enum { ADDRESSES_STRLEN = NM_FAMILY_MAX * NM_PREFIX_STRLEN };

/* Where the value of the option goes; NULL: there is no such option. */
static char **find_option(struct nm_oci_state *st, char **pid, const char *option)
{
	if (!strcmp(option, "--interface"))
		return &st->interface;
	return !strcmp(option, "--address") ? &st->address : !strcmp(option, "--pid") ? pid : NULL;
}

static int parse_option(char *const *argv, struct nm_oci_state *st, char **pid, struct nm_err *err)
{
	char **value = find_option(st, pid, argv[0]);

	if (!value)
		return nm_cmd_unexpected(argv[0], err);
	if (!argv[1]) /* argv ends with NULL */
		return nm_fail(err, NM_ERR_CONFIG, "option '%s' needs a value", argv[0]);
	if (*value || (st->address && (value == pid || value == &st->interface)) ||
		(value == &st->address && (*pid || st->interface)))
		return nm_fail(err, NM_ERR_CONFIG,
			"option '%s': give --address, or --pid and --interface, each once", argv[0]);
	*value = argv[1];
	return 0;
}

/* The container as a hook would describe it; strings are borrowed. */
static int parse_arguments(
	const struct nm_invocation *inv, struct nm_oci_state *st, int *ret_specs, struct nm_err *err)
{
	char *pid_text = NULL;
	uint64_t pid = 0;
	int i = 0;

	for (; i < inv->argc && inv->argv[i][0] == '-'; i += 2)
		if (parse_option(&inv->argv[i], st, &pid_text, err) < 0)
			return -1;
	if (pid_text && (nm_text_number(pid_text, strlen(pid_text), INT32_MAX, &pid) < 0 || pid == 0))
		return nm_fail(err, NM_ERR_CONFIG, "option '--pid': '%s' is not a process id", pid_text);
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
static int find_container(struct nm_oci_state *st, char addresses[static ADDRESSES_STRLEN],
	const struct nm_record *known, struct nm_err *err)
{
	if (st->pid || st->address)
		return 0;
	if (!known->id)
		return nm_fail(
			err, NM_ERR_FAILED, "nothing is published for it yet: give --pid, or --address");
	st->pid = known->pid;
	if (known->pid)
		return 0;
	if (st->interface)
		return nm_fail(
			err, NM_ERR_FAILED, "it is known by its address alone: --interface needs --pid");
	st->address = print_addresses(known, addresses);
	return 0;
}

static int add(const struct nm_invocation *inv, struct nm_oci_state *st,
	char addresses[static ADDRESSES_STRLEN], struct nm_config *c, struct nm_err *err)
{
	NM_CLEANUP(nm_record_done) struct nm_record known = {0}, r = {0};
	NM_CLEANUP(nm_container_done) struct nm_container container = NM_CONTAINER_INIT;
	bool is_given = st->pid || st->address;

	if (nm_add_remove_look_up(c, inv->state_dir, st->id, &known, err) < 0 ||
		find_container(st, addresses, &known, err) < 0)
		return -1;
	if (st->pid)
		nm_container_open(st->pid, false, &container);
	if (nm_state_make_directory(inv->state_dir, err) < 0 || nm_sandbox_close(inv->state_dir, err) < 0 ||
		nm_request_make(st, c, known.id ? &known : NULL, &container, NULL, &r, err) < 0)
		return -1;
	if (!is_given && known.pid && known.start != r.start)
		return nm_fail(err, NM_ERR_FAILED, "its process %d is gone", (int)known.pid);
	return nm_add_remove_add(&r, &known, c, inv->state_dir, err);
}

int nm_cmd_add(const struct nm_invocation *inv, struct nm_err *err)
{
	nm_autofree char *specs = NULL;
	char addresses[ADDRESSES_STRLEN];
	struct nm_oci_state st = {0}; /* borrows all of it, perhaps from these */
	nm_autoconfig struct nm_config config = {0};
	int first = 0;

	if (parse_arguments(inv, &st, &first, err) < 0 || nm_cmd_join(inv, first, &specs, err) < 0 ||
		nm_sandbox_enter(true, err) < 0 || nm_config_file_load(&config, inv->config_path, err) < 0)
		return -1;
	st.ports = specs;
	return add(inv, &st, addresses, &config, err) < 0 ? nm_wrap(err, "container '%s'", st.id) : 0;
}
