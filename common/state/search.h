/* Searching the state for records. */
#ifndef NM_STATE_SEARCH_H
#define NM_STATE_SEARCH_H

#include "base/prefix.h"
#include "model/mapping.h"
#include "state/state.h"

/* Selects records that fit at least one of its members. Members that are NULL or 0 select nothing. */
struct nm_state_query {
	bool all;
	const char *id;
	const struct nm_mapping *mappings; /* records that overlap one of them; host port 0 overlaps none */
	size_t n_mappings;
	const struct nm_prefix *address; /* of the container, NM_FAMILY_MAX entries */
	unsigned families;               /* of address */
	const struct nm_nsid *netns; /* of a pod; who is there and fits by nothing but the address is found
					only if it is gone, and older than all that live; NULL: no pod's */
	const char *localnet;    /* interface: one record of the backend that needs its route_localnet, and
				    as long as there is none, those of the other one */
	unsigned localnet_index; /* its number, by which it is also found; 0: unknown */
	const char *bridge_port; /* port: one record that needs its hairpin mode */
	unsigned bridge_port_index;
	const char *network;     /* bridge: one that natmap has put on it, likewise */
	unsigned forwards;       /* families: one record for each that needs forwarding in it */
	bool set;                /* localnet, bridge_port: only where natmap switched it on, and by number
				    where both know it */
	enum nm_backend backend; /* for localnet and network */
	const struct nm_records
		*sharing;                /* records that share host ports, interfaces or bridges with these */
	const struct nm_records *except; /* never records at the offsets of these */
};

/* Appends to *ret every live record that fits the query, and perhaps others, which the caller must tell
 * apart. Those that fit by nothing but a setting are read in_part. Skips damaged lines with a notice. */
int nm_state_search(struct nm_state *st, const struct nm_state_query *query, struct nm_records *ret,
	struct nm_err *err) NM_MUST_USE;

#endif
