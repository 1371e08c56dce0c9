/* Searching the state as bytes: which lines are worth parsing. Pure. */
#ifndef NM_STATE_QUERY_H
#define NM_STATE_QUERY_H

#include "backend.h"
#include "portspec.h"

struct nm_records;

/* What records to look for; members left NULL or 0 do not matter, and one that fits is enough. */
struct nm_state_query {
	bool all;
	const char *id;
	const struct nm_mapping *mappings; /* that might overlap */
	size_t n_mappings;
	const struct nm_prefix *address; /* of the container, NM_FAMILY_MAX entries */
	unsigned families;               /* which of them */
	const char *localnet;    /* interface whose route_localnet they need: one such record is enough */
	const char *bridge_port; /* port whose hairpin mode they need: likewise */
	bool set;                /* of these two, only what natmap switched on */
	enum nm_backend backend; /* one such record of this backend */
	const struct nm_records *except; /* those with the offsets of these do not count */
};

/* The byte strings that a query comes down to. */
#define NM_PATTERNS_MAX   16
#define NM_PATTERN_STRLEN 128
struct nm_state_patterns {
	bool everything; /* the query is too wide for patterns */
	const char *id;  /* borrowed from the query */
	size_t n;
	size_t len[NM_PATTERNS_MAX];
	char text[NM_PATTERNS_MAX][NM_PATTERN_STRLEN];
	/* For searching all at once, by their first bytes, as many as the shortest has: by the hash of two
	 * bytes of a line, how far the end of such a beginning is off at least, and, with 0, which patterns
	 * it may be of, as bits. */
	size_t shortest;
	uint8_t shift[256];
	uint16_t begins[256];
};

void nm_state_query_compile(const struct nm_state_query *q, struct nm_state_patterns *ret);

/* False when the record in this line (see record.c) cannot fit the query. */
bool nm_state_patterns_fit(const struct nm_state_patterns *p, const char *line, size_t len);

#endif
