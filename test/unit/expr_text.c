/*
 * The registers are followed: each has what was loaded last, so that a key is read as a whole when it is
 * looked up, and compared with what the set is made of.
 */
#include "expr_text.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nft/dump.h"
#include "nft/rules.h"
#include "nftables/layout.h"

/* Types are those of nftables' datatype.h; 0 stands for numbers in the machine's order. */
#define ADDRESS(family) ((family) == NM_IPV4 ? 7u : 8u)
enum { WORDS = 16, HOST_ORDER = 0 };

/* What begins in a register of 4 bytes. Types are those of nftables' datatype.h. */
struct reg {
	char text[96];
	uint32_t size, type; /* size 0: nothing */
	bool unused;         /* not been looked at yet */
};

struct state {
	enum nm_family family;
	bool of_protocol; /* it has been compared */
	struct reg regs[WORDS];
	char out[NM_EXPR_TEXT_SIZE];
	size_t used;
};

static void __attribute__((format(printf, 2, 3))) say(struct state *s, const char *fmt, ...)
{
	va_list ap;

	if (s->used && s->used < sizeof(s->out) - 1)
		s->out[s->used++] = ' ';
	va_start(ap, fmt);
	s->used += (size_t)vsnprintf(s->out + s->used, sizeof(s->out) - s->used, fmt, ap);
	va_end(ap);
	if (s->used >= sizeof(s->out))
		s->used = sizeof(s->out) - 1;
}

static uint32_t u32(struct nm_attrs attrs, uint16_t type)
{
	uint32_t value;

	return nm_attrs_get(attrs, type, &value, sizeof(value)) ? ntohl(value) : UINT32_MAX;
}

static struct nm_attrs value_of(struct nm_attrs attrs, uint16_t type)
{
	return nm_attrs_nested(nm_attrs_nested(attrs, type), NFTA_DATA_VALUE);
}

/* Registers of 16 bytes go by numbers of their own. */
static size_t word_of(struct state *s, uint32_t reg)
{
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return (reg - NFT_REG_1) * 4;
	if (reg > NFT_REG32_00 && reg <= NFT_REG32_15 && (reg - NFT_REG32_00) % 4)
		return reg - NFT_REG32_00;
	say(s, "!register %u", reg);
	return 0;
}

static void load(struct state *s, uint32_t reg, uint32_t size, uint32_t type, const char *text)
{
	size_t word = word_of(s, reg), words = (size + 3) / 4;

	for (size_t i = word; i < word + words; i++) {
		if (i >= WORDS || s->regs[i].unused)
			say(s, "!%s overlaps", text);
		if (i < WORDS)
			s->regs[i] = (struct reg){.size = 0};
	}
	s->regs[word] = (struct reg){.size = size, .type = type, .unused = true};
	(void)snprintf(s->regs[word].text, sizeof(s->regs[word].text), "%s", text);
}

/* What is in the register and in those behind it, in bytes rounded up, as a key of that size and type. */
static void say_key(struct state *s, uint32_t reg, const char *set, size_t size, uint32_t type)
{
	size_t word = word_of(s, reg), end = word + size / 4;
	uint32_t types = 0;

	say(s, "%s {", set);
	while (word < end && word < WORDS && s->regs[word].size) {
		struct reg *r = &s->regs[word];

		say(s, "%s", r->text);
		r->unused = false;
		types = types << 6 | r->type;
		word += (r->size + 3) / 4;
	}
	say(s, word == end && types == type ? "}" : "} !key");
}

/* Loads what is so many bytes behind the beginning of the data, and returns where the next field is. */
static size_t load_data(struct state *s, uint32_t dreg, size_t at, size_t size, const char *text)
{
	uint32_t word = (uint32_t)(word_of(s, dreg) + at / 4);

	load(s, word % 4 ? NFT_REG32_00 + word : NFT_REG_1 + word / 4, (uint32_t)size,
		size == 2 ? 13 : ADDRESS(s->family), text);
	return at + (size + 3) / 4 * 4;
}

static void lookup(struct state *s, struct nm_attrs data)
{
	uint32_t dreg = u32(data, NFTA_LOOKUP_DREG);
	char name[32] = "", text[64];
	enum nm_nftables_set set = 0;
	size_t at = 0;

	(void)nm_attrs_string(data, NFTA_LOOKUP_SET, name, sizeof(name));
	while (set < NM_SET_MAX && strcmp(name, nm_nftables_sets[set].name) != 0)
		set++;
	if (set == NM_SET_MAX || !nm_nftables_set_exists(set, s->family) ||
		nm_nftables_set_is_map(set) != (dreg != UINT32_MAX)) {
		say(s, "!set %s", name);
		return;
	}
	say_key(s, u32(data, NFTA_LOOKUP_SREG), name, nm_nftables_set_key_size(set, s->family),
		nm_nftables_set_fields_type(nm_nftables_sets[set].key, s->family));
	if (!nm_nftables_set_is_map(set))
		return;
	for (const enum nm_nftables_field *f = nm_nftables_sets[set].data; *f; f++) {
		bool is_port = *f == NM_FIELD_DPORT;

		(void)snprintf(text, sizeof(text), "%s.%s", name, is_port ? "port" : "address");
		at = load_data(s, dreg, at, is_port ? 2 : nm_addr_size(s->family), text);
	}
}

/* What is in the register, to be compared with so many bytes. */
static const struct reg *use(struct state *s, uint32_t reg, size_t size)
{
	struct reg *r = &s->regs[word_of(s, reg)];

	if (r->size != size && (r->type != 41 || size > r->size))
		say(s, "!%zu bytes", size);
	r->unused = false;
	return r;
}

static void meta(struct state *s, struct nm_attrs data)
{
	static const struct {
		uint32_t key, size, type;
		const char *text;
	} keys[] = {
		{NFT_META_L4PROTO, 1, 12, "l4proto"},
		{NFT_META_IIFNAME, 16, 41, "iifname"},
		{NFT_META_OIFNAME, 16, 41, "oifname"},
		{NFT_META_MARK, 4, HOST_ORDER, "mark"},
		{NFT_META_PRIORITY, 4, HOST_ORDER, "priority"},
	};
	uint32_t key = u32(data, NFTA_META_KEY), sreg = u32(data, NFTA_META_SREG);

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].key == key) {
			if (sreg == UINT32_MAX)
				load(s, u32(data, NFTA_META_DREG), keys[i].size, keys[i].type, keys[i].text);
			else
				say(s, "%s = (%s)", keys[i].text, use(s, sreg, keys[i].size)->text);
			return;
		}
	say(s, "!meta %u", key);
}

static void payload(struct state *s, struct nm_attrs data)
{
	const uint32_t size = (uint32_t)nm_addr_size(s->family), type = ADDRESS(s->family);
	const uint32_t source = s->family == NM_IPV4 ? 12 : 8;
	uint32_t base = u32(data, NFTA_PAYLOAD_BASE), at = u32(data, NFTA_PAYLOAD_OFFSET);
	uint32_t len = u32(data, NFTA_PAYLOAD_LEN), dreg = u32(data, NFTA_PAYLOAD_DREG);
	bool is_address = base == NFT_PAYLOAD_NETWORK_HEADER && (at == source || at == source + size);
	char text[16];

	if (is_address && len > 0 && len <= size) {
		(void)snprintf(text, sizeof(text), "%s", at == source ? "saddr" : "daddr");
		if (len < size)
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "/%u", 8 * len);
		load(s, dreg, len, type, text);
	} else if (base == NFT_PAYLOAD_TRANSPORT_HEADER && len == 2 && at == 2) {
		load(s, dreg, 2, 13, "dport");
	} else {
		say(s, "!payload %u %u %u", base, at, len);
	}
}

static void ct(struct state *s, struct nm_attrs data)
{
	const bool v4 = s->family == NM_IPV4;
	const struct {
		uint32_t key, size, type;
		bool directed;
		const char *text;
	} keys[] = {
		{NFT_CT_STATE, 4, HOST_ORDER, false, "state"},
		{NFT_CT_STATUS, 4, HOST_ORDER, false, "status"},
		{v4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6, v4 ? 4 : 16, ADDRESS(s->family), true, "daddr"},
		{NFT_CT_PROTO_DST, 2, 13, true, "dport"},
	};
	uint32_t key = u32(data, NFTA_CT_KEY);
	uint8_t direction = UINT8_MAX;
	char text[32];

	(void)nm_attrs_get(data, NFTA_CT_DIRECTION, &direction, sizeof(direction));
	if (key == NFT_CT_PROTO_DST && !s->of_protocol)
		say(s, "!of which protocol");
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].key == key && keys[i].directed == (direction <= IP_CT_DIR_REPLY)) {
			(void)snprintf(text, sizeof(text), "ct %s%s",
				!keys[i].directed                      ? ""
					: direction == IP_CT_DIR_REPLY ? "reply "
								       : "original ",
				keys[i].text);
			load(s, u32(data, NFTA_CT_DREG), keys[i].size, keys[i].type, text);
			return;
		}
	say(s, "!ct %u %u", key, direction);
}

static void fib(struct state *s, struct nm_attrs data)
{
	if (u32(data, NFTA_FIB_RESULT) != NFT_FIB_RESULT_ADDRTYPE ||
		u32(data, NFTA_FIB_FLAGS) != NFTA_FIB_F_DADDR)
		say(s, "!fib");
	load(s, u32(data, NFTA_FIB_DREG), 4, HOST_ORDER, "fib daddr type");
}

/* A value as one of that type is written; a name without its NUL stands for all that begin so. */
static const char *print(uint32_t type, struct nm_attrs v, char buf[static INET6_ADDRSTRLEN])
{
	uint8_t bytes[16] = {0};
	uint32_t number;

	memcpy(bytes, v.data, v.len < sizeof(bytes) ? v.len : sizeof(bytes));
	memcpy(&number, bytes, sizeof(number));
	if (type == 7 || type == 8)
		return inet_ntop(type == 7 ? AF_INET : AF_INET6, bytes, buf, INET6_ADDRSTRLEN);
	if (type == 41)
		(void)snprintf(buf, INET6_ADDRSTRLEN, "%.*s%s", (int)v.len, (const char *)bytes,
			v.len && bytes[v.len - 1] ? "*" : "");
	else if (type == HOST_ORDER)
		(void)snprintf(buf, INET6_ADDRSTRLEN, "0x%x", number);
	else
		(void)snprintf(buf, INET6_ADDRSTRLEN, "%d", type == 12 ? bytes[0] : bytes[0] << 8 | bytes[1]);
	return buf;
}

static void compare(struct state *s, struct nm_attrs data)
{
	struct nm_attrs value = value_of(data, NFTA_CMP_DATA);
	const struct reg *r = use(s, u32(data, NFTA_CMP_SREG), value.len);
	uint32_t op = u32(data, NFTA_CMP_OP);
	char buf[INET6_ADDRSTRLEN];

	say(s, "%s %s %s", r->text,
		op == NFT_CMP_EQ            ? "=="
			: op == NFT_CMP_NEQ ? "!="
			: op == NFT_CMP_GTE ? ">="
			: op == NFT_CMP_LTE ? "<="
					    : "!op",
		print(r->type, value, buf));
	s->of_protocol |= r->type == 12 && op == NFT_CMP_EQ;
}

static void bitwise(struct state *s, struct nm_attrs data)
{
	struct nm_attrs mask = value_of(data, NFTA_BITWISE_MASK), xor = value_of(data, NFTA_BITWISE_XOR);
	struct reg *r = &s->regs[word_of(s, u32(data, NFTA_BITWISE_SREG))];
	static const uint8_t zeros[16];
	char buf[INET6_ADDRSTRLEN], text[sizeof(r->text)];

	if (u32(data, NFTA_BITWISE_SREG) != u32(data, NFTA_BITWISE_DREG) || mask.len != r->size ||
		xor.len != r->size || u32(data, NFTA_BITWISE_LEN) != r->size)
		say(s, "!bitwise");
	(void)snprintf(text, sizeof(text), "%s & %s", r->text, print(r->type, mask, buf));
	if (memcmp(xor.data, zeros, xor.len) != 0)
		(void)snprintf(
			text + strlen(text), sizeof(text) - strlen(text), " ^ %s", print(r->type, xor, buf));
	memcpy(r->text, text, sizeof(text));
}

static void nat(struct state *s, struct nm_attrs data)
{
	/* NF_NAT_RANGE_MAP_IPS, NF_NAT_RANGE_PROTO_SPECIFIED, NF_NAT_RANGE_PROTO_OFFSET */
	static const uint32_t ip = 1, port = 2, offset = 32;
	uint32_t type = u32(data, NFTA_NAT_TYPE), addr = u32(data, NFTA_NAT_REG_ADDR_MIN);
	uint32_t proto = u32(data, NFTA_NAT_REG_PROTO_MIN), flags = u32(data, NFTA_NAT_FLAGS);
	uint32_t last = u32(data, NFTA_NAT_REG_PROTO_MAX);

	say(s, "%s to %s",
		type == NFT_NAT_DNAT           ? "dnat"
			: type == NFT_NAT_SNAT ? "snat"
					       : "!nat",
		use(s, addr, nm_addr_size(s->family))->text);
	if (proto != UINT32_MAX)
		say(s, ": %s", use(s, proto, 2)->text);
	if (last != proto)
		say(s, "to %s, shifted", use(s, last, 2)->text);
	if (u32(data, NFTA_NAT_FAMILY) != nm_addr_family_to_af(s->family) ||
		addr != u32(data, NFTA_NAT_REG_ADDR_MAX) ||
		flags != (ip | (proto == UINT32_MAX ? 0 : port) | (last == proto ? 0 : offset)))
		say(s, "!nat");
}

static void verdict(struct state *s, struct nm_attrs data)
{
	struct nm_attrs v = nm_attrs_nested(nm_attrs_nested(data, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
	int code = (int)u32(v, NFTA_VERDICT_CODE);
	char chain[32] = "";
	bool leads = nm_attrs_string(v, NFTA_VERDICT_CHAIN, chain, sizeof(chain));

	if (leads)
		say(s, "%s %s", code == NFT_JUMP ? "jump" : code == NFT_GOTO ? "goto" : "!verdict", chain);
	else
		say(s, "%s",
			code == NF_ACCEPT            ? "accept"
				: code == NF_DROP    ? "drop"
				: code == NFT_RETURN ? "return"
						     : "!verdict");
}

static void immediate(struct state *s, struct nm_attrs data)
{
	struct nm_attrs v = value_of(data, NFTA_IMMEDIATE_DATA);
	uint32_t dreg = u32(data, NFTA_IMMEDIATE_DREG);
	char buf[INET6_ADDRSTRLEN];

	if (dreg == NFT_REG_VERDICT)
		verdict(s, data);
	else if (v.len == nm_addr_size(s->family))
		load(s, dreg, (uint32_t)v.len, ADDRESS(s->family), print(ADDRESS(s->family), v, buf));
	else
		say(s, "!immediate");
}

static void masquerade(struct state *s, struct nm_attrs data)
{
	say(s, data.len ? "!masquerade" : "masquerade");
}

static void counter(struct state *s, struct nm_attrs data)
{
	uint64_t packets = 1, bytes = 1;

	if (!nm_attrs_get(data, NFTA_COUNTER_PACKETS, &packets, sizeof(packets)) ||
		!nm_attrs_get(data, NFTA_COUNTER_BYTES, &bytes, sizeof(bytes)) || packets || bytes)
		say(s, "!");
	say(s, "counter");
}

const char *expr_text(enum nm_family family, struct nm_attrs list, char ret[static NM_EXPR_TEXT_SIZE])
{
	static const struct {
		const char *name;
		void (*say)(struct state *s, struct nm_attrs data);
	} kinds[] = {{"meta", meta}, {"payload", payload}, {"ct", ct}, {"fib", fib}, {"cmp", compare},
		{"bitwise", bitwise}, {"lookup", lookup}, {"nat", nat}, {"immediate", immediate},
		{"masq", masquerade}, {"counter", counter}};
	struct state s = {.family = family};
	char name[NM_NFT_EXPRESSION_SIZE];
	struct nm_attrs data;

	while (nm_nft_rule_next_expression(&list, name, &data)) {
		size_t i = 0;

		while (i < sizeof(kinds) / sizeof(*kinds) && strcmp(name, kinds[i].name) != 0)
			i++;
		if (i < sizeof(kinds) / sizeof(*kinds))
			kinds[i].say(&s, data);
		else
			say(&s, "!%s", name);
	}
	for (size_t i = 0; i < WORDS; i++)
		if (s.regs[i].unused)
			say(&s, "!unused %s", s.regs[i].text);
	memcpy(ret, s.out, sizeof(s.out));
	return ret;
}
