/* natmap plan: the rules that hook would add, as text that iptables-restore and ip6tables-restore take with
 * --noflush, or nft with -f. */
#include <string.h>

#include "backend/backend.h"
#include "base/io.h"
#include "host/sandbox.h"
#include "network/addresses.h"
#include "publish/free_port.h"
#include "publish/request.h"
#include "oci_input.h"

static int parse_format(const struct nm_invocation *inv, const char **ret, struct nm_err *err)
{
	if (nm_cmd_value(inv, "--format", ret, err) < 0)
		return -1;
	if (!*ret || !strcmp(*ret, "iptables") || !strcmp(*ret, "nft"))
		return 0;
	return nm_fail(err, NM_ERR_CONFIG, "option '--format': '%s' is neither iptables nor nft", *ret);
}

static int print_rules(
	const struct nm_record *r, const struct nm_layout_options *options, FILE *out, struct nm_err *err)
{
	NM_CLEANUP(nm_desired_done) struct nm_desired desired = {0};
	const struct nm_backend_ops *ops = nm_backend_ops(r->backend);

	if (ops->layout_base(r->families, NULL, &desired, err) < 0 ||
		nm_desired_add_record(&desired, r, options, err) < 0)
		return -1;
	return ops->print(&desired, r->families, out, err);
}

/* As the format says, or the configuration (NULL). */
static int choose_backend(const char *format, enum nm_backend *backend, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink nl = {.fd = -1};

	if (format)
		*backend = strcmp(format, "nft") ? NM_BACKEND_IPTABLES : NM_BACKEND_NFTABLES;
	if (*backend != NM_BACKEND_AUTO)
		return 0;
	return nm_netlink_open(NETLINK_NETFILTER, &nl, err) < 0 ? -1
								: nm_backend_choose(&nl, NULL, backend, err);
}

/* Those that it gets from natmap, if nobody has them. */
static int choose_addresses(const struct nm_config *c, struct nm_record *r, struct nm_err *err)
{
	if (nm_addresses_allocate(NULL, r->id, &c->network, NULL, &r->network, err) < 0)
		return -1;
	nm_request_settle_network(r, 0, &c->layout);
	return 0;
}

static int plan(const struct nm_invocation *inv, const char *format, const struct nm_oci_state *st,
	struct nm_oci_input *in, struct nm_err *err)
{
	struct nm_config *config = &in->config;
	nm_autorecord struct nm_record r = {0};
	const struct nm_claim claim = {.new = &r};
	static const struct nm_port_set none;

	if (nm_request_make(st, config, NULL, &in->container, NULL, &r, err) < 0 ||
		(st->network && choose_addresses(config, &r, err) < 0) ||
		nm_free_port_choose(&claim, config, NULL, &none, err) < 0 ||
		choose_backend(format, &config->backend, err) < 0)
		return nm_oci_input_wrap(st, err);
	r.backend = config->backend;
	return print_rules(&r, &config->layout, inv->out, err);
}

static int parse_and_plan(
	const struct nm_invocation *inv, const char *format, struct nm_oci_input *in, struct nm_err *err)
{
	NM_CLEANUP(nm_oci_state_done) struct nm_oci_state st = {0};

	if (nm_oci_input_parse(in, &st, err) < 0 ||
		(nm_oci_state_asks(&st) && plan(inv, format, &st, in, err) < 0))
		return st.id ? nm_wrap(err, "container '%s'", st.id) : -1;
	return 0;
}

int nm_cmd_plan(const struct nm_invocation *inv, struct nm_err *err)
{
	NM_CLEANUP(nm_oci_input_done) struct nm_oci_input in = NM_OCI_INPUT;
	nm_autofree char *text = NULL;
	const char *format = NULL;

	if (parse_format(inv, &format, err) < 0 ||
		nm_io_read_all(STDIN_FILENO, NM_OCI_STATE_MAX, "the container state", &text, &in.len, err) <
			0 ||
		nm_sandbox_enter(true, err) < 0)
		return -1;
	in.text = text;
	nm_oci_input_open(&in, inv->config_path, NULL);
	return nm_sandbox_close(NULL, err) < 0 ? -1 : parse_and_plan(inv, format, &in, err);
}
