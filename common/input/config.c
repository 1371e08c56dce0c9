/*
 * The configuration file. One table says which keys there are, how each is read and what a message says was
 * expected; a key without a row is an error, for a misspelt policy must not quietly be no policy. The keys in
 * "static" have a table of their own, in input/config_static.c.
 */
#include "input/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/io.h"
#include "input/config_static.h"
#include "input/json_value.h"

#define PORTS_EXPECTED    "a list of ports such as \"1024-65535,80\""
#define FORWARD_EXPECTED  "\"set\" or \"check\""
#define PREFIXES_EXPECTED "a list of addresses and networks"
#define PREFIX_EXPECTED   "an address or network such as \"10.10.0.0/16\""

static void *member(const struct nm_config_loader *l, const struct nm_config_row *row)
{
	return (char *)l->config + row->offset;
}

static int read_bool(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err)
{
	if (event->type != NM_JSON_BOOL)
		return nm_config_schema_fail_expected(row, event, err);
	*(bool *)member(l, row) = event->truth;
	return 0;
}

static int read_unsigned(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err)
{
	int64_t v;

	if (nm_json_value_integer(event, row->min, row->max, NM_ERR_CONFIG, &v, err) < 0)
		return -1;
	*(unsigned *)member(l, row) = (unsigned)v;
	return 0;
}

static int read_choice(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err)
{
	nm_autofree char *text = NULL;

	if (nm_config_schema_string(row, event, &text, err) < 0)
		return -1;
	for (unsigned i = 0; row->choices[i]; i++)
		if (strcmp(text, row->choices[i]) == 0) {
			*(unsigned *)member(l, row) = i;
			return 0;
		}
	return nm_config_schema_fail_expected(row, event, err);
}

static int read_backend(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err)
{
	nm_autofree char *text = NULL;

	if (nm_config_schema_string(row, event, &text, err) < 0)
		return -1;
	if (strcmp(text, "auto") == 0)
		l->config->backend = NM_BACKEND_AUTO;
	else if (!nm_backend_parse(text, &l->config->backend))
		return nm_config_schema_fail_expected(row, event, err);
	return 0;
}

static int read_portset(const struct nm_config_row *row, const struct nm_json_event *event,
	struct nm_port_set *ret, struct nm_err *err)
{
	nm_autofree char *text = NULL;

	if (nm_config_schema_string(row, event, &text, err) < 0)
		return -1;
	return nm_port_set_parse(text, ret) == 0 ? 0 : nm_config_schema_fail_expected(row, event, err);
}

static int read_host_ports(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err)
{
	return read_portset(row, event, &l->config->policy.host_ports, err);
}

static int read_reserved_ports(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err)
{
	return read_portset(row, event, &l->reserved, err);
}

static int read_dynamic_ports(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err)
{
	nm_autofree char *text = NULL;

	if (nm_config_schema_string(row, event, &text, err) < 0)
		return -1;
	if (!strchr(text, '-') ||
		nm_port_range_parse(text, strlen(text), &l->config->dynamic_first, &l->config->dynamic_last) <
			0)
		return nm_config_schema_fail_expected(row, event, err);
	return 0;
}

static int read_prefix(struct nm_config_loader *l, const struct nm_config_row *row,
	const struct nm_json_event *event, struct nm_err *err)
{
	struct nm_prefixes *list = member(l, row);
	nm_autofree char *text = NULL;

	if (nm_config_schema_string(row, event, &text, err) < 0)
		return -1;
	if (nm_grow(list, "reading the configuration", err) < 0)
		return -1;
	if (nm_prefix_parse(text, strlen(text), &list->v[list->n]) < 0)
		return nm_config_schema_fail_expected(row, event, err);
	list->n++;
	return 0;
}

static const char *const forward_names[] = {[NM_FORWARD_SET] = "set", [NM_FORWARD_CHECK] = "check", NULL};
static const char *const listener_names[] = {
	[NM_LISTENER_OFF] = "off", [NM_LISTENER_WARN] = "warn", [NM_LISTENER_FAIL] = "fail", NULL};

/* read_choice() stores an enum as what it is to gcc and clang. */
_Static_assert(sizeof(enum nm_forward) == sizeof(unsigned), "enum nm_forward is not unsigned");
_Static_assert(sizeof(enum nm_listener_check) == sizeof(unsigned), "enum nm_listener_check is not unsigned");

#define SETS(field) .offset = offsetof(struct nm_config, field)

static const struct nm_config_row rows[] = {
	NM_CONFIG_ROW("", nm_config_schema_read_object, "an object"),
	NM_CONFIG_ROW("backend", read_backend, "\"iptables\", \"nftables\" or \"auto\""),
	NM_CONFIG_ROW("localhost", read_bool, "true or false", SETS(layout.localhost)),
	NM_CONFIG_ROW("hairpin", read_bool, "true or false", SETS(layout.hairpin)),
	NM_CONFIG_ROW("masquerade_all", read_bool, "true or false", SETS(layout.masquerade_all)),
	NM_CONFIG_ROW("ip_forward", nm_config_schema_read_object, "an object with ipv4 and ipv6"),
	NM_CONFIG_ROW("ip_forward.ipv4", read_choice, FORWARD_EXPECTED, SETS(forward[NM_IPV4]),
		.choices = forward_names),
	NM_CONFIG_ROW("ip_forward.ipv6", read_choice, FORWARD_EXPECTED, SETS(forward[NM_IPV6]),
		.choices = forward_names),
	NM_CONFIG_ROW("listener_check", read_choice, "\"off\", \"warn\" or \"fail\"", SETS(listener_check),
		.choices = listener_names),
	NM_CONFIG_ROW("dynamic_ports", read_dynamic_ports, "a range of ports such as \"61000-65535\""),
	NM_CONFIG_ROW("lock_timeout_ms", read_unsigned, NULL, SETS(lock_timeout_ms), .min = 1, .max = 600000),
	NM_CONFIG_ROW("policy", nm_config_schema_read_object, "an object"),
	NM_CONFIG_ROW("policy.host_ports", read_host_ports, PORTS_EXPECTED),
	NM_CONFIG_ROW("policy.reserved_ports", read_reserved_ports, PORTS_EXPECTED),
	NM_CONFIG_ROW("policy.host_addresses", nm_config_schema_read_array, PREFIXES_EXPECTED),
	NM_CONFIG_ROW("policy.host_addresses[]", read_prefix, PREFIX_EXPECTED, SETS(policy.host_addresses)),
	NM_CONFIG_ROW("policy.address", nm_config_schema_read_array, PREFIXES_EXPECTED),
	NM_CONFIG_ROW("policy.address[]", read_prefix, PREFIX_EXPECTED, SETS(policy.address)),
	NM_CONFIG_ROW(
		"policy.max_ports", read_unsigned, NULL, SETS(policy.max_ports), .min = 1, .max = UINT16_MAX),
};
static const struct nm_config_table table = {rows, sizeof(rows) / sizeof(*rows)};

_Static_assert(sizeof(rows) / sizeof(*rows) <= NM_CONFIG_ROWS_MAX, "more rows than bits");

/* True when the value is "static" or in it. */
static bool is_static(const struct nm_json_event *event)
{
	return event->depth > 0 && !event->path[0].is_index && strcmp(event->path[0].key, "static") == 0;
}

/* Containers do not need what is in "static": the first mistake there is kept for those who do. */
static int on_static(struct nm_config_loader *l, const struct nm_json_event *event, struct nm_err *err)
{
	struct nm_err *mistake = &l->config->statics_err;

	if (mistake->kind != NM_ERR_NONE ||
		nm_config_schema_read(&nm_config_static_table, &l->statics_seen, l, event, mistake) == 0 ||
		mistake->kind == NM_ERR_CONFIG)
		return 0;
	*err = *mistake;
	return -1;
}

static int on_event(void *ctx, const struct nm_json_event *event, struct nm_err *err)
{
	struct nm_config_loader *l = ctx;

	return is_static(event) ? on_static(l, event, err)
				: nm_config_schema_read(&table, &l->seen, l, event, err);
}

void nm_config_init(struct nm_config *c)
{
	*c = (struct nm_config){
		.layout = {.localhost = true, .hairpin = true, .masquerade_all = false},
		.forward = {[NM_IPV4] = NM_FORWARD_SET, [NM_IPV6] = NM_FORWARD_CHECK},
		.listener_check = NM_LISTENER_FAIL,
		.dynamic_first = 61000,
		.dynamic_last = 65535,
		.lock_timeout_ms = 5000,
		.policy = {.max_ports = 1024},
	};
	memset(c->policy.host_ports.bits, 0xff, sizeof(c->policy.host_ports.bits));
	c->policy.host_ports.bits[0] &= 0xfe; /* there is no port 0 */
}

void nm_config_done(struct nm_config *c)
{
	if (!c)
		return;
	nm_prefixes_done(&c->policy.host_addresses);
	nm_prefixes_done(&c->policy.address);
	nm_static_nats_done(&c->statics);
}

/* Nothing of "static" counts when anything in it is wrong. */
static void finish_statics(struct nm_config *c, const char *name)
{
	if (c->statics_err.kind == NM_ERR_NONE && nm_config_static_check(&c->statics, &c->statics_err) == 0)
		return;
	nm_static_nats_done(&c->statics);
	nm_wrap(&c->statics_err, "%s", name);
}

int nm_config_parse(struct nm_config *c, const char *text, size_t len, const char *name, struct nm_err *err)
{
	struct nm_config_loader l = {.config = c};

	if (nm_json_parse(text, len, true, on_event, &l, err) < 0) {
		if (err->kind == NM_ERR_REFUSED)
			err->kind = NM_ERR_CONFIG; /* the parser's kind is made for OCI states */
		return nm_wrap(err, "%s", name);
	}
	for (size_t i = 0; i < sizeof(l.reserved.bits); i++)
		c->policy.host_ports.bits[i] &= (uint8_t)~l.reserved.bits[i];
	finish_statics(c, name);
	return 0;
}

int nm_config_require_statics(const struct nm_config *c, struct nm_err *err)
{
	if (c->statics_err.kind == NM_ERR_NONE)
		return 0;
	*err = c->statics_err;
	return -1;
}

static int fail_config(const char *path, const char *why, struct nm_err *err)
{
	return nm_fail(err, NM_ERR_CONFIG, "configuration file '%s': %s", path, why);
}

/* Whoever can write the file decides who may publish what. */
static int check_file(int fd, const char *path, struct nm_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail_config(path, strerror(errno), err);
	if (!S_ISREG(st.st_mode))
		return fail_config(path, "not a regular file", err);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fail_config(path, "belongs neither to root nor to the user natmap runs as", err);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return fail_config(path, "writable by others than its owner", err);
	return 0;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 || errno != ENOENT;
}

static int load(struct nm_config *c, const char *path, struct nm_err *err)
{
	const char *name = path ? path : NM_CONFIG_PATH;
	/* A FIFO must not make the hook wait. */
	nm_autoclose int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	nm_autofree char *text = NULL;
	size_t len;

	/* A symbolic link to nowhere is a configuration that got lost, not one that was never made. */
	if (fd < 0 && errno == ENOENT && !path && !exists(name))
		return 0;
	if (fd < 0)
		return fail_config(name, strerror(errno), err);
	if (check_file(fd, name, err) < 0)
		return -1;
	if (nm_io_read_all(fd, NM_CONFIG_MAX, name, &text, &len, err) < 0) {
		if (err->kind == NM_ERR_REFUSED)
			err->kind = NM_ERR_CONFIG;
		return -1;
	}
	return nm_config_parse(c, text, len, name, err);
}

int nm_config_load(struct nm_config *c, const char *path, struct nm_err *err)
{
	nm_config_init(c);
	if (load(c, path, err) == 0)
		return 0;
	nm_config_done(c);
	nm_config_init(c);
	return -1;
}
