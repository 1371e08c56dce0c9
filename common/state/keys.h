/* Keys, by which the state is searched without parsing it: which lines are worth that. Pure. */
#ifndef NM_STATE_KEYS_H
#define NM_STATE_KEYS_H

#include "state/filter.h"

struct nm_record;
struct nm_state_query;

/* The keys that a query comes down to: a record that fits has one of them in its filter. */
#define NM_STATE_KEYS_MAX 128
struct nm_state_keys {
	bool everything; /* the query is too wide for keys */
	size_t n;
	uint64_t v[NM_STATE_KEYS_MAX];
};

void nm_state_keys_compile(const struct nm_state_query *q, struct nm_state_keys *ret);

/* Writes the filter of a record into buf, which is also returned: what NM_RECORD_FILTER begins. */
#define NM_RECORD_FILTER_SIZE (NM_FILTER_DIGITS_MAX + 1)
const char *nm_state_keys_print_filter(const struct nm_record *r, char buf[static NM_RECORD_FILTER_SIZE]);

/* Adds the keys of a record to a filter that may have those of others. */
void nm_state_keys_add(const struct nm_record *r, char *digits, size_t n);

/* False when no record with its keys in this filter can fit the query. */
bool nm_state_keys_meet(const struct nm_state_keys *keys, const char *digits, size_t n);

/* False when the record in this live line (see state/record.c) cannot fit the query. */
bool nm_state_keys_fit(const struct nm_state_keys *keys, const char *line, size_t len);

#endif
