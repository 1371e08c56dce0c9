/*
 * The configuration. One table lists the keys, how each is read and what messages say is expected. A key
 * without a row is an error: a misspelt policy must not silently be no policy. "static" has a table of its
 * own, in input/config_static.c.
 */
#include "input/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "input/config_static.h"
#include "input/json_value.h"

#define PORTS_EXPECTED    "a list of ports such as \"1024-65535,80\""
#define FORWARD_EXPECTED  "\"interfaces\", \"set\" or \"check\""
#define PREFIXES_EXPECTED "a list of addresses and networks"
#define BRIDGE_EXPECTED   "the name of an interface such as \"natmap0\""
#define SUBNETS_EXPECTED  "a list of networks, at most one of IPv4 and one of IPv6"
#define SUBNET_EXPECTED   "a network such as \"10.86.0.0/24\""
#define MTU_EXPECTED      "0 or a whole number from 1280 to 65535"
#define PREFIX_EXPECTED   "an address or network such as \"10.10.0.0/16\""

/* What the rows' readers read into. */
struct loader {
	struct nm_config *config;
	struct nm_port_set reserved;
	uint64_t seen, statics_seen; /* one bit for each row of their tables */
};

static void *member(const struct nm_config_value *v)
{
	return (char *)((struct loader *)v->ctx)->config + v->row->offset;
}

static int read_bool(struct nm_config_value *v, struct nm_err *err)
{
	(void)err;
	*(bool *)member(v) = v->event->truth;
	return 0;
}

static int read_unsigned(struct nm_config_value *v, struct nm_err *err)
{
	int64_t number;

	if (nm_json_value_integer(v->event, v->row->min, v->row->max, NM_ERR_CONFIG, &number, err) < 0)
		return -1;
	*(unsigned *)member(v) = (unsigned)number;
	return 0;
}

/* A later version may give keys of today another meaning. */
static int read_version(struct nm_config_value *v, struct nm_err *err)
{
	int64_t version;

	if (nm_json_value_integer(v->event, 1, INT64_MAX, NM_ERR_CONFIG, &version, err) < 0)
		return -1;
	if (version > NM_CONFIG_VERSION)
		return nm_fail(err, NM_ERR_CONFIG,
			"version: %" PRId64 " is newer than this natmap, which knows %d", version,
			NM_CONFIG_VERSION);
	return 0;
}

static int read_choice(struct nm_config_value *v, struct nm_err *err)
{
	for (unsigned i = 0; v->row->choices[i]; i++)
		if (strcmp(v->text, v->row->choices[i]) == 0) {
			*(unsigned *)member(v) = i;
			return 0;
		}
	return nm_config_schema_fail_expected(v, err);
}

static int read_backend(struct nm_config_value *v, struct nm_err *err)
{
	enum nm_backend *backend = member(v);

	if (strcmp(v->text, "auto") == 0)
		*backend = NM_BACKEND_AUTO;
	else if (!nm_backend_parse(v->text, backend))
		return nm_config_schema_fail_expected(v, err);
	return 0;
}

static int read_host_ports(struct nm_config_value *v, struct nm_err *err)
{
	return nm_port_set_parse(v->text, member(v)) == 0 ? 0 : nm_config_schema_fail_expected(v, err);
}

static int read_reserved_ports(struct nm_config_value *v, struct nm_err *err)
{
	struct loader *l = v->ctx;

	return nm_port_set_parse(v->text, &l->reserved) == 0 ? 0 : nm_config_schema_fail_expected(v, err);
}

static int read_dynamic_ports(struct nm_config_value *v, struct nm_err *err)
{
	struct nm_config *c = member(v);

	if (!strchr(v->text, '-') ||
		nm_port_range_parse(v->text, strlen(v->text), &c->dynamic_first, &c->dynamic_last) < 0)
		return nm_config_schema_fail_expected(v, err);
	return 0;
}

static int read_prefix(struct nm_config_value *v, struct nm_err *err)
{
	struct nm_prefixes *list = member(v);
	struct nm_prefix prefix;

	if (nm_prefix_parse(v->text, strlen(v->text), &prefix) < 0)
		return nm_config_schema_fail_expected(v, err);
	if (nm_grow(list, "reading the configuration", err) < 0)
		return -1;
	list->v[list->n++] = prefix;
	return 0;
}

/* The list of the file replaces the default. */
static int begin_sources(struct nm_config_value *v, struct nm_err *err)
{
	(void)err;
	((struct nm_sources *)member(v))->n = 0;
	return 0;
}

static int read_source(struct nm_config_value *v, struct nm_err *err)
{
	return nm_sources_add(member(v), v->text) ? 0 : nm_config_schema_fail_expected(v, err);
}

static int read_bridge(struct nm_config_value *v, struct nm_err *err)
{
	if (!nm_config_schema_is_interface(v->text))
		return nm_config_schema_fail_expected(v, err);
	memcpy(member(v), v->text, strlen(v->text) + 1);
	return 0;
}

/* The list of the file replaces the default. */
static int begin_subnets(struct nm_config_value *v, struct nm_err *err)
{
	(void)err;
	((struct nm_network *)member(v))->families = 0;
	return 0;
}

static int read_subnet(struct nm_config_value *v, struct nm_err *err)
{
	struct nm_network *network = member(v);
	struct nm_prefix subnet;
	const char *expected;
	char why[64];

	if (nm_prefix_parse(v->text, strlen(v->text), &subnet) < 0)
		return nm_config_schema_fail_expected(v, err);
	expected = network->families & 1u << subnet.addr.family ? "one network of a family"
								: nm_network_subnet_invalid(&subnet);
	(void)snprintf(why, sizeof(why), "expected %s", expected ? expected : "");
	if (expected)
		return nm_json_value_fail(v->event, NM_ERR_CONFIG, why, err);
	network->families |= 1u << subnet.addr.family;
	network->subnet[subnet.addr.family] = subnet;
	return 0;
}

/* Less is too little for IPv6 (RFC 8200). */
static int read_mtu(struct nm_config_value *v, struct nm_err *err)
{
	int64_t mtu;

	if (nm_json_value_integer(v->event, 0, UINT16_MAX, NM_ERR_CONFIG, &mtu, err) < 0 ||
		(mtu > 0 && mtu < 1280))
		return nm_config_schema_fail_expected(v, err);
	*(unsigned *)member(v) = (unsigned)mtu;
	return 0;
}

static const char *const forward_names[] = {
	[NM_FORWARD_INTERFACES] = "interfaces", [NM_FORWARD_SET] = "set", [NM_FORWARD_CHECK] = "check", NULL};
static const char *const listener_names[] = {[NM_LISTENER_OFF] = "off",
	[NM_LISTENER_WARN] = "warn",
	[NM_LISTENER_FAIL] = "fail",
	[NM_LISTENER_EXACT] = "exact",
	NULL};

static const char *const conflict_names[] = {
	[NM_CONFLICT_OFF] = "off", [NM_CONFLICT_WARN] = "warn", [NM_CONFLICT_FAIL] = "fail", NULL};

/* read_choice() stores an enum as what it is to gcc and clang. */
_Static_assert(sizeof(enum nm_forward) == sizeof(unsigned), "enum nm_forward is not unsigned");
_Static_assert(sizeof(enum nm_listener_check) == sizeof(unsigned), "enum nm_listener_check is not unsigned");
_Static_assert(sizeof(enum nm_conflict_check) == sizeof(unsigned), "enum nm_conflict_check is not unsigned");

#define SETS(field) .offset = offsetof(struct nm_config, field)

#define ROW NM_CONFIG_ROW

static const struct nm_config_row rows[] = {
	ROW("", OBJECT, NULL, "an object"),
	ROW("version", NUMBER, read_version, NULL),
	ROW("backend", STRING, read_backend, "\"iptables\", \"nftables\" or \"auto\"", SETS(backend)),
	ROW("localhost", BOOL, read_bool, "true or false", SETS(layout.localhost)),
	ROW("hairpin", BOOL, read_bool, "true or false", SETS(layout.hairpin)),
	ROW("masquerade_all", BOOL, read_bool, "true or false", SETS(layout.masquerade_all)),
	ROW("ip_forward", OBJECT, NULL, "an object with ipv4 and ipv6"),
	ROW("ip_forward.ipv4", STRING, read_choice, FORWARD_EXPECTED, SETS(forward[NM_IPV4]),
		.choices = forward_names),
	ROW("ip_forward.ipv6", STRING, read_choice, FORWARD_EXPECTED, SETS(forward[NM_IPV6]),
		.choices = forward_names),
	ROW("listener_check", STRING, read_choice, "\"off\", \"warn\", \"fail\" or \"exact\"",
		SETS(listener_check), .choices = listener_names),
	ROW("conflict_check", STRING, read_choice, "\"off\", \"warn\" or \"fail\"", SETS(conflict_check),
		.choices = conflict_names),
	ROW("dynamic_ports", STRING, read_dynamic_ports, "a range of ports such as \"61000-65535\""),
	ROW("lock_timeout_ms", NUMBER, read_unsigned, NULL, SETS(lock_timeout_ms), .min = 1, .max = 600000),
	ROW("sources", ARRAY, begin_sources, "a list of sources of ports", SETS(sources)),
	ROW("sources[]", STRING, read_source, "\"natmap\", \"nerdctl\", \"cri-o\" or \"kubelet\"",
		SETS(sources)),
	ROW("network", OBJECT, NULL, "an object"),
	ROW("network.bridge", STRING, read_bridge, BRIDGE_EXPECTED, SETS(network.bridge)),
	ROW("network.subnets", ARRAY, begin_subnets, SUBNETS_EXPECTED, SETS(network)),
	ROW("network.subnets[]", STRING, read_subnet, SUBNET_EXPECTED, SETS(network)),
	ROW("network.mtu", NUMBER, read_mtu, MTU_EXPECTED, SETS(network.mtu)),
	ROW("network.isolate", BOOL, read_bool, "true or false", SETS(network.isolate)),
	ROW("policy", OBJECT, NULL, "an object"),
	ROW("policy.host_ports", STRING, read_host_ports, PORTS_EXPECTED, SETS(policy.host_ports)),
	ROW("policy.reserved_ports", STRING, read_reserved_ports, PORTS_EXPECTED),
	ROW("policy.host_addresses", ARRAY, NULL, PREFIXES_EXPECTED),
	ROW("policy.host_addresses[]", STRING, read_prefix, PREFIX_EXPECTED, SETS(policy.host_addresses)),
	ROW("policy.address", ARRAY, NULL, PREFIXES_EXPECTED),
	ROW("policy.address[]", STRING, read_prefix, PREFIX_EXPECTED, SETS(policy.address)),
	ROW("policy.max_ports", NUMBER, read_unsigned, NULL, SETS(policy.max_ports), .min = 1,
		.max = UINT16_MAX),
	ROW("policy.network", BOOL, read_bool, "true or false", SETS(policy.network)),
	{.path = NULL},
};

_Static_assert(sizeof(rows) / sizeof(*rows) <= NM_CONFIG_ROWS_MAX, "more rows than bits");

/* True when the value is "static" or in it. */
static bool is_static(const struct nm_json_event *event)
{
	return event->depth > 0 && !event->path[0].is_index && strcmp(event->path[0].key, "static") == 0;
}

/* Containers do not need "static": its first mistake is kept for commands that do. */
static int on_static(struct loader *l, const struct nm_json_event *event, struct nm_err *err)
{
	struct nm_err *mistake = &l->config->statics_err;

	if (mistake->kind != NM_ERR_NONE ||
		nm_config_schema_read(
			nm_config_static_rows, &l->statics_seen, &l->config->statics, event, mistake) == 0 ||
		mistake->kind == NM_ERR_CONFIG)
		return 0;
	*err = *mistake;
	return -1;
}

static int on_event(void *ctx, const struct nm_json_event *event, struct nm_err *err)
{
	struct loader *l = ctx;

	return is_static(event) ? on_static(l, event, err)
				: nm_config_schema_read(rows, &l->seen, l, event, err);
}

void nm_config_init(struct nm_config *c)
{
	*c = (struct nm_config){
		.layout = {.localhost = true, .hairpin = true, .masquerade_all = false},
		.backend = NM_BACKEND_AUTO,
		.forward = {[NM_IPV4] = NM_FORWARD_INTERFACES, [NM_IPV6] = NM_FORWARD_CHECK},
		.listener_check = NM_LISTENER_FAIL,
		.conflict_check = NM_CONFLICT_FAIL,
		.dynamic_first = 61000,
		.dynamic_last = 65535,
		.lock_timeout_ms = 5000,
		.sources = {.v = {NM_SOURCE_NATMAP}, .n = 1},
		.network = {.bridge = "natmap0",
			.families = NM_BOTH_FAMILIES,
			.subnet = {{{NM_IPV4, {10, 86}}, 24}, {{NM_IPV6, {0xfd, [3] = 0x86}}, 64}}},
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

/* One mistake in "static" makes all of it void. */
static void finish_statics(struct nm_config *c, const char *name)
{
	if (c->statics_err.kind == NM_ERR_NONE && nm_config_static_check(&c->statics, &c->statics_err) == 0)
		return;
	nm_static_nats_done(&c->statics);
	nm_wrap(&c->statics_err, "%s", name);
}

int nm_config_parse(struct nm_config *c, const char *text, size_t len, const char *name, struct nm_err *err)
{
	struct loader l = {.config = c};

	if (nm_json_parse(text, len, true, on_event, &l, err) < 0) {
		if (err->kind == NM_ERR_REFUSED)
			err->kind = NM_ERR_CONFIG; /* the parser's kind is made for OCI states */
		return nm_wrap(err, "%s", name);
	}
	if (!c->network.families)
		return nm_fail(
			err, NM_ERR_CONFIG, "%s: network.subnets: expected one network at least", name);
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
