/* natmap hook: called by OCI runtimes for each container. A container without natmap's annotations must
 * neither fail nor wait because of it. */
#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "host/process.h"
#include "host/sandbox.h"
#include "publish/publish.h"
#include "publish/request.h"
#include "publish/withdraw.h"
#include "oci_input.h"

enum stage { STAGE_PUBLISH, STAGE_WITHDRAW, STAGE_BY_STATUS };

static int parse_stage(const struct nm_invocation *inv, enum stage *ret, struct nm_err *err)
{
	static const struct {
		const char *name;
		enum stage stage;
	} stages[] = {
		{"prestart", STAGE_PUBLISH},
		{"createRuntime", STAGE_PUBLISH},
		{"poststart", STAGE_PUBLISH},
		{"poststop", STAGE_WITHDRAW},
	};

	*ret = STAGE_BY_STATUS;
	if (inv->argc == 0)
		return 0;
	if (nm_cmd_no_more_than(inv, 1, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(stages) / sizeof(*stages); i++)
		if (!strcmp(inv->argv[0], stages[i].name)) {
			*ret = stages[i].stage;
			return 0;
		}
	return nm_fail(err, NM_ERR_CONFIG,
		"unknown stage '%s': natmap runs in prestart, createRuntime, poststart and poststop",
		inv->argv[0]);
}

/* Without an annotation of ours, there may still be ports to withdraw that natmap add has published. */
static bool is_irrelevant(const struct nm_invocation *inv, const char *text, size_t len, enum stage stage)
{
	bool may_be_stopped = memmem(text, len, "stopped", strlen("stopped")) || memchr(text, '\\', len);

	if (stage == STAGE_WITHDRAW || (stage == STAGE_BY_STATUS && may_be_stopped))
		return false;
	return !nm_oci_input_may_be(text, len, inv->config_path);
}

/* Reads a state that is too long to its end, since the runtime writes all of it. */
static int refuse_excess(const struct nm_invocation *inv, int fd, char *buf, size_t len, struct nm_err *err)
{
	bool concerns_us = nm_oci_input_may_be(buf, len, inv->config_path);
	const size_t overlap = NM_SOURCE_OVERLAP;
	ssize_t n;

	memmove(buf, buf + len - overlap, overlap);
	while ((n = nm_io_read(fd, buf + overlap, len - overlap)) != 0) {
		if (n < 0)
			return nm_fail_errno(err, errno, "reading the container state");
		concerns_us |= nm_oci_input_may_be(buf, overlap + (size_t)n, inv->config_path);
		memmove(buf, buf + n, overlap);
	}
	return concerns_us ? nm_fail(err, NM_ERR_REFUSED, "reading the container state: more than %u bytes",
				     NM_OCI_STATE_MAX)
			   : 0;
}

static int publish_record(const struct nm_invocation *inv, const struct nm_oci_state *st,
	struct nm_oci_input *in, struct nm_err *err)
{
	NM_CLEANUP(nm_attach_target_done) struct nm_attach_target target = NM_ATTACH_TARGET;
	NM_CLEANUP(nm_record_done) struct nm_record record = {0};
	struct nm_config *config = &in->config;

	if (config->statics_err.kind != NM_ERR_NONE)
		nm_log_notice("%s, ignored: containers do not need static rules", config->statics_err.msg);
	if (nm_request_make(st, config, NULL, &in->container, &target, &record, err) < 0 ||
		nm_publish(&record, st->network ? &target : NULL, config, inv->state_dir, err) < 0)
		return nm_oci_input_wrap(st, err);
	return 0;
}

static int wrap_container(const struct nm_oci_state *st, struct nm_err *err)
{
	return st->id ? nm_wrap(err, "container '%s'", st->id) : -1;
}

static int publish(const struct nm_invocation *inv, struct nm_oci_input *in, struct nm_err *err)
{
	NM_CLEANUP(nm_oci_state_done) struct nm_oci_state st = {0};

	if (nm_oci_input_parse(in, &st, err) < 0 ||
		(nm_oci_state_asks(&st) && publish_record(inv, &st, in, err) < 0))
		return wrap_container(&st, err);
	return 0;
}

static int withdraw(const struct nm_invocation *inv, const char *text, size_t len, struct nm_err *err)
{
	NM_CLEANUP(nm_oci_state_done) struct nm_oci_state st = {0};

	if (nm_oci_state_parse(text, len, NM_OCI_STATE_WITHDRAW, NULL, &st, err) < 0)
		return -1;
	if (st.unpublishable || nm_withdraw(st.id, st.bundle, inv->state_dir, err) == 0)
		return 0;
	return wrap_container(&st, err);
}

/* Where the sandbox cannot be entered, natmap has published nothing. */
static int fail_sandbox(const struct nm_invocation *inv, const char *text, size_t len, struct nm_err *err)
{
	if (nm_oci_input_may_be(text, len, inv->config_path))
		return -1;
	nm_log_debug("%s, ignored: the container has no annotation of natmap's", err->msg);
	return 0;
}

/* For a hook that was not told its stage. A container that has ended has no process any more, but one that is
 * restored has. */
static bool has_ended(const char *text, size_t len)
{
	struct nm_err err;
	uint64_t start;
	bool is_alive;
	pid_t pid;

	if (!nm_oci_state_is_stopped(text, len, &pid))
		return false;
	return pid == 0 || nm_process_start(pid, &start, &is_alive, &err) < 0 || !is_alive;
}

/* The sandbox is closed before anything is parsed; what publishing needs from outside is opened before. */
static int run(
	const struct nm_invocation *inv, const char *text, size_t len, enum stage stage, struct nm_err *err)
{
	NM_CLEANUP(nm_oci_input_done) struct nm_oci_input in = NM_OCI_INPUT;

	in.text = text;
	in.len = len;
	if (nm_sandbox_enter(stage != STAGE_WITHDRAW, err) < 0)
		return fail_sandbox(inv, text, len, err);
	if (stage != STAGE_WITHDRAW)
		nm_oci_input_open(&in, inv->config_path, inv->state_dir);
	if (nm_sandbox_close(inv->state_dir, err) < 0)
		return stage == STAGE_WITHDRAW ? -1 : fail_sandbox(inv, text, len, err);
	if (stage == STAGE_WITHDRAW || (stage == STAGE_BY_STATUS && has_ended(text, len)))
		return withdraw(inv, text, len, err);
	return publish(inv, &in, err);
}

int nm_cmd_hook(const struct nm_invocation *inv, struct nm_err *err)
{
	nm_autofree char *text = NULL;
	enum stage stage;
	size_t len;

	if (parse_stage(inv, &stage, err) < 0 ||
		nm_io_read_upto(STDIN_FILENO, NM_OCI_STATE_MAX, "the container state", &text, &len, err) < 0)
		return -1;
	if (len == NM_OCI_STATE_MAX)
		return refuse_excess(inv, STDIN_FILENO, text, len, err);
	if (is_irrelevant(inv, text, len, stage))
		return 0;
	return run(inv, text, len, stage, err);
}
