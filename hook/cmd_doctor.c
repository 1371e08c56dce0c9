/* natmap doctor: prints what on this host stops published ports from working, and the command against it. */
#include <fcntl.h>
#include <string.h>

#include "admin/doctor.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "host/sandbox.h"
#include "input/config.h"
#include "publish/change.h"
#include "state/search.h"
#include "cmd.h"

enum { FIREWALLD_CONF_SIZE = 64 * 1024, LINE_SIZE = 8192 };

struct report {
	FILE *out;
	size_t n;
};

static void print_finding(void *ctx, const char *finding, const char *command)
{
	struct report *report = ctx;
	char line[LINE_SIZE];

	report->n++;
	fprintf(report->out, "%s\n", nm_log_escape(finding, line, sizeof(line)));
	if (command)
		fprintf(report->out, "    run: %s\n", nm_log_escape(command, line, sizeof(line)));
}

/* Reads the records. Needs no other file from then on. */
static int read_state(
	const struct nm_invocation *inv, struct nm_doctor *d, size_t *ret_damaged, struct nm_err *err)
{
	NM_CLEANUP(nm_change_done) struct nm_change change = NM_CHANGE_INIT;
	const struct nm_state_query all = {.all = true};

	if (nm_change_begin(&change, inv->state_dir, NM_STATE_READ, d->config->lock_timeout_ms, err) < 0)
		return -1;
	if (!change.state)
		return 0;
	if (nm_state_search(change.state, &all, d->records, err) < 0)
		return -1;
	d->can_judge = nm_state_same_pidns(change.state);
	*ret_damaged = nm_state_damaged(change.state);
	return 0;
}

static void examine_state(const struct nm_invocation *inv, struct nm_doctor *d, struct report *report)
{
	char finding[1024 + 128], command[NM_DOCTOR_WORD_SIZE + 64];
	size_t damaged = 0;
	struct nm_err err;

	if (read_state(inv, d, &damaged, &err) < 0) {
		(void)snprintf(finding, sizeof(finding), "cannot read the state file: %s", err.msg);
		print_finding(report, finding, NULL);
	} else if (damaged) {
		(void)snprintf(finding, sizeof(finding),
			"%zu lines of the state file are damaged: the ports of these containers cannot be "
			"withdrawn",
			damaged);
		(void)snprintf(command, sizeof(command), "%s reload --force", d->natmap);
		print_finding(report, finding, command);
	}
}

/* The command that calls this natmap, with its options. */
static void print_natmap(const struct nm_invocation *inv, char *buf, size_t size)
{
	char word[NM_DOCTOR_WORD_SIZE];
	struct nm_text t = {.buf = buf, .size = size};

	nm_text_put(&t, "natmap");
	if (inv->config_path)
		nm_text_put(&t, " --config %s", nm_doctor_word(inv->config_path, word));
	if (strcmp(inv->state_dir, NM_STATE_DIR) != 0)
		nm_text_put(&t, " --state-dir %s", nm_doctor_word(inv->state_dir, word));
}

static int examine(const struct nm_invocation *inv, const struct nm_config *config, struct report *report,
	struct nm_err *err)
{
	NM_CLEANUP(nm_records_done) struct nm_records records = {0};
	nm_autofree char *firewalld = calloc(1, FIREWALLD_CONF_SIZE);
	char natmap[2 * NM_DOCTOR_WORD_SIZE + 64];
	struct nm_doctor d = {
		.config = config, .records = &records, .firewalld_conf = firewalld, .natmap = natmap};

	if (!firewalld)
		return nm_fail_memory(err, "reading " NM_DOCTOR_FIREWALLD_CONF);
	if (nm_io_read_small(AT_FDCWD, NM_DOCTOR_FIREWALLD_CONF, firewalld, FIREWALLD_CONF_SIZE) < 0)
		firewalld[0] = '\0';
	print_natmap(inv, natmap, sizeof(natmap));
	examine_state(inv, &d, report);
	nm_doctor_examine(&d, print_finding, report);
	return 0;
}

int nm_cmd_doctor(const struct nm_invocation *inv, FILE *out, struct nm_err *err)
{
	nm_autoconfig struct nm_config config = {0};
	struct report report = {.out = out};

	if (nm_cmd_no_more_than(inv, 0, err) < 0 || nm_sandbox_enter(false, err) < 0 ||
		nm_config_load(&config, inv->config_path, err) < 0 || examine(inv, &config, &report, err) < 0)
		return -1;
	if (report.n == 0)
		return 0;
	return nm_fail(err, NM_ERR_FAILED, "%zu %s on this host %s published ports from working", report.n,
		report.n == 1 ? "thing" : "things", report.n == 1 ? "stops" : "stop");
}
