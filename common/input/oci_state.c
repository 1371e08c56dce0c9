/*
 * The OCI state: natmap's part of it, and its errors.
 *
 * Hooks are often installed for every container, so a state without io.natmap.ports and io.natmap.network
 * must never fail, whatever else it has. Keys come in any order, so the annotation may be the last one: an
 * error found before it is kept, and counts only once the annotation has been seen.
 */
#include "input/oci_state.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "input/json_value.h"
#include "input/scan.h"

#define AT(member) offsetof(struct nm_oci_state, member)

static const struct field {
	const char *key;
	bool annotation; /* a member of "annotations"; else of the document */
	bool for_withdraw;
	size_t offset;
	enum nm_source source; /* whose it is */
} fields[] = {
	{"id", false, true, AT(id), NM_SOURCE_NATMAP},
	{"bundle", false, true, AT(bundle), NM_SOURCE_NATMAP},
	{"status", false, false, AT(status), NM_SOURCE_NATMAP},
	{NM_SOURCE_PREFIX "ports", true, false, AT(ports), NM_SOURCE_NATMAP},
	{NM_SOURCE_PREFIX "address", true, false, AT(address), NM_SOURCE_NATMAP},
	{NM_SOURCE_PREFIX "interface", true, false, AT(interface), NM_SOURCE_NATMAP},
	{NM_SOURCE_PREFIX "allow", true, false, AT(allow), NM_SOURCE_NATMAP},
	{NM_SOURCE_PREFIX "network", true, false, AT(network), NM_SOURCE_NATMAP},
	{NM_SOURCE_NERDCTL_PORTS, true, false, AT(others[NM_SOURCE_NERDCTL]), NM_SOURCE_NERDCTL},
	{NM_SOURCE_CRIO_PORTS, true, false, AT(others[NM_SOURCE_CRIO]), NM_SOURCE_CRIO},
	{NM_SOURCE_KUBELET_PORTS, true, false, AT(others[NM_SOURCE_KUBELET]), NM_SOURCE_KUBELET},
	{NM_SOURCE_CRIO_ADDRESS "0", true, false, AT(others_address[0]), NM_SOURCE_CRIO},
	{NM_SOURCE_CRIO_ADDRESS "1", true, false, AT(others_address[1]), NM_SOURCE_CRIO},
};

struct parse {
	enum nm_oci_state_use use;
	const struct nm_sources *sources;
	struct nm_oci_state state;
	bool has_pid, has_ports, has_network; /* ports: one at least */
	bool has_others;                      /* annotations beside them */
	struct nm_err problem;                /* the first one; kind NM_ERR_NONE while there is none */
};

static char **slot(struct nm_oci_state *state, const struct field *field)
{
	return (char **)((char *)state + field->offset);
}

/* The key of an annotation, whosever, or NULL. */
static const char *annotation_of(const struct nm_json_event *event)
{
	bool is_one = event->depth == 2 && !event->path[1].is_index &&
		strcmp(event->path[0].key, "annotations") == 0;

	return is_one ? event->path[1].key : NULL;
}

static bool is_ours(const struct nm_json_event *event)
{
	const char *annotation = annotation_of(event);

	return annotation && strncmp(annotation, NM_SOURCE_PREFIX, strlen(NM_SOURCE_PREFIX)) == 0;
}

static bool counts(const struct parse *p, const struct field *f)
{
	if (p->use == NM_OCI_STATE_WITHDRAW)
		return f->for_withdraw;
	return !f->annotation || !f->source || nm_sources_has(p->sources, f->source);
}

static const struct field *field_of(const struct parse *p, const struct nm_json_event *event)
{
	const char *annotation = annotation_of(event);

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const struct field *f = &fields[i];
		bool same = f->annotation ? annotation && strcmp(annotation, f->key) == 0
					  : nm_json_value_at(event, f->key, NULL);

		if (same && counts(p, f))
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
	if (nm_json_value_integer(event, 0, NM_SCAN_PID_MAX, NM_ERR_REFUSED, &pid, err) < 0)
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
	const struct field *field = field_of(p, event);

	if (field && field->source && read_field(p, field, event, err) < 0) {
		p->has_ports = true; /* for all that is known */
		return -1;
	}
	if (field)
		return field->source ? 0 : read_field(p, field, event, err);
	if (p->use == NM_OCI_STATE_WITHDRAW)
		return 0;
	if (nm_json_value_at(event, "pid", NULL))
		return read_pid(p, event, err);
	return is_ours(event) ? fail_unknown(event, err) : 0;
}

static bool is_blank(const struct nm_json_event *event)
{
	for (size_t i = 0; i < event->len; i++)
		if (!strchr(" \t\r\n", event->text[i]))
			return false;
	return event->type == NM_JSON_STRING;
}

/* True for this annotation of natmap's, if that is one of the sources. */
static bool counts_as(const struct parse *p, const struct nm_json_event *event, const char *key)
{
	return nm_json_value_at(event, "annotations", key, NULL) &&
		nm_sources_has(p->sources, NM_SOURCE_NATMAP);
}

static int on_event(void *ctx, const struct nm_json_event *event, struct nm_err *err)
{
	struct parse *p = ctx;

	if (counts_as(p, event, NM_SOURCE_PREFIX "ports"))
		p->has_ports |= !is_blank(event);
	else if (counts_as(p, event, NM_SOURCE_PREFIX "network"))
		p->has_network |= !is_blank(event);
	else if (is_ours(event))
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
static void tell_others(struct parse *p)
{
	if (p->has_others)
		nm_log_notice("container '%s', ignored: it has annotations of natmap's, but %s%s%s",
			p->state.id ? p->state.id : "?",
			p->state.ports || p->state.network ? "natmap is not in sources"
							   : "no io.natmap.ports",
			p->problem.kind == NM_ERR_NONE ? "" : ": ",
			p->problem.kind == NM_ERR_NONE ? "" : p->problem.msg);
}

static void drop(char **text)
{
	free(*text);
	*text = NULL;
}

/* What is blank, or does not count. */
static void drop_uncounted(struct parse *p)
{
	if (!p->has_ports)
		drop(&p->state.ports);
	if (!p->has_network)
		drop(&p->state.network);
}

/* Takes the ports of the first of the other sources that has some. */
static int take_others_ports(struct parse *p, struct nm_err *err)
{
	struct nm_oci_state *st = &p->state;

	for (size_t i = 0; i < p->sources->n && !p->has_ports; i++) {
		enum nm_source source = p->sources->v[i];
		nm_autofree char *ports = NULL;

		if (st->others[source] && nm_source_read(source, st->others[source], &ports, err) < 0)
			return nm_wrap(err, "annotation '%s'", nm_source_annotation(source));
		if (!ports)
			continue;
		st->ports_from = nm_source_annotation(source);
		free(st->ports);
		st->ports = nm_steal(&ports);
		p->has_ports = true;
	}
	return 0;
}

/* What CRI-O tells of the addresses, unless natmap's own annotations do. */
static int take_others_address(struct nm_oci_state *st, struct nm_err *err)
{
	const char *first = st->others_address[0], *second = st->others_address[1];

	if (st->address || st->interface || !first || !*first)
		return 0;
	if (asprintf(&st->address, "%s%s%s", first, second && *second ? "," : "", second ? second : "") < 0) {
		st->address = NULL;
		return nm_fail_memory(err, "reading an annotation");
	}
	st->address_from = NM_SOURCE_CRIO_ADDRESS "0";
	return 0;
}

static int judge(struct parse *p, struct nm_err *err)
{
	if (p->use == NM_OCI_STATE_WITHDRAW)
		return check_complete(p, err);
	if (take_others_ports(p, err) < 0)
		return -1;
	if (!p->has_ports && !p->has_network)
		tell_others(p);
	drop_uncounted(p);
	if (!p->has_ports && !p->has_network)
		return 0;
	if (check_complete(p, err) < 0)
		return -1;
	/* a network that natmap makes has the addresses that natmap gives it */
	return p->has_network ? 0 : take_others_address(&p->state, err);
}

static bool may_concern_us(const struct parse *p, const char *text, size_t len)
{
	unsigned found = nm_sources_scan(text, len);

	for (size_t i = 0; i < p->sources->n; i++)
		if (found & 1u << p->sources->v[i])
			return true;
	return false;
}

static int run(struct parse *p, const char *text, size_t len, struct nm_err *err)
{
	bool forgiving = p->use == NM_OCI_STATE_PUBLISH;

	if (nm_json_parse(text, len, false, on_event, p, err) < 0)
		return forgiving && err->kind == NM_ERR_REFUSED && !may_concern_us(p, text, len) ? 0 : -1;
	return judge(p, err);
}

int nm_oci_state_parse(const char *text, size_t len, enum nm_oci_state_use use,
	const struct nm_sources *sources, struct nm_oci_state *ret, struct nm_err *err)
{
	static const struct nm_sources own = {.v = {NM_SOURCE_NATMAP}, .n = 1};
	struct parse p = {.use = use, .sources = sources ? sources : &own};

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
		nm_json_value_integer(event, 0, NM_SCAN_PID_MAX, NM_ERR_REFUSED, &pid, err) == 0)
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
