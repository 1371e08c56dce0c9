/* Searching the state without parsing it: which lines are worth that. Pure. */
#ifndef NM_STATE_QUERY_H
#define NM_STATE_QUERY_H

#include "base/prefix.h"
#include "model/backend.h"
#include "model/mapping.h"
#include "state/filter.h"

struct nm_record;
struct nm_records;

/* What records to look for; members left NULL or 0 do not matter, and one that fits is enough. */
struct nm_state_query {
	bool all;
	const char *id;
	const struct nm_mapping *mappings; /* that might overlap; one whose host port is open does not */
	size_t n_mappings;
	const struct nm_prefix *address; /* of the container, NM_FAMILY_MAX entries */
	unsigned families;               /* which of them */
	const char *localnet;    /* interface whose route_localnet they need: one such record is enough */
	const char *bridge_port; /* port whose hairpin mode they need: likewise */
	bool set;                /* of these two, only what natmap switched on */
	enum nm_backend backend; /* localnet: one such record of this backend */
	const struct nm_records *except; /* those with the offsets of these do not count */
};

/* The keys that a query comes down to: a record that fits has one of them in its filter. */
#define NM_QUERY_KEYS_MAX 128
struct nm_state_keys {
	bool everything; /* the query is too wide for keys */
	size_t n;
	uint64_t v[NM_QUERY_KEYS_MAX];
};

void nm_state_query_compile(const struct nm_state_query *q, struct nm_state_keys *ret);

/* Writes the filter of a record into buf, which is also returned: what NM_RECORD_FILTER begins. */
#define NM_RECORD_FILTER_SIZE (NM_FILTER_DIGITS_MAX + 1)
const char *nm_record_filter(const struct nm_record *r, char buf[static NM_RECORD_FILTER_SIZE]);

/* Adds the keys of a record to a filter that may have those of others. */
void nm_record_add_keys(const struct nm_record *r, char *digits, size_t n);

/* False when no record with its keys in this filter can fit the query. */
bool nm_state_keys_meet(const struct nm_state_keys *keys, const char *digits, size_t n);

/* False when the record in this live line (see state/record.c) cannot fit the query. */
bool nm_state_keys_fit(const struct nm_state_keys *keys, const char *line, size_t len);

#endif
