/*
 * The configuration file. One table says which keys there are, how each is read and what a message says was
 * expected; a key without a row is an error, for a misspelt policy must not quietly be no policy.
 * An element of an array is the row "list[]", a member of an object in it would be "list[].key".
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "io.h"
#include "json.h"

#define PORTS_EXPECTED    "a list of ports such as \"1024-65535,80\""
#define FORWARD_EXPECTED  "\"set\" or \"check\""
#define PREFIXES_EXPECTED "a list of addresses and networks"
#define PREFIX_EXPECTED   "an address or network such as \"10.10.0.0/16\""

struct loader {
	struct nm_config *config;
	struct nm_portset reserved;
	uint64_t seen; /* one bit for each row */
};

struct row;
typedef int row_reader(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err);

struct row {
	const char *path;
	row_reader *read;
	const char *expected;       /* NULL for read_unsigned, which says it by min and max */
	size_t offset;              /* of the member of struct nm_config that it sets, if it is a plain one */
	const char *const *choices; /* read_choice: the names of 0, 1, ..., then NULL */
	int64_t min, max;           /* read_unsigned */
};

static void *member(const struct loader *l, const struct row *row)
{
	return (char *)l->config + row->offset;
}

static int fail_expected(const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	char path[NM_JSON_PATH_MAX];

	return nm_fail(err, NM_ERR_CONFIG, "%s: expected %s", nm_json_path(event, path), row->expected);
}

/* The string, or the row's own message. */
static int get_string(
	const struct row *row, const struct nm_json_event *event, char **ret, struct nm_err *err)
{
	if (nm_json_string(event, NM_ERR_CONFIG, ret, err) == 0)
		return 0;
	return err->kind == NM_ERR_FAILED ? -1 : fail_expected(row, event, err);
}

static int read_object(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	(void)l; /* its members come as events of their own */
	return event->type == NM_JSON_OBJECT ? 0 : fail_expected(row, event, err);
}

static int read_array(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	(void)l; /* its elements come as events of their own */
	return event->type == NM_JSON_ARRAY ? 0 : fail_expected(row, event, err);
}

static int read_bool(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	if (event->type != NM_JSON_BOOL)
		return fail_expected(row, event, err);
	*(bool *)member(l, row) = event->truth;
	return 0;
}

static int read_unsigned(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	int64_t v;

	if (nm_json_integer(event, row->min, row->max, NM_ERR_CONFIG, &v, err) < 0)
		return -1;
	*(unsigned *)member(l, row) = (unsigned)v;
	return 0;
}

static int read_choice(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	nm_autofree char *text = NULL;

	if (get_string(row, event, &text, err) < 0)
		return -1;
	for (unsigned i = 0; row->choices[i]; i++)
		if (strcmp(text, row->choices[i]) == 0) {
			*(unsigned *)member(l, row) = i;
			return 0;
		}
	return fail_expected(row, event, err);
}

static int read_backend(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	nm_autofree char *text = NULL;

	(void)l; /* there is one backend: nothing to note down */
	if (get_string(row, event, &text, err) < 0)
		return -1;
	if (strcmp(text, "nftables") == 0 || strcmp(text, "auto") == 0)
		return nm_fail(err, NM_ERR_CONFIG, "backend: '%s' is not supported by this version", text);
	return strcmp(text, "iptables") == 0 ? 0 : fail_expected(row, event, err);
}

static int read_portset(
	const struct row *row, const struct nm_json_event *event, struct nm_portset *ret, struct nm_err *err)
{
	nm_autofree char *text = NULL;

	if (get_string(row, event, &text, err) < 0)
		return -1;
	return nm_portset_parse(text, ret) == 0 ? 0 : fail_expected(row, event, err);
}

static int read_host_ports(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	return read_portset(row, event, &l->config->policy.host_ports, err);
}

static int read_reserved_ports(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	return read_portset(row, event, &l->reserved, err);
}

static int read_dynamic_ports(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	nm_autofree char *text = NULL;

	if (get_string(row, event, &text, err) < 0)
		return -1;
	if (!strchr(text, '-') ||
		nm_port_range_parse(text, strlen(text), &l->config->dynamic_first, &l->config->dynamic_last) <
			0)
		return fail_expected(row, event, err);
	return 0;
}

static int read_prefix(
	struct loader *l, const struct row *row, const struct nm_json_event *event, struct nm_err *err)
{
	struct nm_prefixes *list = member(l, row);
	nm_autofree char *text = NULL;
	struct nm_prefix prefix, *grown;

	if (get_string(row, event, &text, err) < 0)
		return -1;
	if (nm_prefix_parse(text, strlen(text), &prefix) < 0)
		return fail_expected(row, event, err);
	grown = reallocarray(list->v, list->n + 1, sizeof(*grown));
	if (!grown)
		return nm_fail_errno(err, ENOMEM, "reading the configuration");
	list->v = grown;
	list->v[list->n++] = prefix;
	return 0;
}

static const char *const forward_names[] = {[NM_FORWARD_SET] = "set", [NM_FORWARD_CHECK] = "check", NULL};
static const char *const listener_names[] = {
	[NM_LISTENER_OFF] = "off", [NM_LISTENER_WARN] = "warn", [NM_LISTENER_FAIL] = "fail", NULL};

/* read_choice() stores an enum as what it is to gcc and clang. */
_Static_assert(sizeof(enum nm_forward) == sizeof(unsigned), "enum nm_forward is not unsigned");
_Static_assert(sizeof(enum nm_listener_check) == sizeof(unsigned), "enum nm_listener_check is not unsigned");

#define ROW(at, reader, what, ...)                                          \
	{                                                                   \
		.path = at, .read = reader, .expected = what, ##__VA_ARGS__ \
	}
#define SETS(field) .offset = offsetof(struct nm_config, field)

static const struct row rows[] = {
	ROW("", read_object, "an object"),
	ROW("backend", read_backend, "\"iptables\""),
	ROW("localhost", read_bool, "true or false", SETS(layout.localhost)),
	ROW("hairpin", read_bool, "true or false", SETS(layout.hairpin)),
	ROW("masquerade_all", read_bool, "true or false", SETS(layout.masquerade_all)),
	ROW("ip_forward", read_object, "an object with ipv4 and ipv6"),
	ROW("ip_forward.ipv4", read_choice, FORWARD_EXPECTED, SETS(forward[NM_IPV4]),
		.choices = forward_names),
	ROW("ip_forward.ipv6", read_choice, FORWARD_EXPECTED, SETS(forward[NM_IPV6]),
		.choices = forward_names),
	ROW("listener_check", read_choice, "\"off\", \"warn\" or \"fail\"", SETS(listener_check),
		.choices = listener_names),
	ROW("dynamic_ports", read_dynamic_ports, "a range of ports such as \"61000-65535\""),
	ROW("lock_timeout_ms", read_unsigned, NULL, SETS(lock_timeout_ms), .min = 1, .max = 600000),
	ROW("policy", read_object, "an object"),
	ROW("policy.host_ports", read_host_ports, PORTS_EXPECTED),
	ROW("policy.reserved_ports", read_reserved_ports, PORTS_EXPECTED),
	ROW("policy.host_addresses", read_array, PREFIXES_EXPECTED),
	ROW("policy.host_addresses[]", read_prefix, PREFIX_EXPECTED, SETS(policy.host_addresses)),
	ROW("policy.address", read_array, PREFIXES_EXPECTED),
	ROW("policy.address[]", read_prefix, PREFIX_EXPECTED, SETS(policy.address)),
	ROW("policy.max_ports", read_unsigned, NULL, SETS(policy.max_ports), .min = 1, .max = UINT16_MAX),
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

/* True when *path goes on with this step, which it then steps over. A key with a dot in it matches nothing.
 */
static bool take_step(const struct nm_json_step *step, const char **path)
{
	const char *text = step->is_index ? "[]" : step->key;
	size_t len = step->is_index ? strlen(text) : strcspn(*path, ".[");

	if (len == 0 || strlen(text) != len || strncmp(*path, text, len) != 0)
		return false;
	*path += len;
	*path += **path == '.';
	return true;
}

static bool is_at(const struct nm_json_event *event, const char *path)
{
	for (size_t i = 0; i < event->depth; i++)
		if (!take_step(&event->path[i], &path))
			return false;
	return *path == '\0';
}

static const struct row *find_row(const struct nm_json_event *event)
{
	for (size_t i = 0; i < ROWS; i++)
		if (is_at(event, rows[i].path))
			return &rows[i];
	return NULL;
}

static bool seen_before(struct loader *l, const struct row *row)
{
	uint64_t bit = UINT64_C(1) << (row - rows);
	bool is_element = strchr(row->path, '[') != NULL;
	bool before = (l->seen & bit) != 0;

	l->seen |= bit;
	return before && !is_element;
}

static int on_event(void *ctx, const struct nm_json_event *event, struct nm_err *err)
{
	char path[NM_JSON_PATH_MAX];
	struct loader *l = ctx;
	const struct row *row = find_row(event);

	if (!row)
		return nm_fail(err, NM_ERR_CONFIG, "%s: unknown key", nm_json_path(event, path));
	if (seen_before(l, row))
		return nm_fail(err, NM_ERR_CONFIG, "%s: given twice", nm_json_path(event, path));
	return row->read(l, row, event, err);
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
}

int nm_config_parse(struct nm_config *c, const char *text, size_t len, const char *name, struct nm_err *err)
{
	struct loader l = {.config = c};

	if (nm_json_parse(text, len, true, on_event, &l, err) < 0) {
		if (err->kind == NM_ERR_REFUSED)
			err->kind = NM_ERR_CONFIG; /* the parser's kind is made for OCI states */
		return nm_wrap(err, "%s", name);
	}
	for (size_t i = 0; i < sizeof(l.reserved.bits); i++)
		c->policy.host_ports.bits[i] &= (uint8_t)~l.reserved.bits[i];
	return 0;
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
		return fail_config(path, strerrordesc_np(errno), err);
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

int nm_config_load(struct nm_config *c, const char *path, struct nm_err *err)
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
		return fail_config(name, strerrordesc_np(errno), err);
	if (check_file(fd, name, err) < 0)
		return -1;
	if (nm_io_read_all(fd, NM_CONFIG_MAX, name, &text, &len, err) < 0) {
		if (err->kind == NM_ERR_REFUSED)
			err->kind = NM_ERR_CONFIG;
		return -1;
	}
	return nm_config_parse(c, text, len, name, err);
}
