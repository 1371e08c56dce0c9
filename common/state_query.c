/* Byte searches in canonical record lines. They may say yes too often, never no where a parse would have said
 * yes. */
#include "state_query.h"

#include <stdio.h>
#include <string.h>

static bool has(const char *line, size_t len, const char *what)
{
	return memmem(line, len, what, strlen(what)) != NULL;
}

/* The id is the first member behind the mark of a live line. */
static bool has_id(const char *line, size_t len, const char *id)
{
	static const char before[] = "{\"live\":1,\"id\":\"";
	size_t before_len = sizeof(before) - 1, id_len = strlen(id);

	return len > before_len + id_len && !memcmp(line, before, before_len) &&
		!memcmp(line + before_len, id, id_len) && line[before_len + id_len] == '"';
}

/* {"interface":"X","set":true} as the value of the member */
static bool has_interface(const char *line, size_t len, const char *member, const char *interface, bool set)
{
	char text[128];

	if (strpbrk(interface, "\"\\")) /* an interface may be called so; the line has it with escapes */
		return true;
	(void)snprintf(text, sizeof(text), "\"%s\":{\"interface\":\"%s\"%s", member, interface,
		set ? ",\"set\":true" : "");
	return has(line, len, text);
}

static bool has_address(const char *line, size_t len, const struct nm_addr *a)
{
	char address[NM_ADDR_STRLEN], text[NM_ADDR_STRLEN + 2];

	(void)snprintf(text, sizeof(text), "\"%s/", nm_addr_print(a, address));
	return has(line, len, text);
}

/* A single port stands before a colon; what hides in a range is found by parsing every record that has
 * ranges. */
static bool has_port(const char *line, size_t len, const struct nm_mapping *m)
{
	char text[8];

	if (m->count != 1 || !m->host_port)
		return true;
	(void)snprintf(text, sizeof(text), "%u:", (unsigned)m->host_port);
	return has(line, len, text);
}

bool nm_state_query_fits(const struct nm_state_query *q, const char *line, size_t len)
{
	if (q->all || (q->id && has_id(line, len, q->id)))
		return true;
	for (enum nm_family f = NM_IPV4; f < NM_FAMILY_MAX; f++)
		if (q->families & 1u << f && has_address(line, len, &q->address[f].addr))
			return true;
	if (q->localnet && has_interface(line, len, "localnet", q->localnet, q->set))
		return true;
	if (q->bridge_port && has_interface(line, len, "hairpin", q->bridge_port, q->set))
		return true;
	if (q->n_mappings && has(line, len, "\"ranges\":true"))
		return true;
	for (size_t i = 0; i < q->n_mappings; i++)
		if (has_port(line, len, &q->mappings[i]))
			return true;
	return false;
}
