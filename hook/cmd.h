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
	int argc; /* arguments behind the command's name */
	char **argv;
};

struct nm_cmd {
	const char *name, *synopsis, *summary;
	/* Writes its result to out, which main prints once the lock is released, whether or not it fails. 0,
	 * or -1 with *err. */
	int (*run)(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
};

/* Ends with a row whose name is NULL. */
extern const struct nm_cmd nm_commands[];

int nm_cmd_hook(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_plan(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_list(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_add(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_remove(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_reload(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_flush(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_check(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_gc(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_doctor(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_version(const struct nm_invocation *inv, FILE *out, struct nm_err *err);
int nm_cmd_help(const struct nm_invocation *inv, FILE *out, struct nm_err *err);

/* Finds the row of that name, or fails. */
int nm_cmd_find(const char *name, const struct nm_cmd **ret, struct nm_err *err) NM_MUST_USE;

/* Refuses arguments that the command does not take: any behind the first max. */
int nm_cmd_no_more_than(const struct nm_invocation *inv, int max, struct nm_err *err) NM_MUST_USE;

/* The option alone, or nothing; anything else is refused. *ret is set when it is given. */
int nm_cmd_flag(
	const struct nm_invocation *inv, const char *option, bool *ret, struct nm_err *err) NM_MUST_USE;

/* The option with its value, or nothing; *ret is borrowed. */
int nm_cmd_value(const struct nm_invocation *inv, const char *option, const char **ret,
	struct nm_err *err) NM_MUST_USE;

/* Joins the arguments from number first on by commas. 0 with *ret owned by the caller, or -1 with *err. */
int nm_cmd_join(const struct nm_invocation *inv, int first, char **ret, struct nm_err *err) NM_MUST_USE;

#endif
