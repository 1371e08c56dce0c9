/*
 * A run reads the options, runs one command, prints its output or one line of error, and exits. Only this
 * file and base/log.c print, and only this file exits. Commands return their output as text, so that nothing
 * is written while they hold the lock. The log is sent last. The exit does not wait for the kernel
 * (host/detach.c).
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "host/detach.h"
#include "host/sandbox.h"
#include "state/state.h"
#include "cmd.h"

#define USAGE "usage: natmap [--config FILE] [--state-dir DIR] [-v] "

enum { SYNOPSIS_WIDTH = 28 };

static nm_cmd_run run_version, run_help;

static const struct command {
	const char *name, *synopsis, *summary;
	nm_cmd_run *run;
	bool prints_nothing; /* needs no stream for that, whose making costs a hook a hundredth of its time */
} commands[] = {
	{"hook", "hook [STAGE]", "publish or withdraw the ports of the container whose OCI state is on stdin",
		nm_cmd_hook, .prints_nothing = true},
	{"plan", "plan [--format iptables|nft]", "print the rules that hook would add, and change nothing",
		nm_cmd_plan},
	{"list", "list [--json] [ID]", "show what is published, and how much it has been used", nm_cmd_list},
	{"add", "add [--pid PID | --address ADDRESS] [--interface NAME] ID SPEC...",
		"publish ports of a running container", nm_cmd_add},
	{"remove", "remove ID [SPEC...]", "withdraw ports of a running container, or all of them",
		nm_cmd_remove},
	{"reload", "reload [--force]",
		"bring back what belongs to live containers and the configuration, and nothing else",
		nm_cmd_reload},
	{"flush", "flush [--force]", "remove all that natmap has made", nm_cmd_flush},
	{"check", "check [--json]", "compare kernel, state and configuration, and change nothing",
		nm_cmd_check},
	{"gc", "gc [--id ID]", "withdraw containers that are gone, or one that cannot be judged", nm_cmd_gc},
	{"doctor", "doctor", "tell what on this host would stop published ports from working", nm_cmd_doctor},
	{"metrics", "metrics", "print what Prometheus reads, for node_exporter's textfile collector",
		nm_cmd_metrics},
	{"version", "version", "print the version", run_version},
	{"help", "help [COMMAND]", "print this help", run_help},
	{0},
};

/* NULL with *err: there is none. */
static const struct command *find_command(const char *name, struct nm_err *err)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	nm_fail(err, NM_ERR_CONFIG, "unknown command '%s': see natmap help", name);
	return NULL;
}

static int run_version(const struct nm_invocation *inv, struct nm_err *err)
{
	if (nm_cmd_no_more_than(inv, 0, err) < 0)
		return -1;
	fprintf(inv->out, "natmap %s\n", NM_VERSION);
	return 0;
}

/* A synopsis that is too long for its column has a line of its own. */
static void print_summary(const struct command *c, FILE *out)
{
	if (strlen(c->synopsis) > SYNOPSIS_WIDTH)
		fprintf(out, "  %s\n  %-*s  %s\n", c->synopsis, SYNOPSIS_WIDTH, "", c->summary);
	else
		fprintf(out, "  %-*s  %s\n", SYNOPSIS_WIDTH, c->synopsis, c->summary);
}

static int run_help(const struct nm_invocation *inv, struct nm_err *err)
{
	const struct command *only = inv->argc == 1 ? find_command(inv->argv[0], err) : NULL;

	if (nm_cmd_no_more_than(inv, 1, err) < 0 || (inv->argc == 1 && !only))
		return -1;
	if (only) {
		fprintf(inv->out, USAGE "%s\n\n%s\n", only->synopsis, only->summary);
		return 0;
	}
	fputs(USAGE "COMMAND\n\n", inv->out);
	for (const struct command *c = commands; c->name; c++)
		print_summary(c, inv->out);
	fputs("\nnatmap(8) tells more.\n", inv->out);
	return 0;
}

static int exit_status(enum nm_err_kind kind)
{
	static const int status[] = {
		[NM_ERR_NONE] = NM_EXIT_FAILED,
		[NM_ERR_FAILED] = NM_EXIT_FAILED,
		[NM_ERR_CONFIG] = NM_EXIT_USAGE,
		[NM_ERR_DIFFERS] = NM_EXIT_DIFFERS,
		[NM_ERR_TAKEN] = NM_EXIT_TAKEN,
		[NM_ERR_REFUSED] = NM_EXIT_REFUSED,
		[NM_ERR_INTERRUPTED] = NM_EXIT_FAILED,
		[NM_ERR_MISSING] = NM_EXIT_FAILED,
		[NM_ERR_UNCERTAIN] = NM_EXIT_FAILED,
	};

	return status[kind];
}

static int parse_options(int argc, char **argv, struct nm_invocation *inv, struct nm_err *err)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"state-dir", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	static char *help[] = {"help", NULL}, *version[] = {"version", NULL};
	int c;

	inv->argc = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:v", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			inv->config_path = optarg;
			break;
		case 's':
			inv->state_dir = optarg;
			break;
		case 'v':
			nm_log_set_verbose(true);
			break;
		case 'h':
		case 'V':
			inv->argv = c == 'h' ? help : version;
			inv->argc = 1;
			return 0;
		case ':':
			return nm_fail(err, NM_ERR_CONFIG, "option '%s' needs a value", argv[optind - 1]);
		default:
			return nm_cmd_unexpected(argv[optind - 1], err);
		}
	}
	inv->argv = argv + optind;
	inv->argc = argc - optind;
	return 0;
}

static int run_printing(const struct command *command, struct nm_invocation *inv, struct nm_err *err)
{
	nm_autofree char *text = NULL;
	size_t len = 0;
	int rc;

	inv->out = open_memstream(&text, &len);
	if (!inv->out)
		return nm_fail_errno(err, errno, "preparing the output");
	rc = command->run(inv, err);
	if (fclose(inv->out) != 0 && rc == 0)
		rc = nm_fail_errno(err, errno, "preparing the output");
	if (len > 0 && nm_io_write_all(STDOUT_FILENO, text, len) < 0 && rc == 0)
		rc = nm_fail_errno(err, errno, "writing to standard output");
	return rc;
}

static int run(int argc, char **argv, struct nm_err *err)
{
	struct nm_invocation inv = {.state_dir = NM_STATE_DIR};
	const struct command *command;

	if (parse_options(argc, argv, &inv, err) < 0)
		return -1;
	if (inv.argc == 0)
		return nm_fail(err, NM_ERR_CONFIG, "no command given: see natmap help");
	command = find_command(inv.argv[0], err);
	if (!command)
		return -1;
	inv.argc--;
	inv.argv++;
	return command->prints_nothing ? command->run(&inv, err) : run_printing(command, &inv, err);
}

int main(int argc, char **argv)
{
	struct nm_err err = {0};
	int status = NM_EXIT_OK;

	nm_sandbox_reset_signals();
	(void)umask(077); /* a runtime's own may take from a new state directory what natmap needs of it */
	if (run(argc, argv, &err) < 0) {
		if (err.kind != NM_ERR_DIFFERS) /* the differences have been printed */
			nm_log_error(&err);
		status = exit_status(err.kind);
	}
	nm_log_flush();
	nm_detach_exit(status);
}
