/*
 * The canonical line of a container. Members come in one order and without blanks, so that grep finds them
 * and lines can be compared as bytes. The filter, by which natmap itself finds it, comes from state/keys.c.
 */
#include "state/record_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/array.h"
#include "input/json.h"
#include "input/json_value.h"

/* Writing */

static void write_nsid(struct nm_json_writer *w, const char *key, const struct nm_nsid *id)
{
	char text[48];

	(void)snprintf(text, sizeof(text), "%" PRIu64 ":%" PRIu64, id->dev, id->ino);
	nm_json_write_member(w, key, text);
}

static void write_switch(
	struct nm_json_writer *w, const char *key, const char *interface, unsigned index, bool set)
{
	if (!interface[0])
		return;
	nm_json_write_begin(w, key, NM_JSON_OBJECT);
	nm_json_write_member(w, "interface", interface);
	if (index)
		nm_json_write_integer(w, "index", index);
	nm_json_write_bool(w, "set", set);
	nm_json_write_end(w, NM_JSON_OBJECT);
}

static void write_prefixes(struct nm_json_writer *w, const char *key, const struct nm_prefix *v, size_t n)
{
	char text[NM_PREFIX_STRLEN];

	nm_json_write_begin(w, key, NM_JSON_ARRAY);
	for (size_t i = 0; i < n; i++)
		nm_json_write_string(w, nm_prefix_print(&v[i], text));
	nm_json_write_end(w, NM_JSON_ARRAY);
}

static void write_families(struct nm_json_writer *w, const char *key,
	const struct nm_prefix address[static NM_FAMILY_MAX], unsigned families)
{
	struct nm_prefix list[NM_FAMILY_MAX];
	size_t n = 0;

	nm_each_family(f, families)
		list[n++] = address[f];
	write_prefixes(w, key, list, n);
}

static void write_network(struct nm_json_writer *w, const struct nm_attachment *a)
{
	if (!a->bridge[0])
		return;
	nm_json_write_begin(w, "network", NM_JSON_OBJECT);
	nm_json_write_member(w, "bridge", a->bridge);
	nm_json_write_member(w, "port", a->port);
	write_families(w, "addresses", a->address, a->families);
	nm_json_write_bool(w, "isolated", a->isolated);
	nm_json_write_end(w, NM_JSON_OBJECT);
}

static void write_mappings(struct nm_json_writer *w, const struct nm_mappings *m)
{
	char text[NM_MAPPING_STRLEN];

	nm_json_write_begin(w, "ports", NM_JSON_ARRAY);
	for (size_t i = 0; i < m->n; i++)
		nm_json_write_string(w, nm_mapping_print(&m->v[i], text));
	nm_json_write_end(w, NM_JSON_ARRAY);
}

void nm_record_json_write(const struct nm_record *r, struct nm_json_writer *w)
{
	nm_json_write_member(w, "id", r->id);
	if (r->pid) {
		nm_json_write_integer(w, "pid", r->pid);
		nm_json_write_integer(w, "start", (int64_t)r->start);
	}
	if (r->netns.ino)
		write_nsid(w, "netns", &r->netns);
	if (r->bundle)
		nm_json_write_member(w, "bundle", r->bundle);
	nm_json_write_member(w, "backend", nm_backend_name(r->backend));
	write_families(w, "addresses", r->address, r->families);
	if (r->held)
		write_families(w, "lost", r->address, r->held);
	if (r->interface[0])
		nm_json_write_member(w, "interface", r->interface);
	if (r->fixed)
		nm_json_write_bool(w, "fixed", true);
	if (r->networks.n > 0)
		write_prefixes(w, "networks", r->networks.v, r->networks.n);
	write_switch(w, "localnet", r->localnet, r->localnet_index, r->localnet_set);
	write_switch(w, "hairpin", r->bridge_port, r->bridge_port_index, r->hairpin_set);
	write_network(w, &r->network);
	if (r->restricted)
		write_prefixes(w, "allow", r->allow.v, r->allow.n);
	write_mappings(w, &r->mappings);
}

/* Reading: each reader takes the value of one member. */

static int bad(const struct nm_json_event *ev, struct nm_err *err)
{
	char path[NM_JSON_PATH_MAX];

	return nm_fail(err, NM_ERR_REFUSED, "%s: not as natmap writes it", nm_json_value_path(ev, path));
}

static int read_text(const struct nm_json_event *ev, char *buf, size_t size, struct nm_err *err)
{
	if (ev->type != NM_JSON_STRING || ev->len >= size || memchr(ev->text, '\0', ev->len))
		return bad(ev, err);
	memcpy(buf, ev->text, ev->len);
	buf[ev->len] = '\0';
	return 0;
}

static int read_nsid(const struct nm_json_event *ev, struct nm_nsid *ret, struct nm_err *err)
{
	char text[48];
	int end = 0;

	if (read_text(ev, text, sizeof(text), err) < 0)
		return -1;
	if (sscanf(text, "%" SCNu64 ":%" SCNu64 "%n", &ret->dev, &ret->ino, &end) != 2 || text[end])
		return bad(ev, err);
	return 0;
}

/* Only the canonical text. */
static int read_prefix(const struct nm_json_event *ev, struct nm_prefix *ret, struct nm_err *err)
{
	char text[NM_PREFIX_STRLEN], canonical[NM_PREFIX_STRLEN];

	if (read_text(ev, text, sizeof(text), err) < 0)
		return -1;
	if (nm_prefix_parse(text, strlen(text), ret) < 0 ||
		strcmp(text, nm_prefix_print(ret, canonical)) != 0)
		return bad(ev, err);
	return 0;
}

/* taken: families that have one already. */
static int read_address(const struct nm_json_event *ev, struct nm_prefix address[static NM_FAMILY_MAX],
	unsigned taken, unsigned *families, struct nm_err *err)
{
	struct nm_prefix p;

	if (read_prefix(ev, &p, err) < 0)
		return -1;
	if (taken & 1u << p.addr.family)
		return bad(ev, err);
	*families |= 1u << p.addr.family;
	address[p.addr.family] = p;
	return 0;
}

static int read_listed(const struct nm_json_event *ev, struct nm_prefixes *list, struct nm_err *err)
{
	if (nm_grow(list, "reading the state", err) < 0 || read_prefix(ev, &list->v[list->n], err) < 0)
		return -1;
	list->n++;
	return 0;
}

static int read_mapping(const struct nm_json_event *ev, struct nm_mappings *list, struct nm_err *err)
{
	nm_automappings struct nm_mappings one = {0};
	char text[NM_MAPPING_STRLEN], canonical[NM_MAPPING_STRLEN];

	if (read_text(ev, text, sizeof(text), err) < 0)
		return -1;
	if (nm_mappings_parse(text, &one, err) < 0)
		return err->kind == NM_ERR_REFUSED ? bad(ev, err) : -1;
	if (one.n != 1 || !one.v->host_port || strcmp(text, nm_mapping_print(one.v, canonical)) != 0)
		return bad(ev, err);
	if (nm_grow(list, "reading the state", err) < 0)
		return -1;
	list->v[list->n++] = one.v[0];
	return 0;
}

static int read_backend(const struct nm_json_event *ev, enum nm_backend *ret, struct nm_err *err)
{
	char name[16];

	if (read_text(ev, name, sizeof(name), err) < 0)
		return -1;
	return nm_backend_parse(name, ret) ? 0 : bad(ev, err);
}

static int read_index(const struct nm_json_event *ev, unsigned *ret, struct nm_err *err)
{
	int64_t number;

	if (nm_json_value_integer(ev, 0, INT32_MAX, NM_ERR_REFUSED, &number, err) < 0)
		return -1;
	*ret = (unsigned)number;
	return 0;
}

static int read_network(struct nm_attachment *a, const struct nm_json_event *ev, struct nm_err *err)
{
	if (ev->depth == 3 && ev->path[2].is_index && !ev->path[1].is_index &&
		!strcmp(ev->path[1].key, "addresses"))
		return read_address(ev, a->address, a->families, &a->families, err);
	if (nm_json_value_at(ev, "network", "bridge", NULL))
		return read_text(ev, a->bridge, sizeof(a->bridge), err);
	if (nm_json_value_at(ev, "network", "port", NULL))
		return read_text(ev, a->port, sizeof(a->port), err);
	if (nm_json_value_at(ev, "network", "isolated", NULL))
		a->isolated = ev->truth;
	return 0;
}

static int read_identity(struct nm_record *r, const struct nm_json_event *ev, struct nm_err *err)
{
	int64_t number = 0;
	int rc = 0;

	if (nm_json_value_at(ev, "id", NULL))
		return r->id ? bad(ev, err) : nm_json_value_string(ev, NM_ERR_REFUSED, &r->id, err);
	if (nm_json_value_at(ev, "bundle", NULL))
		return r->bundle ? bad(ev, err) : nm_json_value_string(ev, NM_ERR_REFUSED, &r->bundle, err);
	if (nm_json_value_at(ev, "backend", NULL))
		return read_backend(ev, &r->backend, err);
	if (nm_json_value_at(ev, NM_RECORD_HANDLES, NULL))
		return ev->type == NM_JSON_STRING ? nm_handles_parse(ev->text, ev->len, &r->handles, err) : 0;
	if (nm_json_value_at(ev, "netns", NULL))
		return read_nsid(ev, &r->netns, err);
	if (nm_json_value_at(ev, "pid", NULL)) {
		rc = nm_json_value_integer(ev, 0, INT32_MAX, NM_ERR_REFUSED, &number, err);
		r->pid = (pid_t)number;
	} else if (nm_json_value_at(ev, "start", NULL)) {
		rc = nm_json_value_integer(ev, 0, INT64_MAX, NM_ERR_REFUSED, &number, err);
		r->start = (uint64_t)number;
	}
	return rc;
}

static int read_member(void *ctx, const struct nm_json_event *ev, struct nm_err *err)
{
	struct nm_record *r = ctx;
	const char *top = ev->depth ? ev->path[0].key : "";

	if (ev->depth == 2 && ev->path[1].is_index) {
		if (!strcmp(top, "addresses"))
			return read_address(ev, r->address, r->families | r->held, &r->families, err);
		if (!strcmp(top, "lost"))
			return read_address(ev, r->address, r->families | r->held, &r->held, err);
		if (!strcmp(top, "ports"))
			return read_mapping(ev, &r->mappings, err);
		if (!strcmp(top, "networks"))
			return read_listed(ev, &r->networks, err);
		if (!strcmp(top, "allow"))
			return read_listed(ev, &r->allow, err);
	}
	if (ev->depth > 1 && !strcmp(top, "network"))
		return read_network(&r->network, ev, err);
	if (nm_json_value_at(ev, "interface", NULL))
		return read_text(ev, r->interface, sizeof(r->interface), err);
	if (nm_json_value_at(ev, "localnet", "interface", NULL))
		return read_text(ev, r->localnet, sizeof(r->localnet), err);
	if (nm_json_value_at(ev, "hairpin", "interface", NULL))
		return read_text(ev, r->bridge_port, sizeof(r->bridge_port), err);
	if (nm_json_value_at(ev, "localnet", "index", NULL))
		return read_index(ev, &r->localnet_index, err);
	if (nm_json_value_at(ev, "hairpin", "index", NULL))
		return read_index(ev, &r->bridge_port_index, err);
	if (nm_json_value_at(ev, "localnet", "set", NULL))
		r->localnet_set = ev->truth;
	else if (nm_json_value_at(ev, "hairpin", "set", NULL))
		r->hairpin_set = ev->truth;
	else if (nm_json_value_at(ev, "fixed", NULL))
		r->fixed = ev->truth;
	else if (nm_json_value_at(ev, "allow", NULL))
		r->restricted = true;
	return read_identity(r, ev, err);
}

static bool is_complete(const struct nm_record *r)
{
	return r->network.bridge[0] ? r->network.port[0] && r->network.families
				    : r->mappings.n && (r->families | r->held);
}

static int finish(struct nm_record *r, struct nm_record *ret, struct nm_err *err)
{
	if (!r->id || !is_complete(r))
		return nm_fail(err, NM_ERR_REFUSED, "record without id, ports or address");
	*ret = nm_steal(r);
	return 0;
}

int nm_record_json_read(const char *line, size_t len, struct nm_record *ret, struct nm_err *err)
{
	nm_autorecord struct nm_record r = {0};

	return nm_json_parse(line, len, false, read_member, &r, err) < 0 ? -1 : finish(&r, ret, err);
}

struct part {
	struct nm_record r;
	unsigned forwards; /* of the mappings so far */
	bool enough;
};

static void part_done(struct part *part)
{
	nm_record_done(&part->r);
}

static int read_part_member(void *ctx, const struct nm_json_event *ev, struct nm_err *err)
{
	struct part *part = ctx;
	struct nm_record *r = &part->r, last = *r; /* borrows all of it */

	if (read_member(r, ev, err) < 0)
		return -1;
	if (r->mappings.n == last.mappings.n)
		return 0;
	last.mappings = (struct nm_mappings){.v = &r->mappings.v[r->mappings.n - 1], .n = 1};
	part->forwards |= nm_record_forwards(&last);
	part->enough = part->forwards == r->families;
	return part->enough ? -1 : 0;
}

int nm_record_json_read_part(const char *line, size_t len, struct nm_record *ret, struct nm_err *err)
{
	NM_CLEANUP(part_done) struct part part = {.r.in_part = true};

	if (nm_json_parse(line, len, false, read_part_member, &part, err) < 0 && !part.enough)
		return -1;
	nm_handles_done(&part.r.handles);
	return finish(&part.r, ret, err);
}
