#include "state/handles.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_SIZE = 10 }; /* with the blank, or the NUL, behind it */

/* The chains that a container has rules in. */
static const struct {
	char letter;
	enum nm_table table;
	enum nm_chain chain;
} chains[NM_HANDLES_CHAINS] = {
	{'n', NM_TABLE_NAT, NM_CHAIN_NATMAP},
	{'o', NM_TABLE_NAT, NM_CHAIN_OUTPUT},
	{'p', NM_TABLE_NAT, NM_CHAIN_POSTROUTING},
	{'f', NM_TABLE_FILTER, NM_CHAIN_NATMAP},
	{'r', NM_TABLE_RAW, NM_CHAIN_PREROUTING},
};

void nm_handles_done(struct nm_handles *h)
{
	free(h->v);
	*h = (struct nm_handles){0};
}

ssize_t nm_handles_find_chain(const struct nm_rule_place *place)
{
	for (size_t i = 0; i < NM_HANDLES_CHAINS; i++)
		if (place->table == chains[i].table && place->chain == chains[i].chain)
			return (ssize_t)i;
	return -1;
}

struct nm_rule_place nm_handles_chain(enum nm_family family, size_t i)
{
	return (struct nm_rule_place){family, chains[i].table, chains[i].chain};
}

static char letter_of(const struct nm_rule_place *place)
{
	char letter = chains[nm_handles_find_chain(place)].letter;

	return place->family == NM_IPV4 ? letter : (char)toupper(letter);
}

static bool find_place(char letter, struct nm_rule_place *ret)
{
	for (size_t i = 0; i < NM_HANDLES_CHAINS; i++)
		if (tolower(letter) == chains[i].letter) {
			*ret = nm_handles_chain(islower(letter) ? NM_IPV4 : NM_IPV6, i);
			return true;
		}
	return false;
}

static size_t count(const struct nm_rules *rules, size_t from, const char *owner)
{
	size_t n = 0;

	for (size_t i = from; i < rules->n; i++)
		n += rules->v[i].owner == owner;
	return n;
}

int nm_handles_reserve(
	struct nm_handles *h, const struct nm_rules *rules, const char *owner, struct nm_err *err)
{
	size_t n = count(rules, 0, owner);

	nm_handles_done(h);
	if (n == 0 || n > NM_HANDLES_MAX)
		return 0;
	h->v = calloc(n, sizeof(*h->v));
	if (!h->v)
		return nm_fail_memory(err, "recording the rules");
	for (size_t i = 0; i < rules->n; i++) {
		const struct nm_rule *r = &rules->v[i];
		const struct nm_rule_place place = {r->family, r->table, r->chain};

		if (r->owner != owner)
			continue;
		if (nm_handles_find_chain(&place) < 0) {
			nm_handles_done(h);
			return 0;
		}
		h->v[h->n++].place = place;
	}
	return 0;
}

void nm_handles_fill(
	struct nm_handles *h, const struct nm_rules *rules, const char *owner, const uint64_t *numbers)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->n && n < h->n; i++)
		if (rules->v[i].owner == owner)
			h->v[n++].number = numbers[i] <= UINT32_MAX ? (uint32_t)numbers[i] : 0;
}

static bool is_same(const struct nm_handle *a, const struct nm_handle *b)
{
	return a->number == b->number && a->place.family == b->place.family &&
		a->place.table == b->place.table;
}

bool nm_handles_known(const struct nm_handles *h)
{
	for (size_t i = 0; i < h->n; i++) {
		if (!h->v[i].number)
			return false;
		for (size_t k = 0; k < i; k++)
			if (is_same(&h->v[k], &h->v[i]))
				return false;
	}
	return h->n > 0;
}

bool nm_handles_fit(const struct nm_handles *h, const struct nm_rules *rules, size_t from, const char *owner)
{
	return h->n == count(rules, from, owner);
}

void nm_handles_forget(struct nm_handles *h)
{
	for (size_t i = 0; i < h->n; i++)
		h->v[i].number = 0;
}

const char *nm_handles_print(const struct nm_handles *h, char buf[static NM_HANDLES_STRLEN])
{
	buf[0] = '\0';
	for (size_t i = 0; i < h->n; i++)
		(void)snprintf(buf + i * ENTRY_SIZE, ENTRY_SIZE + 1, "%c%08" PRIx32 "%s",
			letter_of(&h->v[i].place), h->v[i].number, i + 1 < h->n ? " " : "");
	return buf;
}

static bool parse(const char *text, size_t n, struct nm_handle *ret)
{
	for (size_t i = 0; i < n; i++, text += ENTRY_SIZE) {
		char *end;

		ret[i].number = (uint32_t)strtoul(text + 1, &end, 16);
		if (!find_place(text[0], &ret[i].place) || end != text + ENTRY_SIZE - 1)
			return false;
	}
	return true;
}

int nm_handles_parse(const char *text, size_t len, struct nm_handles *h, struct nm_err *err)
{
	char copy[NM_HANDLES_STRLEN] = "", printed[NM_HANDLES_STRLEN];
	size_t n = (len + 1) / ENTRY_SIZE;

	nm_handles_done(h);
	if (len == 0 || len >= sizeof(copy) || (len + 1) % ENTRY_SIZE)
		return 0;
	memcpy(copy, text, len);
	h->v = calloc(n, sizeof(*h->v));
	if (!h->v)
		return nm_fail_memory(err, "reading the state");
	h->n = n;
	if (!parse(copy, n, h->v) || strcmp(nm_handles_print(h, printed), copy) != 0)
		nm_handles_done(h);
	return 0;
}
