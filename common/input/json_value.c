/* Judges what the parser lets through: UTF-8, control characters, the range of numbers. */
#include "input/json_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool nm_json_value_at(const struct nm_json_event *event, ...)
{
	bool same = true;
	size_t depth = 0;
	const char *key;
	va_list ap;

	va_start(ap, event);
	while ((key = va_arg(ap, const char *))) {
		same = same && depth < event->depth && !event->path[depth].is_index &&
			strcmp(event->path[depth].key, key) == 0;
		depth++;
	}
	va_end(ap);
	return same && depth == event->depth;
}

/* Keys come from the input: characters that a terminal or log could misread are shown as '?'. */
static void print_step(const struct nm_json_step *step, bool first, char *buf, size_t size)
{
	if (step->is_index) {
		(void)snprintf(buf, size, "[%zu]", step->index);
		return;
	}
	(void)snprintf(buf, size, "%s%s", first ? "" : ".", step->key[0] ? step->key : "?");
	for (; *buf; buf++)
		if (*buf < ' ' || *buf > '~')
			*buf = '?';
}

const char *nm_json_value_path(const struct nm_json_event *event, char buf[static NM_JSON_PATH_MAX])
{
	size_t used = 0;

	(void)snprintf(buf, NM_JSON_PATH_MAX, "document");
	for (size_t i = 0; i < event->depth; i++) {
		print_step(&event->path[i], i == 0, buf + used, NM_JSON_PATH_MAX - used);
		used += strlen(buf + used);
	}
	return buf;
}

int nm_json_value_fail(
	const struct nm_json_event *event, enum nm_err_kind kind, const char *why, struct nm_err *err)
{
	char path[NM_JSON_PATH_MAX];

	return nm_fail(err, kind, "%s: %s", nm_json_value_path(event, path), why);
}

/* Says why the bytes cannot be shown to people or given to the kernel as a C string. NULL: they can. */
static const char *text_unusable(const char *text, size_t len)
{
	uint32_t c = 0;
	size_t size;

	for (size_t i = 0; i < len; i += size) {
		size = nm_text_decode(text + i, len - i, &c);
		if (size == 0)
			return "not UTF-8";
		if (c < ' ' || (c >= 0x7f && c <= 0x9f))
			return "control characters are not allowed";
	}
	return NULL;
}

int nm_json_value_string(
	const struct nm_json_event *event, enum nm_err_kind kind, char **ret, struct nm_err *err)
{
	const char *why;
	char *copy;

	if (event->type != NM_JSON_STRING)
		return nm_json_value_fail(event, kind, "expected a string", err);
	why = text_unusable(event->text, event->len);
	if (why)
		return nm_json_value_fail(event, kind, why, err);
	copy = strndup(event->text, event->len);
	if (!copy)
		return nm_fail_memory(err, "reading JSON");
	*ret = copy;
	return 0;
}

static bool integer_parse(const struct nm_json_event *event, int64_t *ret)
{
	bool negative = event->len > 0 && event->text[0] == '-';
	uint64_t max = (uint64_t)INT64_MAX + negative, v;

	if (event->type != NM_JSON_NUMBER ||
		nm_text_number(event->text + negative, event->len - negative, max, &v) < 0)
		return false;
	*ret = (int64_t)(negative ? 0 - v : v);
	return true;
}

int nm_json_value_integer(const struct nm_json_event *event, int64_t min, int64_t max, enum nm_err_kind kind,
	int64_t *ret, struct nm_err *err)
{
	char path[NM_JSON_PATH_MAX];
	int64_t v;

	if (!integer_parse(event, &v) || v < min || v > max)
		return nm_fail(err, kind, "%s: expected a whole number from %jd to %jd",
			nm_json_value_path(event, path), (intmax_t)min, (intmax_t)max);
	*ret = v;
	return 0;
}
