/* In the words in which `nft list` shows what the kernel has; but it does not show that a map has both
 * address and port, which must be said. A test loads what this prints and compares it with what the hook
 * writes. */
#include "nftables/print.h"

#include <limits.h>
#include <net/if.h>
#include <string.h>

#include "nftables/chain_tag.h"
#include "nftables/claims.h"
#include "nftables/expand.h"

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

static void print_block(uint8_t level, FILE *out)
{
	unsigned size = nm_nftables_block_size(level);

	fprintf(out, " & %u | %u", 65536 - size + size / 2, size / 2);
}

static void print_field(const struct nm_nftables_chain_rule *rule, enum nm_nftables_field field, FILE *out)
{
	static const char *const words[] = {
		[NM_FIELD_PROTOCOL] = "meta l4proto",
		[NM_FIELD_HOST_PORT] = "ct original proto-dst",
		[NM_FIELD_IN_INTERFACE] = "iifname",
		[NM_FIELD_OUT_INTERFACE] = "oifname",
	};
	uint8_t flip =
		nm_nftables_set_flip(rule->template->set, rule->family, rule->protocol, rule->prefix_length);

	switch (field) {
	case NM_FIELD_SADDR:
		fprintf(out, "%s saddr", family_name(rule->family));
		print_mask(rule->family, (uint8_t)rule->prefix_length, out);
		break;
	case NM_FIELD_DADDR:
		fprintf(out, "%s daddr", family_name(rule->family));
		break;
	case NM_FIELD_HOST:
		fprintf(out, "ct original %s daddr", family_name(rule->family));
		break;
	case NM_FIELD_DPORT:
		fprintf(out, "%s dport", rule->protocol ? nm_mapping_protocol_name(rule->protocol) : "th");
		break;
	default:
		fputs(words[field], out);
	}
	if (field == NM_FIELD_PROTOCOL && flip)
		fprintf(out, " ^ %u", flip);
	if (rule->level && (field == NM_FIELD_DPORT || field == NM_FIELD_HOST_PORT))
		print_block(rule->level, out);
}

static void print_lookup(const struct nm_nftables_chain_rule *rule, FILE *out)
{
	enum nm_nftables_set set = rule->template->set;
	const char *before = "";

	for (const enum nm_nftables_field *field = nm_nftables_sets[set].key; *field; field++) {
		fputs(before, out);
		print_field(rule, *field, out);
		before = " . ";
	}
	fprintf(out, "%s @%s", nm_nftables_set_is_map(set) ? " map" : "", nm_nftables_sets[set].name);
}

static void print_match(const struct nm_nftables_chain_rule *rule, FILE *out)
{
	static const char *const words[] = {
		[NM_MATCH_FROM_OUTSIDE] = "iifname != \"lo\" ",
		[NM_MATCH_FROM_LOOPBACK] = "ip saddr 127.0.0.0/8 ",
		[NM_MATCH_FROM_LINK_LOCAL] = "ip6 saddr fe80::/10 ",
		[NM_MATCH_TO_HOST] = "fib daddr type local ",
		[NM_MATCH_UNTRANSLATED] = "ct status ! dnat ",
		[NM_MATCH_TRANSLATED] = "ct status dnat ",
		[NM_MATCH_ESTABLISHED] = "ct state established,related ",
		[NM_MATCH_MARKED] = "meta mark & 0x00001000 != 0x00000000 ",
		[NM_MATCH_PASSED] = "meta mark & 0x00001000 != 0x00000000 ct status dnat ",
		[NM_MATCH_SET_ASIDE] = "meta priority & 4000:0 != none ",
	};
	enum nm_nftables_match match = rule->template->match;

	if (match == NM_MATCH_TO_MULTICAST)
		fprintf(out, "%s ", rule->family == NM_IPV4 ? "ip daddr 224.0.0.0/4" : "ip6 daddr ff00::/8");
	else if (match == NM_MATCH_TO_LOOPBACK)
		fputs(rule->family == NM_IPV4 ? "ip daddr 127.0.0.0/8 " : "ip6 daddr ::1 ", out);
	else if (match != NM_MATCH_ANY)
		fputs(words[match], out);
}

static void print_action(const struct nm_nftables_chain_rule *rule, FILE *out)
{
	static const char *const words[] = {
		[NM_ACTION_JUMP] = "jump ",
		[NM_ACTION_GOTO] = "goto ",
		[NM_ACTION_RETURN] = "return",
		[NM_ACTION_DROP] = "drop",
		[NM_ACTION_MASQUERADE] = "masquerade",
		[NM_ACTION_PASS] = "meta mark set meta mark | 0x00001000 accept",
		[NM_ACTION_UNMARK] = "meta mark set meta mark & 0xffffefff",
		[NM_ACTION_SET_ASIDE] = ("meta mark set meta mark & 0xffffefff "
					 "meta priority set meta priority | 4000:0"),
		[NM_ACTION_PUT_BACK] = ("meta mark set meta mark | 0x00001000 "
					"meta priority set meta priority & bfff:ffff"),
	};
	const struct nm_nftables_chain_template *t = rule->template;

	fprintf(out, "%s%s", words[t->action], t->to ? t->to : "");
}

static void print_rule(const struct nm_nftables_chain_rule *rule, FILE *out)
{
	enum nm_nftables_set set = rule->template->set;
	char tag[NM_TAG_SIZE];

	fputs("\t\t", out);
	if (rule->protocol && !nm_nftables_set_key_has(set, NM_FIELD_DPORT))
		fprintf(out, "meta l4proto %s ", nm_mapping_protocol_name(rule->protocol));
	print_match(rule, out);
	if (rule->template->action == NM_ACTION_DNAT)
		fprintf(out, "dnat %s %sto ", family_name(rule->family), rule->level ? "" : "addr . port ");
	if (set != NM_SET_MAX)
		print_lookup(rule, out);
	if (rule->template->action != NM_ACTION_DNAT) {
		fputs(set != NM_SET_MAX ? " " : "", out);
		print_action(rule, out);
	}
	if (nm_nftables_chain_tag(rule, tag)[0])
		fprintf(out, " comment \"%s\"", tag);
	putc('\n', out);
}

struct chain {
	const char *name;
	FILE *out;
};

static int on_rule(void *ctx, const struct nm_nftables_chain_rule *rule, struct nm_err *err)
{
	const struct chain *chain = ctx;

	(void)err;
	if (!strcmp(rule->template->chain, chain->name))
		print_rule(rule, chain->out);
	return 0;
}

static int print_chain(const struct nm_nftables_schema_chain *chain, enum nm_family family,
	const struct nm_nftables_prefix_lengths *lengths, FILE *out, struct nm_err *err)
{
	fprintf(out, "\n\tchain %s {\n", chain->name);
	if (chain->hook.type)
		fprintf(out, "\t\ttype %s hook %s; policy accept;\n", chain->hook.type, chain->place);
	if (nm_nftables_chains_each(family, lengths, on_rule, &(struct chain){chain->name, out}, err) < 0)
		return -1;
	fputs("\t}\n", out);
	return 0;
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

/* Also that of a network of clients: nm_nftables_set_network_number(). */
static void print_protocol(uint8_t number, FILE *out)
{
	if (number == IPPROTO_TCP || number == IPPROTO_UDP || number == IPPROTO_SCTP)
		fputs(nm_mapping_protocol_name(number), out);
	else
		fprintf(out, "%u", number);
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
		print_protocol(*value, out);
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
	const struct nm_nftables_claims *claims, enum nm_nftables_set set, enum nm_family family, FILE *out)
{
	const char *before = "\t\telements = { ";
	char tag[NM_TAG_SIZE];

	for (size_t i = 0; i < claims->n; i++) {
		const struct nm_nftables_element *e = claims->v[i].element;

		if (e->set != set || e->family != family || !claims->v[i].is_first)
			continue;
		fputs(before, out);
		before = ",\n\t\t\t     ";
		print_values(nm_nftables_sets[set].key, family, e->key, out);
		fprintf(out, " comment \"%s\"", nm_nftables_layout_tag(e, tag));
		if (!nm_nftables_set_is_map(set))
			continue;
		fputs(" : ", out);
		print_values(nm_nftables_sets[set].data, family, e->data, out);
	}
	if (before[0] == ',')
		fputs(" }\n", out);
}

static void print_set(
	const struct nm_nftables_claims *claims, enum nm_nftables_set set, enum nm_family family, FILE *out)
{
	fprintf(out, "\n\t%s %s {\n\t\ttype ", nm_nftables_set_is_map(set) ? "map" : "set",
		nm_nftables_sets[set].name);
	print_types(nm_nftables_sets[set].key, family, out);
	if (nm_nftables_set_is_map(set)) {
		fputs(" : ", out);
		print_types(nm_nftables_sets[set].data, family, out);
		fputs("\n\t\tcounter", out);
	}
	putc('\n', out);
	print_elements(claims, set, family, out);
	fputs("\t}\n", out);
}

static int print_table(const struct nm_nftables_claims *claims, enum nm_family family,
	const struct nm_nftables_prefix_lengths *lengths, FILE *out, struct nm_err *err)
{
	fprintf(out, "table %s %s {\n\tcomment \"%s\"\n", family_name(family), NM_NFTABLES_TABLE,
		NM_TAG_MADE);
	for (enum nm_nftables_set set = 0; set < NM_SET_MAX; set++)
		if (nm_nftables_set_exists(set, family) &&
			(!nm_nftables_set_is_optional(set) || nm_nftables_layout_uses(lengths, set)))
			print_set(claims, set, family, out);
	for (const struct nm_nftables_schema_chain *chain = nm_nftables_schema_chains; chain->name; chain++)
		if (print_chain(chain, family, lengths, out, err) < 0)
			return -1;
	fputs("}\n", out);
	return 0;
}

/* nft has no word for a port that is shifted: each of them becomes an element. */
static int expand_shifted(
	const struct nm_nftables_elements *elements, struct nm_nftables_elements *ret, struct nm_err *err)
{
	for (size_t i = 0; i < elements->n; i++) {
		struct nm_nftables_element *e = &elements->v[i];
		const struct nm_nftables_elements one = {.v = e, .n = 1};

		if (nm_nftables_set_is_shifted(e->set) && nm_nftables_expand(&one, UINT_MAX, ret, err) < 0)
			return -1;
	}
	return 0;
}

int nm_nftables_print(
	const struct nm_nftables_elements *elements, unsigned families, FILE *out, struct nm_err *err)
{
	NM_CLEANUP(nm_nftables_claims_done) struct nm_nftables_claims claims = {0};
	NM_CLEANUP(nm_nftables_layout_done) struct nm_nftables_elements shifted = {0};

	if (expand_shifted(elements, &shifted, err) < 0 ||
		nm_nftables_claims_add(&claims, elements, NM_ROLE_NEW, err) < 0 ||
		nm_nftables_claims_of(&shifted, &claims, err) < 0)
		return -1;
	nm_each_family(f, families) {
		struct nm_nftables_prefix_lengths lengths = elements->prefix_lengths[f];

		lengths.ranges[NM_SET_SHIFTED] = lengths.ranges[NM_SET_HOST_SHIFTED] = 0;
		if (print_table(&claims, f, &lengths, out, err) < 0)
			return -1;
	}
	return 0;
}
