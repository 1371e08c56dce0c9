/* Finding records in the state. */
#ifndef NM_STATE_SEARCH_H
#define NM_STATE_SEARCH_H

#include "base/prefix.h"
#include "model/mapping.h"
#include "state/state.h"

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
	const struct nm_records *sharing; /* records that share host ports or interfaces with these */
	const struct nm_records *except;  /* those with the offsets of these do not count */
};

/* Appends to *ret every live record that fits the query, and perhaps others: the caller judges. Lines that
 * are no records are passed over with a notice. */
int nm_state_search(struct nm_state *st, const struct nm_state_query *query, struct nm_records *ret,
	struct nm_err *err) NM_MUST_USE;

#endif
