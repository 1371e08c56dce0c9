/*
 * "static" of the configuration. Each reader fills the last entry of the list; what concerns several members
 * or entries is checked when all have been read. Nothing is corrected or guessed: a wrong rule would send
 * packets to the wrong host.
 */
#include "input/config_static.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "input/json_value.h"
#include "input/oci_state.h"

enum { NAME_MAX_LEN = 64 };

#define NAME_EXPECTED      "a name of at most 64 letters, digits and _+,.-"
#define ADDRESS_EXPECTED   "an IP address such as \"203.0.113.43\""
#define NETWORK_EXPECTED   "an address or network such as \"10.10.10.0/24\""
#define INTERFACE_EXPECTED "the name of an interface such as \"eth0\""
#define PORTS_EXPECTED     "a list of ports and ranges such as \"25,465,8000-8010\""
#define PROTOCOL_EXPECTED  "\"tcp\", \"udp\" or \"sctp\""

static struct nm_static_nat *current(const struct nm_config_value *v)
{
	const struct nm_static_nats *list = v->ctx;

	return &list->v[list->n - 1];
}

static void *member(const struct nm_config_value *v)
{
	return (char *)current(v) + v->row->offset;
}

/* The kind of an element of static.KIND. */
static enum nm_static_kind kind_of(const struct nm_json_event *event)
{
	enum nm_static_kind kind = NM_STATIC_DNAT;

	while (strcmp(event->path[1].key, nm_static_nat_kind_name(kind)) != 0)
		kind++; /* there is no row for any other key */
	return kind;
}

static int read_entry(struct nm_config_value *v, struct nm_err *err)
{
	struct nm_static_nats *list = v->ctx;

	if (list->n == NM_STATICS_MAX)
		return nm_json_value_fail(v->event, NM_ERR_CONFIG, "too many static rules", err);
	if (nm_grow(list, "reading the configuration", err) < 0)
		return -1;
	list->v[list->n++] = (struct nm_static_nat){.kind = kind_of(v->event), .protocol = IPPROTO_TCP};
	return 0;
}

static int read_name(struct nm_config_value *v, struct nm_err *err)
{
	struct nm_static_nat *s = current(v);

	s->name = nm_steal(&v->text);
	if (nm_oci_state_id_invalid(s->name) || strlen(s->name) > NAME_MAX_LEN)
		return nm_config_schema_fail_expected(v, err);
	if (asprintf(&s->owner, "@%s/%s", nm_static_nat_kind_name(s->kind), s->name) < 0) {
		s->owner = NULL;
		return nm_fail_memory(err, "reading the configuration");
	}
	return 0;
}

static int check_usable(const struct nm_config_value *v, const struct nm_addr *a, struct nm_err *err)
{
	const char *kind = nm_addr_unusable(a);
	char why[64];

	(void)snprintf(why, sizeof(why), "expected an address that is not %s", kind ? kind : "");
	return kind ? nm_json_value_fail(v->event, NM_ERR_CONFIG, why, err) : 0;
}

static int read_address(struct nm_config_value *v, struct nm_err *err)
{
	struct nm_addr *address = member(v);

	if (nm_addr_parse(v->text, strlen(v->text), address) < 0)
		return nm_config_schema_fail_expected(v, err);
	return check_usable(v, address, err);
}

static int read_network(struct nm_config_value *v, struct nm_err *err)
{
	struct nm_prefix *network = member(v);

	if (nm_prefix_parse(v->text, strlen(v->text), network) < 0)
		return nm_config_schema_fail_expected(v, err);
	*network = nm_prefix_network(network);
	return check_usable(v, &network->addr, err);
}

/* An address alone, as a network. */
static int read_whole(struct nm_config_value *v, struct nm_err *err)
{
	return strchr(v->text, '/') ? nm_config_schema_fail_expected(v, err) : read_network(v, err);
}

static int read_interface(struct nm_config_value *v, struct nm_err *err)
{
	if (!nm_config_schema_is_interface(v->text))
		return nm_config_schema_fail_expected(v, err);
	memcpy(member(v), v->text, strlen(v->text) + 1);
	return 0;
}

static int read_protocol(struct nm_config_value *v, struct nm_err *err)
{
	if (nm_mapping_protocol_parse(v->text, strlen(v->text), member(v)) < 0)
		return nm_config_schema_fail_expected(v, err);
	return 0;
}

/* Appends the ports. False when the list has one of them already. */
static bool add_ports(struct nm_static_nat *s, struct nm_ports ports)
{
	for (size_t i = 0; i < s->n_ports; i++)
		if (ports.first <= s->ports[i].last && s->ports[i].first <= ports.last)
			return false;
	s->ports[s->n_ports++] = ports;
	return true;
}

static int read_ports(struct nm_config_value *v, struct nm_err *err)
{
	struct nm_static_nat *s = current(v);
	const char *rest = v->text, *element;
	struct nm_ports ports;
	size_t len;

	if (nm_text_list_count(v->text) > NM_STATIC_PORTS_MAX)
		return nm_json_value_fail(v->event, NM_ERR_CONFIG, "too many ports and ranges", err);
	s->ports = calloc(nm_text_list_count(v->text), sizeof(*s->ports));
	if (!s->ports)
		return nm_fail_memory(err, "reading the configuration");
	while ((element = nm_text_list_next(&rest, &len))) {
		if (nm_port_range_parse(element, len, &ports.first, &ports.last) < 0)
			return nm_config_schema_fail_expected(v, err);
		if (!add_ports(s, ports))
			return nm_json_value_fail(
				v->event, NM_ERR_CONFIG, "a port is in the list twice", err);
	}
	return 0;
}

#define ROW         NM_CONFIG_ROW
#define SETS(field) .offset = offsetof(struct nm_static_nat, field)

#define ENTRIES(kind)                                                                             \
	ROW("static." kind, ARRAY, NULL, "a list of objects"),                                    \
		ROW("static." kind "[]", OBJECT, read_entry, "an object"),                        \
		ROW("static." kind "[].name", STRING, read_name, NAME_EXPECTED),                  \
		ROW("static." kind "[].external_address", STRING, read_address, ADDRESS_EXPECTED, \
			SETS(external))
#define INTERFACE(kind)                                                                         \
	ROW("static." kind "[].external_interface", STRING, read_interface, INTERFACE_EXPECTED, \
		SETS(interface))
#define SERVICE(kind)                                                                                    \
	ROW("static." kind "[].internal_address", STRING, read_whole, ADDRESS_EXPECTED, SETS(internal)), \
		ROW("static." kind "[].ports", STRING, read_ports, PORTS_EXPECTED),                      \
		ROW("static." kind "[].protocol", STRING, read_protocol, PROTOCOL_EXPECTED, SETS(protocol))

const struct nm_config_row nm_config_static_rows[] = {
	ROW("static", OBJECT, NULL, "an object with dnat, snat and hairpin"),
	ENTRIES("dnat"),
	INTERFACE("dnat"),
	SERVICE("dnat"),
	ENTRIES("snat"),
	INTERFACE("snat"),
	ROW("static.snat[].internal_address", STRING, read_network, NETWORK_EXPECTED, SETS(internal)),
	ENTRIES("hairpin"),
	SERVICE("hairpin"),
	ROW("static.hairpin[].lan", STRING, read_network, NETWORK_EXPECTED, SETS(lan)),
	{.path = NULL},
};

_Static_assert(sizeof(nm_config_static_rows) / sizeof(*nm_config_static_rows) <= NM_CONFIG_ROWS_MAX,
	"more rows than bits");

/* The index of the entry in static.KIND. */
static size_t index_of(const struct nm_static_nats *list, const struct nm_static_nat *s)
{
	size_t n = 0;

	for (const struct nm_static_nat *other = list->v; other < s; other++)
		n += other->kind == s->kind;
	return n;
}

static const char *missing_member(const struct nm_static_nat *s)
{
	if (!s->name)
		return "name";
	if (s->internal.len == 0)
		return "internal_address";
	if (!s->has_external && s->kind != NM_STATIC_DNAT)
		return "external_address";
	return s->n_ports || s->kind == NM_STATIC_SNAT ? NULL : "ports";
}

static bool has_both_families(const struct nm_static_nat *s)
{
	return (s->has_external && s->external.family != s->family) ||
		(s->has_lan && s->lan.addr.family != s->family);
}

/* Two entries of a kind that the same packet could match, with two different ends. */
static bool contradict(const struct nm_static_nat *a, const struct nm_static_nat *b)
{
	if (a->family != b->family || a->protocol != b->protocol)
		return false;
	if (a->has_external && b->has_external && !nm_addr_equal(&a->external, &b->external))
		return false;
	if (a->interface[0] && b->interface[0] && strcmp(a->interface, b->interface) != 0)
		return false;
	if (a->kind == NM_STATIC_HAIRPIN &&
		(a->has_lan || b->has_lan || !nm_addr_equal(&a->internal.addr, &b->internal.addr)))
		return false;
	return nm_static_nat_ports_intersect(a, b);
}

/* The more specific of two SNAT entries wins (iptables/layout_static.c): only equal ones leave it open. */
static bool is_same_source(const struct nm_static_nat *a, const struct nm_static_nat *b)
{
	struct nm_prefix x = nm_prefix_network(&a->internal), y = nm_prefix_network(&b->internal);

	return a->kind == NM_STATIC_SNAT && x.len == y.len && nm_addr_equal(&x.addr, &y.addr) &&
		!strcmp(a->interface, b->interface);
}

/* Compares an entry with those before it. */
static int check_against(const struct nm_static_nats *list, const struct nm_static_nat *s, struct nm_err *err)
{
	const char *kind = nm_static_nat_kind_name(s->kind);

	for (const struct nm_static_nat *other = list->v; other < s; other++) {
		if (other->kind != s->kind)
			continue;
		if (strcmp(other->name, s->name) == 0)
			return nm_fail(err, NM_ERR_CONFIG,
				"static.%s[%zu].name: expected another name than that of static.%s[%zu]",
				kind, index_of(list, s), kind, index_of(list, other));
		if (is_same_source(other, s))
			return nm_fail(err, NM_ERR_CONFIG,
				"static.%s[%zu].internal_address: expected another one than that of "
				"static.%s[%zu], or another interface",
				kind, index_of(list, s), kind, index_of(list, other));
		if (contradict(other, s))
			return nm_fail(err, NM_ERR_CONFIG,
				"static.%s[%zu].ports: expected other ports than those of static.%s[%zu]",
				kind, index_of(list, s), kind, index_of(list, other));
	}
	return 0;
}

int nm_config_static_check(struct nm_static_nats *list, struct nm_err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		struct nm_static_nat *s = &list->v[i];
		const char *missing;

		s->family = s->internal.addr.family;
		s->has_external = !nm_addr_is_unspecified(&s->external); /* check_usable() refuses it */
		s->has_lan = s->lan.len > 0;
		missing = missing_member(s);
		if (missing || has_both_families(s))
			return nm_fail(err, NM_ERR_CONFIG, "static.%s[%zu]: %s%s",
				nm_static_nat_kind_name(s->kind), index_of(list, s),
				missing ? missing : "the addresses are not all IPv4 or all IPv6",
				missing ? " is missing" : "");
		if (check_against(list, s, err) < 0)
			return -1;
	}
	return 0;
}
