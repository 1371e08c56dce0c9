/* Reading the arguments of commands. */
#include <string.h>

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
	if (inv->argc == 0)
		return 0;
	if (strcmp(inv->argv[0], option) != 0)
		return nm_cmd_unexpected(inv->argv[0], err);
	*ret = true;
	return nm_cmd_no_more_than(inv, 1, err);
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
	size_t len = 1, used = 0;
	char *text;

	for (int i = first; i < inv->argc; i++)
		len += strlen(inv->argv[i]) + 1;
	text = malloc(len);
	if (!text)
		return nm_fail_memory(err, "reading the arguments");
	for (int i = first; i < inv->argc; i++) {
		size_t n = strlen(inv->argv[i]);

		if (used)
			text[used++] = ',';
		memcpy(text + used, inv->argv[i], n);
		used += n;
	}
	text[used] = '\0';
	*ret = text;
	return 0;
}
