/*
 * The OCI state: natmap's part of it, and its errors.
 *
 * Hooks are often installed for every container, so a state without io.natmap.ports must never fail, whatever
 * else it has. Keys come in any order, so the annotation may be the last one: an error found before it is
 * kept, and counts only once the annotation has been seen.
 */
#include "input/oci_state.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "input/json_value.h"

#define PREFIX "io.natmap."

enum { PID_LIMIT = 1 << 22 }; /* the kernel's PID_MAX_LIMIT */

static const struct field {
	const char *key;
	bool annotation; /* a member of "annotations", without PREFIX; else of the document */
	bool for_withdraw;
	size_t offset;
} fields[] = {
	{"id", false, true, offsetof(struct nm_oci_state, id)},
	{"bundle", false, true, offsetof(struct nm_oci_state, bundle)},
	{"status", false, false, offsetof(struct nm_oci_state, status)},
	{"ports", true, false, offsetof(struct nm_oci_state, ports)},
	{"address", true, false, offsetof(struct nm_oci_state, address)},
	{"interface", true, false, offsetof(struct nm_oci_state, interface)},
	{"allow", true, false, offsetof(struct nm_oci_state, allow)},
};

struct parse {
	enum nm_oci_state_use use;
	struct nm_oci_state state;
	bool has_pid, has_ports, has_others; /* ports: one at least; others: annotations beside them */
	struct nm_err problem;               /* the first one; kind NM_ERR_NONE while there is none */
};

static char **slot(struct nm_oci_state *state, const struct field *field)
{
	return (char **)((char *)state + field->offset);
}

static const char *annotation_of(const struct nm_json_event *event)
{
	bool is_ours = event->depth == 2 && !event->path[1].is_index &&
		strcmp(event->path[0].key, "annotations") == 0 &&
		strncmp(event->path[1].key, PREFIX, strlen(PREFIX)) == 0;

	return is_ours ? event->path[1].key + strlen(PREFIX) : NULL;
}

static const struct field *field_of(const struct nm_json_event *event, enum nm_oci_state_use use)
{
	const char *annotation = annotation_of(event);

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const struct field *f = &fields[i];
		bool same = f->annotation ? annotation && strcmp(annotation, f->key) == 0
					  : nm_json_value_at(event, f->key, NULL);

		if (same && (use == NM_OCI_STATE_PUBLISH || f->for_withdraw))
			return f;
	}
	return NULL;
}

/* Takes off what YAML and templates leave: tabs and ends of lines are blanks, a last comma is none. */
static void tidy(char *text)
{
	size_t len;

	for (char *c = text; (c = strpbrk(c, "\t\r\n"));)
		*c = ' ';
	for (len = strlen(text); len > 0 && text[len - 1] == ' ';)
		len--;
	if (len > 1 && text[len - 1] == ',')
		text[len - 1] = '\0';
}

static int read_annotation(const struct nm_json_event *event, char **ret, struct nm_err *err)
{
	struct nm_json_event tidied = *event;
	nm_autofree char *text = NULL;

	if (event->type == NM_JSON_STRING && !memchr(event->text, '\0', event->len)) {
		text = strndup(event->text, event->len);
		if (!text)
			return nm_fail_memory(err, "reading an annotation");
		tidy(text);
		tidied.text = text;
		tidied.len = strlen(text);
	}
	return nm_json_value_string(&tidied, NM_ERR_REFUSED, ret, err);
}

static int read_field(
	struct parse *p, const struct field *field, const struct nm_json_event *event, struct nm_err *err)
{
	nm_autofree char *text = NULL;
	const char *fault;

	if (*slot(&p->state, field))
		return nm_json_value_fail(event, NM_ERR_REFUSED, "given twice", err);
	if ((field->annotation ? read_annotation(event, &text, err)
			       : nm_json_value_string(event, NM_ERR_REFUSED, &text, err)) < 0)
		return -1;
	fault = strcmp(field->key, "id") == 0 ? nm_oci_state_id_invalid(text) : NULL;
	if (fault)
		return nm_fail(err, NM_ERR_REFUSED, "id: %s", fault);
	*slot(&p->state, field) = nm_steal(&text);
	return 0;
}

static int read_pid(struct parse *p, const struct nm_json_event *event, struct nm_err *err)
{
	int64_t pid;

	if (p->has_pid)
		return nm_json_value_fail(event, NM_ERR_REFUSED, "given twice", err);
	p->has_pid = true;
	if (nm_json_value_integer(event, 0, PID_LIMIT, NM_ERR_REFUSED, &pid, err) < 0)
		return -1;
	p->state.pid = (pid_t)pid;
	return 0;
}

static int fail_unknown(const struct nm_json_event *event, struct nm_err *err)
{
	char path[NM_JSON_PATH_MAX];
	const char *key = nm_json_value_path(event, path) + strlen("annotations.");

	return nm_fail(err, NM_ERR_REFUSED, "annotation '%s' is unknown to this version", key);
}

static int read_member(struct parse *p, const struct nm_json_event *event, struct nm_err *err)
{
	const struct field *field = field_of(event, p->use);

	if (field)
		return read_field(p, field, event, err);
	if (p->use == NM_OCI_STATE_WITHDRAW)
		return 0;
	if (nm_json_value_at(event, "pid", NULL))
		return read_pid(p, event, err);
	return annotation_of(event) ? fail_unknown(event, err) : 0;
}

static bool is_blank(const struct nm_json_event *event)
{
	for (size_t i = 0; i < event->len; i++)
		if (!strchr(" \t\r\n", event->text[i]))
			return false;
	return event->type == NM_JSON_STRING;
}

static int on_event(void *ctx, const struct nm_json_event *event, struct nm_err *err)
{
	struct parse *p = ctx;

	if (nm_json_value_at(event, "annotations", PREFIX "ports", NULL))
		p->has_ports |= !is_blank(event);
	else if (annotation_of(event))
		p->has_others = true;
	if (read_member(p, event, err) == 0)
		return 0;
	if (err->kind != NM_ERR_REFUSED)
		return -1;
	p->state.unpublishable = p->use == NM_OCI_STATE_WITHDRAW;
	if (p->problem.kind == NM_ERR_NONE)
		p->problem = *err;
	return 0;
}

static int check_complete(const struct parse *p, struct nm_err *err)
{
	if (p->state.unpublishable)
		return 0;
	if (p->problem.kind != NM_ERR_NONE) {
		*err = p->problem;
		return -1;
	}
	if (!p->state.id)
		return nm_fail(err, NM_ERR_REFUSED, "id: missing");
	if (p->use == NM_OCI_STATE_PUBLISH && !p->has_pid)
		return nm_fail(err, NM_ERR_REFUSED, "pid: missing");
	if (p->use == NM_OCI_STATE_PUBLISH && p->state.pid == 0)
		return nm_fail(err, NM_ERR_REFUSED,
			"pid: is 0, but a container that is to be published has a process");
	return 0;
}

/* Other annotations alone are a mistake, mostly a misspelt key. */
static void forget_others(struct parse *p)
{
	if (p->has_others)
		nm_log_notice("container '%s', ignored: it has annotations of natmap's, but no "
			      "io.natmap.ports%s%s",
			p->state.id ? p->state.id : "?", p->problem.kind == NM_ERR_NONE ? "" : ": ",
			p->problem.kind == NM_ERR_NONE ? "" : p->problem.msg);
	free(p->state.ports);
	p->state.ports = NULL;
}

static int run(struct parse *p, const char *text, size_t len, struct nm_err *err)
{
	bool forgiving = p->use == NM_OCI_STATE_PUBLISH;

	if (nm_json_parse(text, len, false, on_event, p, err) < 0) {
		bool about_us = nm_oci_state_concerns_us(text, len);

		return forgiving && !about_us && err->kind == NM_ERR_REFUSED ? 0 : -1;
	}
	if (!forgiving || p->has_ports)
		return check_complete(p, err);
	forget_others(p);
	return 0;
}

int nm_oci_state_parse(
	const char *text, size_t len, enum nm_oci_state_use use, struct nm_oci_state *ret, struct nm_err *err)
{
	struct parse p = {.use = use};

	if (run(&p, text, len, err) < 0) {
		nm_oci_state_done(&p.state);
		*ret = p.state;
		return nm_wrap(err, "container state");
	}
	*ret = p.state;
	return 0;
}

void nm_oci_state_done(struct nm_oci_state *st)
{
	if (!st)
		return;
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		free(*slot(st, &fields[i]));
	*st = (struct nm_oci_state){.pid = 0};
}

/* Returns the end of PREFIX at p, each character as it is or as \u00XX, NULL when it is not there. */
static const char *skip_prefix(const char *p, const char *end)
{
	for (const char *c = PREFIX; *c; c++) {
		char escaped[sizeof("\\u00XX")];

		(void)snprintf(escaped, sizeof(escaped), "\\u%04x", (unsigned char)*c);
		if (p < end && *p == *c)
			p++;
		else if ((size_t)(end - p) >= strlen(escaped) && !strncasecmp(p, escaped, strlen(escaped)))
			p += strlen(escaped);
		else
			return NULL;
	}
	return p;
}

/* True when a colon follows the string that goes on at p, or would, were the text not cut short. */
static bool is_key(const char *p, const char *end)
{
	for (; p < end && *p != '"'; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	while (p < end && strchr("\" \t\r\n", *p))
		p++;
	return p == end || *p == ':';
}

bool nm_oci_state_concerns_us(const char *text, size_t len)
{
	const char *end = text + len, *p = text;

	for (; (p = memchr(p, '"', (size_t)(end - p))); p++) {
		bool is_within_string = p > text && p[-1] == '\\';
		const char *rest = is_within_string ? NULL : skip_prefix(p + 1, end);

		if (rest && is_key(rest, end))
			return true;
	}
	return false;
}

struct stopped {
	bool is_stopped;
	pid_t pid;
};

static int find_stopped(void *ctx, const struct nm_json_event *event, struct nm_err *err)
{
	static const char stopped[] = "stopped";
	struct stopped *found = ctx;
	int64_t pid;

	if (nm_json_value_at(event, "status", NULL))
		found->is_stopped = event->type == NM_JSON_STRING && event->len == strlen(stopped) &&
			memcmp(event->text, stopped, strlen(stopped)) == 0;
	/* whoever parses the state for good complains */
	if (nm_json_value_at(event, "pid", NULL) &&
		nm_json_value_integer(event, 0, PID_LIMIT, NM_ERR_REFUSED, &pid, err) == 0)
		found->pid = (pid_t)pid;
	return 0;
}

bool nm_oci_state_is_stopped(const char *text, size_t len, pid_t *ret_pid)
{
	struct stopped found = {false, 0};
	struct nm_err err;

	if (nm_json_parse(text, len, false, find_stopped, &found, &err) < 0 || !found.is_stopped)
		return false;
	*ret_pid = found.pid;
	return true;
}

const char *nm_oci_state_id_invalid(const char *id)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+,.-";
	size_t len = strlen(id);

	if (len == 0)
		return "is empty";
	if (len > NM_ID_MAX)
		return "is longer than 1024 bytes";
	if (strspn(id, alphabet) != len)
		return "has characters other than letters, digits and _+,.-";
	return NULL;
}
