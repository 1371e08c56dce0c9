#include "small_ruleset.h"

#include <arpa/inet.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "follow/dports.h"
#include "nft/expr.h"

enum {
	RULE_SIZE = 1024,
	DPORT_OFFSET = 2,
	DADDR_OFFSET = 16,
	PORT_SIZE = 2,
	ADDRESS_SIZE = 4,
	STATE_NEW = 8
};

struct reader {
	struct nm_ruleset *r;
	struct nm_ruleset_chain *chain; /* the last */
	uint8_t nfproto;
	const char *table;
};

static void die(const char *what, const char *word)
{
	fprintf(stderr, "small ruleset: %s: '%s'\n", what, word ? word : "");
	exit(2);
}

static const void *keep(struct reader *s, const void *bytes, size_t len)
{
	struct nm_err err;
	const void *kept = nm_ruleset_keep(s->r, bytes, len, &err);

	return kept ? kept : (die("memory", NULL), NULL);
}

static const char *keep_name(struct reader *s, const char *name)
{
	return name ? keep(s, name, strlen(name)) : (die("name missing", NULL), NULL);
}

/* What stands behind "NAME:" in word; NULL: it begins in another way. */
static const char *behind(const char *word, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(word, name, len) && word[len] == ':' ? word + len + 1 : NULL;
}

static bool read_verdict(const char *word, int32_t *ret_code, const char **ret_chain)
{
	static const struct {
		const char *name;
		int32_t code;
	} known[] = {
		{"accept", NF_ACCEPT}, {"drop", NF_DROP}, {"return", NFT_RETURN}, {"continue", NFT_CONTINUE}};

	*ret_chain = behind(word, "jump");
	*ret_code = NFT_JUMP;
	if (*ret_chain)
		return true;
	*ret_chain = behind(word, "goto");
	*ret_code = NFT_GOTO;
	if (*ret_chain)
		return true;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(word, known[i].name)) {
			*ret_code = known[i].code;
			return true;
		}
	return false;
}

static void put_dnat(struct nm_message *m, const char *target)
{
	char address[INET_ADDRSTRLEN];
	uint16_t port;
	struct in_addr a;

	(void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(target, ":"), target);
	port = htons((uint16_t)atoi(strchr(target, ':') + 1));
	if (inet_pton(AF_INET, address, &a) != 1)
		die("address", target);
	nm_expr_value(m, NFT_REG_1, &a, sizeof(a));
	nm_expr_value(m, NFT_REG_2, &port, sizeof(port));
	nm_expr_nat(m, NFT_NAT_DNAT, NFPROTO_IPV4, NFT_REG_1, NFT_REG_2);
}

static void load_dport(struct nm_message *m)
{
	nm_expr_payload(m, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT_OFFSET, PORT_SIZE, NFT_REG_1);
}

static void put_address(struct nm_message *m, const char *text, bool is_network)
{
	static const uint8_t mask[ADDRESS_SIZE] = {255, 255, 255, 0}, flip[ADDRESS_SIZE];
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		die("address", text);
	nm_expr_payload(m, NFT_PAYLOAD_NETWORK_HEADER, DADDR_OFFSET, ADDRESS_SIZE, NFT_REG_1);
	if (is_network)
		nm_expr_bitwise(m, NFT_REG_1, mask, flip, ADDRESS_SIZE);
	nm_expr_cmp(m, NFT_CMP_EQ, NFT_REG_1, &a, ADDRESS_SIZE);
}

static void put_daddr(struct nm_message *m, const char *text)
{
	put_address(m, text, false);
}

static void put_daddr_24(struct nm_message *m, const char *text)
{
	put_address(m, text, true);
}

static void put_dport(struct nm_message *m, const char *text)
{
	const uint16_t port = htons((uint16_t)atoi(text));

	load_dport(m);
	nm_expr_cmp(m, NFT_CMP_EQ, NFT_REG_1, &port, sizeof(port));
}

static void put_other_dports(struct nm_message *m, const char *range)
{
	const uint16_t first = htons((uint16_t)atoi(range)),
		       last = htons((uint16_t)atoi(strchr(range, '-') + 1));
	struct nm_expr e;

	load_dport(m);
	e = nm_expr_begin(m, "range");
	nm_message_put_be32(m, NFTA_RANGE_SREG, NFT_REG_1);
	nm_message_put_be32(m, NFTA_RANGE_OP, NFT_RANGE_NEQ);
	nm_expr_put_value(m, NFTA_RANGE_FROM_DATA, &first, sizeof(first));
	nm_expr_put_value(m, NFTA_RANGE_TO_DATA, &last, sizeof(last));
	nm_expr_end(m, e);
}

/* As iptables wrote it before nf_tables' own expressions could compare ports. */
static void put_xt_dports(struct nm_message *m, const char *range)
{
	const struct xt_tcp info = {.spts = {0, UINT16_MAX},
		.dpts = {(uint16_t)atoi(range), (uint16_t)atoi(strchr(range, '-') + 1)}};
	struct nm_expr e = nm_expr_begin(m, "match");

	nm_message_put_string(m, NFTA_MATCH_NAME, "tcp");
	nm_message_put_be32(m, NFTA_MATCH_REV, 0);
	nm_message_put(m, NFTA_MATCH_INFO, &info, sizeof(info));
	nm_expr_end(m, e);
}

static void put_mark(struct nm_message *m, const char *text)
{
	const uint32_t mark = (uint32_t)atoi(text);

	nm_expr_meta(m, NFT_META_MARK, NFT_REG_1);
	nm_expr_cmp(m, NFT_CMP_EQ, NFT_REG_1, &mark, sizeof(mark));
}

static void put_set_mark(struct nm_message *m, const char *text)
{
	const uint32_t mark = (uint32_t)atoi(text);

	nm_expr_value(m, NFT_REG_1, &mark, sizeof(mark));
	nm_expr_set_meta(m, NFT_META_MARK, NFT_REG_1);
}

static void put_in_set(struct nm_message *m, const char *set)
{
	load_dport(m);
	nm_expr_lookup(m, set, NFT_REG_1, 0);
}

static void put_new(struct nm_message *m)
{
	const uint32_t bit = STATE_NEW, none = 0;

	nm_expr_ct(m, NFT_CT_STATE, NFT_REG_1);
	nm_expr_bitwise(m, NFT_REG_1, &bit, &none, sizeof(bit));
	nm_expr_cmp(m, NFT_CMP_NEQ, NFT_REG_1, &none, sizeof(none));
}

/* A condition, or what sets something. */
static bool put_expression(struct nm_message *m, const char *word)
{
	static const struct {
		const char *name;
		void (*put)(struct nm_message *m, const char *value);
	} known[] = {{"daddr", put_daddr}, {"daddr-24", put_daddr_24}, {"dport", put_dport},
		{"not-dports", put_other_dports}, {"xt-dports", put_xt_dports}, {"mark", put_mark},
		{"set-mark", put_set_mark}, {"in-set", put_in_set}, {"dnat", put_dnat}};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (behind(word, known[i].name)) {
			known[i].put(m, behind(word, known[i].name));
			return true;
		}
	if (!strcmp(word, "masq"))
		nm_expr_masquerade(m);
	else if (!strcmp(word, "new"))
		put_new(m);
	else if (!strcmp(word, "perhaps"))
		nm_expr_end(m, nm_expr_begin(m, "unheard-of"));
	else
		return false;
	return true;
}

/* Verdict maps have the verdict's register as destination, which nm_expr_lookup() takes for none. */
static void put_vmap(struct nm_message *m, const char *map)
{
	struct nm_expr e;

	load_dport(m);
	e = nm_expr_begin(m, "lookup");
	nm_message_put_string(m, NFTA_LOOKUP_SET, map);
	nm_message_put_be32(m, NFTA_LOOKUP_SREG, NFT_REG_1);
	nm_message_put_be32(m, NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	nm_expr_end(m, e);
}

static void put_word(struct nm_message *m, const char *word)
{
	const char *chain;
	int32_t code;

	if (behind(word, "vmap"))
		put_vmap(m, behind(word, "vmap"));
	else if (read_verdict(word, &code, &chain))
		nm_expr_verdict(m, code, chain);
	else if (!put_expression(m, word))
		die("no word of a rule", word);
}

static void add_rule(struct reader *s, struct nm_attrs expressions, const char *tag)
{
	struct nm_err err;

	if (nm_grow(s->chain, "reading", &err) < 0)
		die("memory", NULL);
	s->chain->v[s->chain->n] = (struct nm_ruleset_rule){.handle = s->chain->n + 1,
		.expressions = expressions,
		.dports = nm_dports_find(expressions),
		.tag = tag};
	s->chain->n++;
}

static void read_rule(struct reader *s, char *words)
{
	alignas(8) char bytes[RULE_SIZE];
	struct nm_message m = nm_message_begin(bytes, sizeof(bytes), 0);
	const char *word, *tag = NULL;
	int times = 1;

	if (!s->chain)
		die("rule without chain", words);
	while ((word = strsep(&words, " ")))
		if (behind(word, "tag"))
			tag = keep_name(s, behind(word, "tag"));
		else if (behind(word, "times"))
			times = atoi(behind(word, "times"));
		else if (*word)
			put_word(&m, word);
	if (m.too_long)
		die("too long a rule", NULL);
	for (size_t len = m.header->nlmsg_len - NLMSG_HDRLEN; times > 0; times--)
		add_rule(s, (struct nm_attrs){keep(s, bytes + NLMSG_HDRLEN, len), len}, tag);
}

static void read_chain(struct reader *s, bool is_base, char *words)
{
	static const struct {
		const char *name;
		uint32_t hook;
	} hooks[] = {{"pre", NF_INET_PRE_ROUTING}, {"out", NF_INET_LOCAL_OUT}, {"fwd", NF_INET_FORWARD},
		{"post", NF_INET_POST_ROUTING}};
	struct nm_ruleset_chain c = {.nfproto = s->nfproto, .table = s->table, .is_base = is_base};
	const char *word;
	struct nm_err err;

	c.name = keep_name(s, strsep(&words, " "));
	if (is_base) {
		word = strsep(&words, " ");
		for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
			if (!strcmp(word, hooks[i].name))
				c.hook = hooks[i].hook;
		c.priority = atoi(strsep(&words, " "));
	}
	while ((word = strsep(&words, " "))) {
		c.is_nat |= !strcmp(word, "nat");
		c.drops |= !strcmp(word, "drop");
	}
	if (nm_grow(&s->r->chains, "reading", &err) < 0)
		die("memory", NULL);
	s->chain = &s->r->chains.v[s->r->chains.n];
	s->r->chains.v[s->r->chains.n++] = c;
}

static void add_element(
	struct reader *s, struct nm_ruleset_set *set, uint32_t port, uint32_t flags, char *verdict)
{
	struct nm_ruleset_element e = {.flags = flags};
	const uint16_t key = htons((uint16_t)port);
	const char *chain = NULL;
	struct nm_err err;

	if (!(flags & NFT_SET_ELEM_CATCHALL))
		e.key = keep(s, &key, sizeof(key));
	if (verdict && !read_verdict(verdict, &e.verdict, &chain))
		die("no verdict", verdict);
	e.chain = chain ? keep_name(s, chain) : NULL;
	if (nm_grow(set, "reading", &err) < 0)
		die("memory", NULL);
	set->v[set->n++] = e;
}

static void read_element(struct reader *s, struct nm_ruleset_set *set, char *word)
{
	char *key = strsep(&word, "="), *end = strchr(key, '-'), *last = strchr(key, '~');

	if (end || last)
		set->flags |= NFT_SET_INTERVAL;
	add_element(s, set, (uint32_t)atoi(key), *key == '*' ? NFT_SET_ELEM_CATCHALL : 0, word);
	if (last) {
		const uint16_t port = htons((uint16_t)atoi(last + 1));

		set->v[set->n - 1].key_end = keep(s, &port, sizeof(port));
	}
	if (end)
		add_element(s, set, (uint32_t)atoi(end + 1) + 1, NFT_SET_ELEM_INTERVAL_END, NULL);
}

/* Elements are given in order. */
static void read_set(struct reader *s, char *words)
{
	struct nm_ruleset_set set = {
		.nfproto = s->nfproto, .table = s->table, .key_size = PORT_SIZE, .is_used = true};
	struct nm_err err;
	char *word;

	set.name = keep_name(s, strsep(&words, " "));
	while ((word = strsep(&words, " ")))
		read_element(s, &set, word);
	if (nm_grow(&s->r->sets, "reading", &err) < 0)
		die("memory", NULL);
	s->r->sets.v[s->r->sets.n++] = set;
}

static void read_table(struct reader *s, char *words)
{
	const char *family = strsep(&words, " ");

	s->nfproto = !strcmp(family, "ip") ? NFPROTO_IPV4
		: !strcmp(family, "ip6")   ? NFPROTO_IPV6
					   : NFPROTO_INET;
	s->table = keep_name(s, words);
}

static void read_line(struct reader *s, char *line)
{
	const char *what = strsep(&line, " ");

	if (!strcmp(what, "table"))
		read_table(s, line);
	else if (!strcmp(what, "base") || !strcmp(what, "chain"))
		read_chain(s, *what == 'b', line);
	else if (!strcmp(what, "rule"))
		read_rule(s, line);
	else if (!strcmp(what, "set") || !strcmp(what, "map"))
		read_set(s, line);
	else if (*what)
		die("no line", what);
}

void small_ruleset_read(const char *text, struct nm_ruleset *ret)
{
	struct reader s = {.r = ret, .nfproto = NFPROTO_INET, .table = "t"};
	char *copy = strdup(text), *rest = copy, *line;
	struct nm_err err;

	*ret = (struct nm_ruleset){0};
	if (!copy)
		die("memory", NULL);
	while ((line = strsep(&rest, "\n")))
		read_line(&s, line);
	free(copy);
	if (nm_ruleset_index_chains(ret, &err) < 0 || nm_ruleset_index_sets(ret, &err) < 0)
		die("memory", NULL);
}
