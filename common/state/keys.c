/*
 * A live line begins with a filter of the keys of its record, and a block ends with a filter of all its
 * records. So a search reads some digits of each and parses hardly any lines but those that it looks for. A
 * line without a filter, or with one of another form, may be any record. The keys are part of the file's
 * format.
 *
 * A filter can tell equal keys but not ranges, so ports are also keys in groups of 64. A record and a query
 * that overlap have in common
 *   - the port, where both have a single one,
 *   - the group, where one of them has a range. A record has different keys for the groups of single ports
 * and those of ranges, so that single ports of one group do not match each other. A group has 64 ports for
 * each host address and protocol, so the lines that a range makes a search parse in vain do not grow with the
 * number of containers. An interface is a key by its name and one by its number: it may be renamed, and
 * another one may get its name. The common query, for one port, one address of each family, an id and two
 * interfaces, has 9 keys: about 2 lines in 100 match by chance (state/filter.c), in a record of 13 keys in 64
 * digits 1 in 100.
 */
#include "state/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "state/record_json.h"
#include "state/search.h"

enum { BLOCK_SIZE = 64 };

enum key_kind {
	KEY_ID = 'i',
	KEY_ADDRESS = 'a',
	KEY_LOCALNET = 'l',
	KEY_LOCALNET_SET = 'L',
	KEY_BRIDGE_PORT = 'h',
	KEY_BRIDGE_PORT_SET = 'H',
	KEY_FORWARDS = 'f',     /* a family */
	KEY_NETWORK = 'n',      /* a bridge of natmap's */
	KEY_PORT = 'p',         /* a single port */
	KEY_SINGLE_BLOCK = 's', /* a block that has one */
	KEY_RANGE_BLOCK = 'r',  /* a block that has ports of a range */
};

static uint64_t text_key(enum key_kind kind, const char *text)
{
	return nm_filter_key((char)kind, text, strlen(text));
}

static uint64_t index_key(enum key_kind kind, unsigned index)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "/%u", index); /* no name has a slash */
	return text_key(kind, text);
}

static uint64_t address_key(const struct nm_addr *a)
{
	return nm_filter_key(KEY_ADDRESS, a->bytes, nm_addr_size(a->family));
}

/* number: of a port or of a block. */
static uint64_t port_key(enum key_kind kind, uint8_t protocol, unsigned number)
{
	const uint8_t bytes[] = {protocol, (uint8_t)(number >> 8), (uint8_t)number};

	return nm_filter_key((char)kind, bytes, sizeof(bytes));
}

static unsigned first_block(const struct nm_mapping *m)
{
	return m->host_port / BLOCK_SIZE;
}

static unsigned last_block(const struct nm_mapping *m)
{
	return (m->host_port + m->count - 1u) / BLOCK_SIZE;
}

/* The query's side */

static void ask_key(struct nm_state_keys *keys, const struct nm_state_key *key)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].value == key->value && keys->v[i].backend == key->backend)
			return;
	if (keys->n < NM_STATE_KEYS_MAX)
		keys->v[keys->n++] = *key;
	else
		keys->everything = true;
}

static void ask(struct nm_state_keys *keys, uint64_t value)
{
	ask_key(keys, &(struct nm_state_key){.value = value});
}

/* index: 0 if it is unknown. backend: 0 where it does not matter. */
static void ask_interface(struct nm_state_keys *keys, enum key_kind kind, const char *interface,
	unsigned index, enum nm_backend backend)
{
	struct nm_state_key key = {.kind = (char)kind, .interface = interface, .backend = backend};

	if (!interface || !interface[0])
		return;
	key.value = text_key(kind, interface);
	ask_key(keys, &key);
	if (!index)
		return;
	key.value = index_key(kind, index);
	key.index = index;
	ask_key(keys, &key);
}

static uint64_t forwards_key(enum nm_family family)
{
	return text_key(KEY_FORWARDS, family == NM_IPV4 ? "4" : "6");
}

static void ask_forwards(struct nm_state_keys *keys, enum nm_family family)
{
	ask_key(keys,
		&(struct nm_state_key){.value = forwards_key(family),
			.kind = KEY_FORWARDS,
			.interface = "",
			.index = family});
}

static void ask_mapping(struct nm_state_keys *keys, const struct nm_mapping *m)
{
	if (!m->host_port)
		return;
	if (m->count == 1)
		ask(keys, port_key(KEY_PORT, m->protocol, m->host_port));
	for (unsigned block = first_block(m); block <= last_block(m) && !keys->everything; block++) {
		ask(keys, port_key(KEY_RANGE_BLOCK, m->protocol, block));
		if (m->count > 1)
			ask(keys, port_key(KEY_SINGLE_BLOCK, m->protocol, block));
	}
}

static void ask_mappings(struct nm_state_keys *keys, const struct nm_mapping *v, size_t n)
{
	for (size_t i = 0; i < n && !keys->everything; i++)
		ask_mapping(keys, &v[i]);
}

static void ask_sharing(struct nm_state_keys *keys, const struct nm_record *r)
{
	ask_interface(keys, KEY_LOCALNET, r->localnet, r->localnet_index, r->backend);
	ask_interface(keys, KEY_BRIDGE_PORT, r->bridge_port, r->bridge_port_index, 0);
	ask_interface(keys, KEY_NETWORK, r->network.bridge, 0, r->backend);
	ask_mappings(keys, r->mappings.v, r->mappings.n);
}

static void ask_addresses(struct nm_state_keys *keys, const struct nm_state_query *q)
{
	keys->settled = false;
	keys->netns[0] = '\0';
	if (q->netns && q->netns->ino) {
		(void)snprintf(keys->netns, sizeof(keys->netns), "\"netns\":\"%" PRIu64 ":%" PRIu64 "\"",
			q->netns->dev, q->netns->ino);
		nm_state_block_print_netns(q->netns, keys->block_netns);
	}
	nm_each_family(f, q->families)
		ask_key(keys,
			&(struct nm_state_key){
				.value = address_key(&q->address[f].addr), .kind = KEY_ADDRESS});
}

void nm_state_keys_compile(const struct nm_state_query *q, struct nm_state_keys *ret)
{
	ret->everything = q->all;
	ret->n = 0;
	if (q->id)
		ask(ret, text_key(KEY_ID, q->id));
	ask_addresses(ret, q);
	ask_interface(
		ret, q->set ? KEY_LOCALNET_SET : KEY_LOCALNET, q->localnet, q->localnet_index, q->backend);
	ask_interface(
		ret, q->set ? KEY_BRIDGE_PORT_SET : KEY_BRIDGE_PORT, q->bridge_port, q->bridge_port_index, 0);
	ask_interface(ret, KEY_NETWORK, q->network, 0, q->backend);
	nm_each_family(f, q->forwards)
		ask_forwards(ret, f);
	ask_mappings(ret, q->mappings, q->n_mappings);
	for (size_t i = 0; q->sharing && i < q->sharing->n && !ret->everything; i++)
		ask_sharing(ret, &q->sharing->v[i]);
}

static bool is_named(const struct nm_state_key *key, const char *interface, unsigned index)
{
	return key->index ? key->index == index : !strcmp(key->interface, interface);
}

static bool is_user(const struct nm_record *r, const struct nm_state_key *key)
{
	switch ((enum key_kind)key->kind) {
	case KEY_LOCALNET:
	case KEY_LOCALNET_SET:
		return is_named(key, r->localnet, r->localnet_index) && key->backend == r->backend &&
			(key->kind == KEY_LOCALNET || r->localnet_set);
	case KEY_BRIDGE_PORT:
	case KEY_BRIDGE_PORT_SET:
		return is_named(key, r->bridge_port, r->bridge_port_index) &&
			(key->kind == KEY_BRIDGE_PORT || r->hairpin_set);
	case KEY_NETWORK:
		return is_named(key, r->network.bridge, 0) && key->backend == r->backend;
	case KEY_FORWARDS:
		return nm_record_forwards(r) & 1u << key->index;
	default:
		return false;
	}
}

void nm_state_keys_drop_found(struct nm_state_keys *keys, const struct nm_record *r)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->v[i].interface && is_user(r, &keys->v[i]))
			keys->v[i--] = keys->v[--keys->n];
}

/* The record's side */

/* Counts the keys, and adds them where there are digits. */
struct filter {
	char *digits;
	size_t n_digits, n_keys;
	uint64_t last_block; /* its neighbour is likely to be in it, too */
};

static void add(struct filter *f, uint64_t key)
{
	if (f->digits)
		nm_filter_add(f->digits, f->n_digits, key);
	f->n_keys++;
}

static void add_interface(struct filter *f, enum key_kind kind, const char *interface, unsigned index)
{
	if (!interface[0])
		return;
	add(f, text_key(kind, interface));
	if (index)
		add(f, index_key(kind, index));
}

/* Of the interface itself: its name may be another one's by now. */
static void add_switched_on(struct filter *f, enum key_kind kind, const char *interface, unsigned index)
{
	if (interface[0])
		add(f, index ? index_key(kind, index) : text_key(kind, interface));
}

static void add_mapping(struct filter *f, const struct nm_mapping *m)
{
	if (m->count == 1)
		add(f, port_key(KEY_PORT, m->protocol, m->host_port));
	for (unsigned block = first_block(m); block <= last_block(m); block++) {
		enum key_kind kind = m->count == 1 ? KEY_SINGLE_BLOCK : KEY_RANGE_BLOCK;
		uint64_t key = port_key(kind, m->protocol, block);

		if (key != f->last_block)
			add(f, key);
		f->last_block = key;
	}
}

static void add_record(struct filter *f, const struct nm_record *r)
{
	add(f, text_key(KEY_ID, r->id));
	nm_each_family(family, r->families)
		add(f, address_key(&r->address[family].addr));
	nm_each_family(family, r->network.families)
		if (!(r->families & 1u << family))
			add(f, address_key(&r->network.address[family].addr));
	add_interface(f, KEY_NETWORK, r->network.bridge, 0);
	add_interface(f, KEY_LOCALNET, r->localnet, r->localnet_index);
	add_interface(f, KEY_BRIDGE_PORT, r->bridge_port, r->bridge_port_index);
	if (r->localnet_set)
		add_switched_on(f, KEY_LOCALNET_SET, r->localnet, r->localnet_index);
	if (r->hairpin_set)
		add_switched_on(f, KEY_BRIDGE_PORT_SET, r->bridge_port, r->bridge_port_index);
	nm_each_family(family, nm_record_forwards(r))
		add(f, forwards_key(family));
	for (size_t i = 0; i < r->mappings.n; i++)
		add_mapping(f, &r->mappings.v[i]);
}

const char *nm_state_keys_print_filter(const struct nm_record *r, char buf[static NM_RECORD_FILTER_SIZE])
{
	struct filter f = {.digits = NULL};

	add_record(&f, r);
	f = (struct filter){.digits = buf, .n_digits = nm_filter_digits(f.n_keys)};
	nm_filter_clear(buf, f.n_digits);
	add_record(&f, r);
	buf[f.n_digits] = '\0';
	return buf;
}

void nm_state_keys_add(const struct nm_record *r, char *digits, size_t n)
{
	struct filter f = {.digits = digits, .n_digits = n};

	add_record(&f, r);
}

/* Returns the digits of the line's filter, or NULL when it has none that can be read. */
static const char *find_filter(const char *line, size_t len, size_t *ret_n)
{
	static const char before[] = NM_RECORD_LIVE NM_RECORD_FILTER;
	const size_t begin = sizeof(before) - 1;

	if (len < begin || memcmp(line, before, begin) != 0)
		return NULL;
	for (size_t n = NM_FILTER_DIGITS_MIN; n <= NM_FILTER_DIGITS_MAX && begin + n < len; n *= 2) {
		*ret_n = n;
		if (line[begin + n] == '"')
			return line + begin;
	}
	return NULL;
}

bool nm_state_keys_meet(const struct nm_state_keys *keys, const char line[static NM_BLOCK_SIZE])
{
	bool is_settled = keys->settled && keys->netns[0] &&
		!memcmp(line + NM_BLOCK_NETNS_AT, keys->block_netns, NM_BLOCK_NETNS_DIGITS);

	if (keys->everything)
		return true;
	for (size_t i = 0; i < keys->n; i++)
		if (!(is_settled && keys->v[i].kind == KEY_ADDRESS) &&
			nm_filter_may_have(
				line + NM_BLOCK_FILTER_AT, NM_BLOCK_FILTER_DIGITS, keys->v[i].value))
			return true;
	return false;
}

/* A pod may have thousands of containers, at one address. */
static unsigned fit_by_address(const struct nm_state_keys *keys, const char *line, size_t len)
{
	if (!keys->netns[0] || !memmem(line, len, keys->netns, strlen(keys->netns)))
		return NM_FIT_BY_OTHER;
	return keys->settled ? 0 : NM_FIT_AS_NEIGHBOUR;
}

unsigned nm_state_keys_fit(const struct nm_state_keys *keys, const char *line, size_t len)
{
	size_t n;
	const char *digits = find_filter(line, len, &n);
	bool has_address = false;
	unsigned fit = 0;

	if (!digits || keys->everything)
		return NM_FIT_BY_OTHER;
	for (size_t i = 0; i < keys->n; i++) {
		const struct nm_state_key *key = &keys->v[i];

		if (!nm_filter_may_have(digits, n, key->value))
			continue;
		if (key->kind == KEY_ADDRESS)
			has_address = true;
		else
			fit |= key->interface ? NM_FIT_BY_SETTING : NM_FIT_BY_OTHER;
	}
	return has_address && !(fit & NM_FIT_BY_OTHER) ? fit | fit_by_address(keys, line, len) : fit;
}
