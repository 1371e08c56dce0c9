#include "oci_input.h"

#include <stdlib.h>

#include "input/config_file.h"
#include "input/scan.h"
#include "state/state.h"

static bool may_be_others(unsigned found, const char *config_path)
{
	return found & ~(1u << NM_SOURCE_NATMAP) && nm_config_file_may_have_sources(config_path);
}

bool nm_oci_input_may_be(const char *text, size_t len, const char *config_path)
{
	unsigned found = nm_sources_scan(text, len);

	return found & 1u << NM_SOURCE_NATMAP || may_be_others(found & ~NM_SOURCE_ADDRESS_BIT, config_path);
}

/* A state without a process cannot be published. */
void nm_oci_input_open(struct nm_oci_input *in, const char *config_path, const char *state_dir)
{
	pid_t pid = nm_scan_pid(in->text, in->len);

	if (nm_config_file_load(&in->config, config_path, &in->config_fault) < 0)
		in->may_be_others = may_be_others(nm_sources_scan(in->text, in->len), config_path);
	if (!pid)
		return;
	if (state_dir)
		(void)!nm_state_make_directory(state_dir, &in->directory_fault);
	nm_container_open(pid, nm_scan_has(in->text, in->len, NM_SOURCE_NATMAP_NETWORK), &in->container);
}

/* Returns 0 without a fault. */
static int fail_again(const struct nm_err *fault, struct nm_err *err)
{
	if (fault->kind == NM_ERR_NONE)
		return 0;
	*err = *fault;
	return -1;
}

int nm_oci_input_parse(const struct nm_oci_input *in, struct nm_oci_state *ret, struct nm_err *err)
{
	if ((in->may_be_others && fail_again(&in->config_fault, err) < 0) ||
		nm_oci_state_parse(in->text, in->len, NM_OCI_STATE_PUBLISH, &in->config.sources, ret, err) <
			0)
		return -1;
	if (!nm_oci_state_asks(ret))
		return 0;
	if (ret->pid != in->container.pid)
		return nm_fail(err, NM_ERR_REFUSED,
			"container state: pid: is %d, and was %d before it was parsed", (int)ret->pid,
			(int)in->container.pid);
	if (fail_again(&in->config_fault, err) < 0)
		return -1;
	if (ret->ports_from && in->container.is_home) {
		free(ret->ports);
		ret->ports = NULL;
	}
	return nm_oci_state_asks(ret) ? fail_again(&in->directory_fault, err) : 0;
}

int nm_oci_input_wrap(const struct nm_oci_state *st, struct nm_err *err)
{
	return st->ports_from ? nm_wrap(err, "by annotation '%s'", st->ports_from) : -1;
}

void nm_oci_input_done(struct nm_oci_input *in)
{
	nm_config_done(&in->config);
	nm_container_done(&in->container);
}
