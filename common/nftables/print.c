/*
 * The constant rules stand here as text, in the words in which `nft list` shows what nftables/chains.c and
 * nftables/schema.c send to the kernel; a test loads the one, publishes the other, and compares. One thing
 * must be said that nft does not show: that a map has both address and port.
 */
#include "nftables/print.h"

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "model/mapping.h"
#include "model/protocol.h"
#include "nftables/chains.h"
#include "nftables/claims.h"

#define FLOW "$ daddr . meta l4proto . % dport . ct original proto-dst "
#define HOST "ct original $ daddr . "

enum { BOTH = NM_IPV4_BIT | NM_IPV6_BIT };

/* Lines of chains: $ stands for the family, % for the protocol (a line for each), ~ for what cuts the address
 * before it to a prefix length, # for that length. */
static const struct line {
	unsigned families;
	const char *chain, *text;
} lines[] = {
	{BOTH, "guard", "type filter hook prerouting priority raw; policy accept;"},
	{NM_IPV4_BIT, "guard", "iifname != \"lo\" $ daddr . meta l4proto . th dport @guarded drop"},
	{NM_IPV4_BIT, "guard", "$ daddr 127.0.0.0/8 iifname @localnet drop"},
	{BOTH, "prerouting", "type nat hook prerouting priority dstnat + 1; policy accept;"},
	{BOTH, "prerouting", "jump static_prerouting"},
	{NM_IPV6_BIT, "prerouting", "$ saddr fe80::/10 return"},
	{BOTH, "prerouting", "fib daddr type local jump translate"},
	{BOTH, "output", "type nat hook output priority -99; policy accept;"},
	{BOTH, "output", "jump static_output"},
	{NM_IPV6_BIT, "output", "$ saddr fe80::/10 return"},
	{NM_IPV4_BIT, "output", "$ daddr 127.0.0.0/8 goto loopback"},
	{NM_IPV6_BIT, "output", "$ daddr ::1 goto loopback"},
	{BOTH, "output", "fib daddr type local jump translate"},
	{BOTH, "translate", "dnat $ addr . port to $ daddr . meta l4proto . th dport map @host_ports"},
	{BOTH, "translate", "dnat $ addr . port to meta l4proto . th dport map @ports"},
	{BOTH, "translate", "jump static_translate comment \"" NM_TAG_MADE "\""},
	{NM_IPV4_BIT, "loopback", "dnat $ addr . port to $ daddr . meta l4proto . th dport map @host_ports"},
	{BOTH, "forward", "type filter hook forward priority filter - 1; policy accept;"},
	{BOTH, "forward", "ct status ! dnat return"},
	{BOTH, "forward", "ct state established,related goto pass"},
	{BOTH, "forward", FLOW "@restricted goto restricted"},
	{BOTH, "forward", HOST FLOW "@host_restricted goto restricted"},
	{BOTH, "forward", FLOW "@open goto pass"},
	{BOTH, "forward", HOST FLOW "@host_open goto pass"},
	{BOTH, "forward", "jump static_forward"},
	{BOTH, "restricted", "jump allowed"},
	{BOTH, "restricted", "drop"},
	{BOTH, "allowed",
		"meta l4proto % $ saddr~ . meta l4proto . ct original proto-dst @allowed goto pass "
		"comment \"" NM_NFTABLES_ALLOWED_TAG "#\""},
	{BOTH, "allowed",
		"meta l4proto % $ saddr~ . " HOST
		"meta l4proto . ct original proto-dst @host_allowed goto pass "
		"comment \"" NM_NFTABLES_ALLOWED_TAG "#\""},
	{BOTH, "pass", "meta mark set meta mark | 0x00001000 accept"},
	{BOTH, "forwarded", "type filter hook forward priority filter + 1; policy accept;"},
	{BOTH, "forwarded",
		"meta mark & 0x00001000 != 0x00000000 ct status dnat meta mark set meta mark & 0xffffefff"},
	{BOTH, "postrouting", "type nat hook postrouting priority srcnat - 1; policy accept;"},
	{BOTH, "postrouting", "ct status dnat jump masqueraded"},
	{BOTH, "postrouting", "jump static_postrouting"},
	{BOTH, "masqueraded",
		"$ saddr~ . " FLOW "@masqueraded masquerade comment \"" NM_NFTABLES_MASQUERADE_TAG "#\""},
};
enum { N_LINES = sizeof(lines) / sizeof(*lines) };

static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
enum { N_PROTOCOLS = sizeof(protocols) };

static const char *family_name(enum nm_family family)
{
	return family == NM_IPV4 ? "ip" : "ip6";
}

static void print_mask(enum nm_family family, uint8_t len, FILE *out)
{
	struct nm_addr mask = {.family = family};
	char text[NM_ADDR_STRLEN];

	if (len == nm_addr_bits(family))
		return;
	nm_prefix_mask(len, mask.bytes);
	fprintf(out, " & %s", nm_addr_print(&mask, text));
}

static void print_line(const char *text, enum nm_family family, uint8_t protocol, uint8_t len, FILE *out)
{
	fputs("\t\t", out);
	for (; *text; text++)
		switch (*text) {
		case '$':
			fputs(family_name(family), out);
			break;
		case '%':
			fputs(nm_protocol_name(protocol), out);
			break;
		case '~':
			print_mask(family, len, out);
			break;
		case '#':
			fprintf(out, "%u", len);
			break;
		default:
			putc(*text, out);
		}
	putc('\n', out);
}

/* As many rules for each prefix length and protocol as there are lines. */
static void print_lengths(const bool lengths[static 129], const char *chain, enum nm_family family, FILE *out)
{
	for (uint8_t len = 0; len <= nm_addr_bits(family); len++)
		for (size_t p = 0; lengths[len] && p < N_PROTOCOLS; p++)
			for (size_t i = 0; i < N_LINES; i++)
				if (!strcmp(lines[i].chain, chain))
					print_line(lines[i].text, family, protocols[p], len, out);
}

static void print_rules(const char *chain, enum nm_family family, FILE *out)
{
	for (size_t i = 0; i < N_LINES; i++) {
		size_t n = strchr(lines[i].text, '%') ? N_PROTOCOLS : 1;

		if (!(lines[i].families & 1u << family) || strcmp(lines[i].chain, chain) != 0)
			continue;
		for (size_t p = 0; p < n; p++)
			print_line(lines[i].text, family, protocols[p], 0, out);
	}
}

static void print_chain(
	const char *chain, enum nm_family family, const struct nm_nftables_prefix_lengths *lengths, FILE *out)
{
	fprintf(out, "\n\tchain %s {\n", chain);
	if (!strcmp(chain, "allowed"))
		print_lengths(lengths->allowed, chain, family, out);
	else if (!strcmp(chain, "masqueraded"))
		print_lengths(lengths->masquerade, chain, family, out);
	else
		print_rules(chain, family, out);
	fputs("\t}\n", out);
}

static const char *const types[] = {
	[NM_TYPE_IPV4_ADDRESS] = "ipv4_addr",
	[NM_TYPE_IPV6_ADDRESS] = "ipv6_addr",
	[NM_TYPE_PROTOCOL] = "inet_proto",
	[NM_TYPE_PORT] = "inet_service",
	[NM_TYPE_INTERFACE] = "ifname",
};

static void print_types(const enum nm_nftables_field *fields, enum nm_family family, FILE *out)
{
	for (const char *before = ""; *fields; fields++, before = " . ")
		fprintf(out, "%s%s", before, types[nm_nftables_set_field_type(*fields, family)]);
}

/* Prints the field and returns its size. */
static size_t print_value(enum nm_nftables_type type, const uint8_t *value, FILE *out)
{
	struct nm_addr addr = {.family = type == NM_TYPE_IPV6_ADDRESS ? NM_IPV6 : NM_IPV4};
	char text[NM_ADDR_STRLEN];

	switch (type) {
	case NM_TYPE_IPV4_ADDRESS:
	case NM_TYPE_IPV6_ADDRESS:
		memcpy(addr.bytes, value, nm_addr_size(addr.family));
		fputs(nm_addr_print(&addr, text), out);
		return nm_addr_size(addr.family);
	case NM_TYPE_PROTOCOL:
		fputs(nm_protocol_name(*value), out);
		return 4;
	case NM_TYPE_PORT:
		fprintf(out, "%d", value[0] << 8 | value[1]);
		return 4;
	default:
		fprintf(out, "\"%s\"", (const char *)value);
		return IFNAMSIZ;
	}
}

static void print_values(
	const enum nm_nftables_field *fields, enum nm_family family, const uint8_t *value, FILE *out)
{
	for (const char *before = ""; *fields; fields++, before = " . ") {
		fputs(before, out);
		value += print_value(nm_nftables_set_field_type(*fields, family), value, out);
	}
}

static void print_elements(
	const struct nm_nftables_claims *index, enum nm_nftables_set set, enum nm_family family, FILE *out)
{
	const char *before = "\t\telements = { ";
	char tag[NM_TAG_SIZE];

	for (size_t i = 0; i < index->n; i++) {
		const struct nm_nftables_element *e = index->v[i].element;

		if (e->set != set || e->family != family || !index->v[i].is_first)
			continue;
		fputs(before, out);
		before = ",\n\t\t\t     ";
		print_values(nm_nftables_set_key(set), family, e->key, out);
		fprintf(out, " comment \"%s\"", nm_nftables_element_tag(e, tag));
		if (!nm_nftables_set_is_map(set))
			continue;
		fputs(" : ", out);
		print_values(nm_nftables_set_data(set), family, e->data, out);
	}
	if (before[0] == ',')
		fputs(" }\n", out);
}

static void print_set(
	const struct nm_nftables_claims *index, enum nm_nftables_set set, enum nm_family family, FILE *out)
{
	fprintf(out, "\n\t%s %s {\n\t\ttype ", nm_nftables_set_is_map(set) ? "map" : "set",
		nm_nftables_set_name(set));
	print_types(nm_nftables_set_key(set), family, out);
	if (nm_nftables_set_is_map(set)) {
		fputs(" : ", out);
		print_types(nm_nftables_set_data(set), family, out);
		fputs("\n\t\tcounter", out);
	}
	putc('\n', out);
	print_elements(index, set, family, out);
	fputs("\t}\n", out);
}

static void print_table(const struct nm_nftables_claims *index, enum nm_family family,
	const struct nm_nftables_prefix_lengths *lengths, FILE *out)
{
	fprintf(out, "table %s %s {\n\tcomment \"%s\"\n", family_name(family), NM_NFTABLES_TABLE,
		NM_TAG_MADE);
	for (enum nm_nftables_set set = 0; set < NM_SET_MAX; set++)
		if (nm_nftables_set_exists(set, family))
			print_set(index, set, family, out);
	for (size_t i = 0; nm_nftables_schema_chains[i]; i++)
		print_chain(nm_nftables_schema_chains[i], family, lengths, out);
	fputs("}\n", out);
}

int nm_nftables_print(
	const struct nm_nftables_elements *elements, unsigned families, FILE *out, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims index = {0};

	if (nm_nftables_claims_add(&index, elements, NM_ROLE_NEW, err) < 0 ||
		nm_nftables_claims_make(&index, err) < 0)
		return -1;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (families & 1u << f)
			print_table(&index, f, &elements->prefix_lengths[f], out);
	return 0;
}
