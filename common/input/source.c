/* Annotations of other tools, as natmap's own. One parser reads all three: they differ in names alone. */
#include "input/source.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "input/json_value.h"
#include "input/scan.h"
#include "model/mapping.h"

static const struct {
	const char *name, *annotation;
	bool has_ranges; /* written as one port after the other */
} sources[] = {
	[NM_SOURCE_NATMAP] = {"natmap", NM_SOURCE_NATMAP_PORTS, false},
	[NM_SOURCE_NERDCTL] = {"nerdctl", NM_SOURCE_NERDCTL_PORTS, true},
	[NM_SOURCE_CRIO] = {"cri-o", NM_SOURCE_CRIO_PORTS, false},
	[NM_SOURCE_KUBELET] = {"kubelet", NM_SOURCE_KUBELET_PORTS, false},
};

const char *nm_source_annotation(enum nm_source source)
{
	return sources[source].annotation;
}

bool nm_sources_has(const struct nm_sources *s, enum nm_source source)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i] == source)
			return true;
	return false;
}

bool nm_sources_add(struct nm_sources *s, const char *name)
{
	for (enum nm_source i = 0; i < NM_SOURCE_MAX; i++) {
		if (strcmp(sources[i].name, name) != 0)
			continue;
		if (!nm_sources_has(s, i))
			s->v[s->n++] = i;
		return true;
	}
	return false;
}

/* Searching bytes */

/* Returns the bit of the source whose key follows, 0 if none does. */
static unsigned source_at(const char *p, const char *end)
{
	static const char *const keys[] = {
		[NM_SOURCE_NATMAP] = NM_SOURCE_PREFIX,
		[NM_SOURCE_NERDCTL] = NM_SOURCE_NERDCTL_PORTS,
		[NM_SOURCE_CRIO] = NM_SOURCE_CRIO_PORTS,
		[NM_SOURCE_KUBELET] = NM_SOURCE_KUBELET_PORTS,
		[NM_SOURCE_MAX] = NM_SOURCE_CRIO_ADDRESS,
	};

	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *rest = nm_scan_skip(p, end, keys[i]);

		if (rest && nm_scan_is_key(rest, end))
			return 1u << i;
	}
	return 0;
}

unsigned nm_sources_scan(const char *text, size_t len)
{
	const char *end = text + len, *p = text;
	unsigned found = 0;

	while ((p = nm_scan_string(text, p, end)))
		found |= source_at(p, end);
	return found;
}

/* Reading */

enum { TEXT_SIZE = NM_MAPPINGS_MAX * (NM_MAPPING_STRLEN + 1) };

struct reading {
	bool has_ranges;
	struct nm_mapping element; /* that is being read */
	struct nm_mapping last;    /* that is complete, and not yet in the text; count 0: none */
	size_t n;                  /* mappings in the text */
	char *text;                /* owned */
	struct nm_text put;
};

static void reading_done(struct reading *r)
{
	free(r->text);
}

static int put_last(struct reading *r, struct nm_err *err)
{
	char text[NM_MAPPING_STRLEN];

	if (!r->last.count)
		return 0;
	if (r->n == NM_MAPPINGS_MAX)
		return nm_fail(err, NM_ERR_REFUSED, "more than %d mappings", NM_MAPPINGS_MAX);
	if (!r->text && !(r->text = malloc(TEXT_SIZE)))
		return nm_fail_memory(err, "reading an annotation");
	r->put.buf = r->text;
	r->put.size = TEXT_SIZE;
	nm_text_put(&r->put, "%s%s", r->n ? "," : "", nm_mapping_print(&r->last, text));
	r->n++;
	r->last.count = 0;
	return 0;
}

/* Makes the range of a one longer by the port of b, if that is what b is. */
static bool extend(struct nm_mapping *a, const struct nm_mapping *b)
{
	struct nm_mapping next = *b;

	next.host_port = (uint16_t)(b->host_port - a->count);
	next.container_port = (uint16_t)(b->container_port - a->count);
	next.count = a->count;
	if (!a->count || b->host_port < a->count || b->container_port < a->count ||
		!nm_mapping_equal(a, &next))
		return false;
	a->count++;
	return true;
}

static int element_ended(struct reading *r, struct nm_err *err)
{
	struct nm_mapping m = r->element;

	r->element = (struct nm_mapping){
		.families = NM_BOTH_FAMILIES, .any_host = true, .protocol = IPPROTO_TCP, .count = 1};
	if (!m.count || !m.host_port || (r->has_ranges && extend(&r->last, &m)))
		return 0;
	if (put_last(r, err) < 0)
		return -1;
	r->last = m;
	return 0;
}

static int read_port(const struct nm_json_event *event, uint16_t *ret, struct nm_err *err)
{
	int64_t port;

	if (nm_json_value_integer(event, 0, UINT16_MAX, NM_ERR_REFUSED, &port, err) < 0)
		return -1;
	*ret = (uint16_t)port;
	return 0;
}

static int read_protocol(const struct nm_json_event *event, struct nm_mapping *m, struct nm_err *err)
{
	if (event->type != NM_JSON_STRING ||
		(event->len > 0 && nm_mapping_protocol_parse(event->text, event->len, &m->protocol) < 0))
		return nm_json_value_fail(event, NM_ERR_REFUSED, "expected tcp, udp or sctp", err);
	return 0;
}

static int read_host(const struct nm_json_event *event, struct nm_mapping *m, struct nm_err *err)
{
	if (event->type == NM_JSON_STRING && event->len == 0)
		return 0;
	if (event->type != NM_JSON_STRING || nm_addr_parse(event->text, event->len, &m->host) < 0)
		return nm_json_value_fail(event, NM_ERR_REFUSED, "expected an address", err);
	m->families = 1u << m->host.family;
	m->any_host = nm_addr_is_unspecified(&m->host);
	return 0;
}

static int read_member(struct nm_mapping *m, const struct nm_json_event *event, struct nm_err *err)
{
	const char *key = event->path[1].key;

	if (event->type == NM_JSON_NULL) /* as if it were absent */
		return 0;
	if (!strcasecmp(key, "hostPort"))
		return read_port(event, &m->host_port, err);
	if (!strcasecmp(key, "containerPort"))
		return read_port(event, &m->container_port, err);
	if (!strcasecmp(key, "protocol"))
		return read_protocol(event, m, err);
	return strcasecmp(key, "hostIP") ? 0 : read_host(event, m, err);
}

static int on_event(void *ctx, const struct nm_json_event *event, struct nm_err *err)
{
	struct reading *r = ctx;

	if (event->depth == 0 && event->type != NM_JSON_ARRAY && event->type != NM_JSON_NULL)
		return nm_fail(err, NM_ERR_REFUSED, "expected a list of objects");
	if (event->depth == 1 && event->type != NM_JSON_OBJECT)
		return nm_json_value_fail(event, NM_ERR_REFUSED, "expected an object", err);
	if (event->depth == 1)
		return element_ended(r, err);
	if (event->depth == 2 && !event->path[1].is_index)
		return read_member(&r->element, event, err);
	return 0;
}

int nm_source_read(enum nm_source source, const char *text, char **ret, struct nm_err *err)
{
	NM_CLEANUP(reading_done) struct reading r = {.has_ranges = sources[source].has_ranges};

	if (nm_json_parse(text, strlen(text), false, on_event, &r, err) < 0 || element_ended(&r, err) < 0 ||
		put_last(&r, err) < 0)
		return -1;
	*ret = nm_steal(&r.text);
	return 0;
}
