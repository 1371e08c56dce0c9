/* Reads the arguments of commands, and prints their results as JSON. */
#include <string.h>

#include "input/json.h"
#include "input/oci_state.h"
#include "cmd.h"

int nm_cmd_unexpected(const char *argument, struct nm_err *err)
{
	return nm_fail(err, NM_ERR_CONFIG, "%s '%s': see natmap help",
		argument[0] == '-' ? "unknown option" : "unexpected argument", argument);
}

int nm_cmd_no_more_than(const struct nm_invocation *inv, int max, struct nm_err *err)
{
	if (inv->argc > max)
		return nm_cmd_unexpected(inv->argv[max], err);
	return 0;
}

int nm_cmd_flag(const struct nm_invocation *inv, const char *option, bool *ret, struct nm_err *err)
{
	*ret = inv->argc > 0 && !strcmp(inv->argv[0], option);
	return nm_cmd_no_more_than(inv, *ret, err);
}

int nm_cmd_value(const struct nm_invocation *inv, const char *option, const char **ret, struct nm_err *err)
{
	if (inv->argc == 0)
		return 0;
	if (strcmp(inv->argv[0], option) != 0)
		return nm_cmd_unexpected(inv->argv[0], err);
	if (inv->argc == 1)
		return nm_fail(err, NM_ERR_CONFIG, "option '%s' needs a value", option);
	*ret = inv->argv[1];
	return nm_cmd_no_more_than(inv, 2, err);
}

int nm_cmd_check_id(const char *id, struct nm_err *err)
{
	const char *fault = nm_oci_state_id_invalid(id);

	return fault ? nm_fail(err, NM_ERR_CONFIG, "container id '%s' %s", id, fault) : 0;
}

int nm_cmd_join(const struct nm_invocation *inv, int first, char **ret, struct nm_err *err)
{
	nm_autofree char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (int i = first; f && i < inv->argc; i++)
		fprintf(f, "%s%s", ftell(f) > 0 ? "," : "", inv->argv[i]);
	if (!f || fclose(f) != 0)
		return nm_fail_memory(err, "reading the arguments");
	*ret = nm_steal(&text);
	return 0;
}

int nm_cmd_print_json(const struct nm_invocation *inv, struct nm_json_writer *w, struct nm_err *err)
{
	size_t len;
	const char *text = nm_json_writer_finish(w, &len, err);

	if (!text)
		return -1;
	fprintf(inv->out, "%s\n", text);
	return 0;
}
