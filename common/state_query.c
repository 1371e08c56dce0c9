/*
 * Byte searches in canonical record lines. They may say yes too often, never no where a parse would have said
 * yes; only an interface whose name has control characters, which the line has as escapes, is overlooked.
 */
#include "state_query.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* More ports than this are not worth that many searches of each line. */
enum { PORTS_MAX = 8 };
_Static_assert(NM_FAMILY_MAX + 2 + 1 + PORTS_MAX <= NM_PATTERNS_MAX, "addresses, interfaces, ranges, ports");

_Static_assert(NM_PATTERNS_MAX <= 16, "a bit of uint16_t for each");

static uint8_t hash_pair(char before_last, char last)
{
	return (uint8_t)((uint8_t)before_last * 37u ^ (uint8_t)last);
}

/* Every pattern has two bytes at least. */
static void __attribute__((format(printf, 2, 3))) add(struct nm_state_patterns *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	p->len[p->n] = (size_t)vsnprintf(p->text[p->n], NM_PATTERN_STRLEN, fmt, ap);
	va_end(ap);
	p->n++;
}

/* {"interface":"X","set":true} as the value of the member */
static void add_interface(struct nm_state_patterns *p, const char *member, const char *interface, bool set)
{
	if (!interface)
		return;
	if (strpbrk(interface, "\"\\")) /* an interface may be called so; the line has it with escapes */
		p->everything = true;
	else
		add(p, "\"%s\":{\"interface\":\"%s\"%s", member, interface, set ? ",\"set\":true" : "");
}

/* A single port stands before a colon; what hides in a range is found by parsing every record that has
 * ranges. */
static void add_ports(struct nm_state_patterns *p, const struct nm_mapping *m, size_t n)
{
	if (n > PORTS_MAX) {
		p->everything = true;
		return;
	}
	if (n)
		add(p, "\"ranges\":true");
	for (size_t i = 0; i < n; i++) {
		if (m[i].count == 1 && m[i].host_port)
			add(p, "%u:", (unsigned)m[i].host_port);
		else
			p->everything = true;
	}
}

/* The tables of Wu and Manber's search, for blocks of two bytes. */
static void prepare_search(struct nm_state_patterns *p)
{
	p->shortest = NM_PATTERN_STRLEN;
	for (size_t i = 0; i < p->n; i++)
		p->shortest = p->len[i] < p->shortest ? p->len[i] : p->shortest;
	memset(p->shift, (int)p->shortest - 1, sizeof(p->shift));
	memset(p->begins, 0, sizeof(p->begins));
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 1; j < p->shortest; j++) {
			uint8_t h = hash_pair(p->text[i][j - 1], p->text[i][j]);
			uint8_t left = (uint8_t)(p->shortest - 1 - j);

			p->shift[h] = left < p->shift[h] ? left : p->shift[h];
			if (left == 0)
				p->begins[h] |= (uint16_t)(1u << i);
		}
}

void nm_state_query_compile(const struct nm_state_query *q, struct nm_state_patterns *ret)
{
	char text[NM_ADDR_STRLEN];

	ret->everything = q->all;
	ret->id = q->id;
	ret->n = 0;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (q->families & 1u << f)
			add(ret, "\"%s/", nm_addr_print(&q->address[f].addr, text));
	add_interface(ret, "localnet", q->localnet, q->set);
	add_interface(ret, "hairpin", q->bridge_port, q->set);
	add_ports(ret, q->mappings, q->n_mappings);
	prepare_search(ret);
}

/* The id is the first member behind the mark of a live line. */
static bool has_id(const char *line, size_t len, const char *id)
{
	static const char before[] = "{\"live\":1,\"id\":\"";
	size_t before_len = sizeof(before) - 1, id_len = strlen(id);

	return len > before_len + id_len && !memcmp(line, before, before_len) &&
		!memcmp(line + before_len, id, id_len) && line[before_len + id_len] == '"';
}

static bool is_here(const struct nm_state_patterns *p, uint16_t candidates, const char *at, size_t left)
{
	for (size_t i = 0; candidates; i++, candidates >>= 1)
		if (candidates & 1 && p->len[i] <= left && !memcmp(at, p->text[i], p->len[i]))
			return true;
	return false;
}

/* All patterns at once: memmem() would spend more on getting ready for a line than on reading it. */
bool nm_state_patterns_fit(const struct nm_state_patterns *p, const char *line, size_t len)
{
	if (p->everything || (p->id && has_id(line, len, p->id)))
		return true;
	for (size_t last = p->shortest - 1; p->n > 0 && last < len;) {
		uint8_t h = hash_pair(line[last - 1], line[last]);
		size_t begin = last + 1 - p->shortest;

		if (!p->shift[h] && is_here(p, p->begins[h], line + begin, len - begin))
			return true;
		last += p->shift[h] ? p->shift[h] : 1;
	}
	return false;
}
