/* What commands have in common in reading their arguments. */
#include <string.h>

#include "cmd.h"

int nm_cmd_no_more_than(const struct nm_invocation *inv, int max, struct nm_err *err)
{
	if (inv->argc > max)
		return nm_fail(
			err, NM_ERR_CONFIG, "argument '%s' is one too many: see natmap help", inv->argv[max]);
	return 0;
}

static int fail_unknown(const struct nm_invocation *inv, struct nm_err *err)
{
	return nm_fail(err, NM_ERR_CONFIG, "%s '%s' is unknown: see natmap help",
		inv->argv[0][0] == '-' ? "option" : "argument", inv->argv[0]);
}

int nm_cmd_flag(const struct nm_invocation *inv, const char *option, bool *ret, struct nm_err *err)
{
	if (inv->argc == 0)
		return 0;
	if (strcmp(inv->argv[0], option) != 0)
		return fail_unknown(inv, err);
	*ret = true;
	return nm_cmd_no_more_than(inv, 1, err);
}

int nm_cmd_value(const struct nm_invocation *inv, const char *option, const char **ret, struct nm_err *err)
{
	if (inv->argc == 0)
		return 0;
	if (strcmp(inv->argv[0], option) != 0)
		return fail_unknown(inv, err);
	if (inv->argc == 1)
		return nm_fail(err, NM_ERR_CONFIG, "option '%s': its value is missing", option);
	*ret = inv->argv[1];
	return nm_cmd_no_more_than(inv, 2, err);
}

int nm_cmd_join(const struct nm_invocation *inv, int first, char **ret, struct nm_err *err)
{
	size_t len = 1, used = 0;
	char *text;

	for (int i = first; i < inv->argc; i++)
		len += strlen(inv->argv[i]) + 1;
	text = malloc(len);
	if (!text)
		return nm_fail(err, NM_ERR_FAILED, "reading the arguments: out of memory");
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
