/* natmap help and natmap version, from the table of commands. */
#include "cmd.h"

int nm_cmd_version(const struct nm_invocation *inv, FILE *out, struct nm_err *err)
{
	if (nm_cmd_no_more_than(inv, 0, err) < 0)
		return -1;
	fprintf(out, "natmap %s\n", NM_VERSION);
	return 0;
}

int nm_cmd_help(const struct nm_invocation *inv, FILE *out, struct nm_err *err)
{
	const struct nm_cmd *only = NULL;

	if (nm_cmd_no_more_than(inv, 1, err) < 0 ||
		(inv->argc == 1 && nm_cmd_find(inv->argv[0], &only, err) < 0))
		return -1;
	if (only) {
		fprintf(out, "usage: natmap [--config FILE] [--state-dir DIR] [-v] %s\n\n%s\n",
			only->synopsis, only->summary);
		return 0;
	}
	fputs("usage: natmap [--config FILE] [--state-dir DIR] [-v] COMMAND\n\n", out);
	for (const struct nm_cmd *cmd = nm_commands; cmd->name; cmd++)
		fprintf(out, "  %-26s %s\n", cmd->synopsis, cmd->summary);
	fputs("\nnatmap(8) tells more.\n", out);
	return 0;
}
