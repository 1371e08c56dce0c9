/* The commands: one file each, one row each in the table of main.c. */
#ifndef NM_CMD_H
#define NM_CMD_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

/* natmap(8), EXIT STATUS */
enum nm_exit {
	NM_EXIT_OK = 0,
	NM_EXIT_FAILED = 1,
	NM_EXIT_USAGE = 2, /* also for the configuration */
	NM_EXIT_DIFFERS = 3,
	NM_EXIT_TAKEN = 4,
	NM_EXIT_REFUSED = 5,
};

struct nm_invocation {
	const char *config_path; /* NULL: the default, which may be missing */
	const char *state_dir;
	int argc; /* arguments after the command's name */
	char **argv;
	FILE *out; /* of the result; main prints it when the lock has been released, also after a failure;
		      NULL: hook's */
};

/* 0, or -1 with *err. */
typedef int nm_cmd_run(const struct nm_invocation *inv, struct nm_err *err);
nm_cmd_run nm_cmd_hook, nm_cmd_plan, nm_cmd_list, nm_cmd_add, nm_cmd_remove;
nm_cmd_run nm_cmd_reload, nm_cmd_flush, nm_cmd_check, nm_cmd_gc, nm_cmd_doctor, nm_cmd_metrics;

/* Fails: the command does not take this argument. Returns -1. */
int nm_cmd_unexpected(const char *argument, struct nm_err *err);

/* Refuses an invalid container id. */
int nm_cmd_check_id(const char *id, struct nm_err *err) NM_MUST_USE;

/* Refuses more than max arguments. */
int nm_cmd_no_more_than(const struct nm_invocation *inv, int max, struct nm_err *err) NM_MUST_USE;

/* Accepts the option, or no argument at all. *ret says whether it is given. */
int nm_cmd_flag(
	const struct nm_invocation *inv, const char *option, bool *ret, struct nm_err *err) NM_MUST_USE;

/* Accepts the option with its value, or no argument at all; *ret is borrowed. */
int nm_cmd_value(const struct nm_invocation *inv, const char *option, const char **ret,
	struct nm_err *err) NM_MUST_USE;

/* Joins the arguments from number `first` on by commas. 0 with *ret owned by the caller, or -1 with *err. */
int nm_cmd_join(const struct nm_invocation *inv, int first, char **ret, struct nm_err *err) NM_MUST_USE;

/* Prints what w has written as the result, in one line. */
struct nm_json_writer;
int nm_cmd_print_json(
	const struct nm_invocation *inv, struct nm_json_writer *w, struct nm_err *err) NM_MUST_USE;

#endif
