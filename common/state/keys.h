/* Keys of queries and records, by which a search skips lines without parsing them. Pure. */
#ifndef NM_STATE_KEYS_H
#define NM_STATE_KEYS_H

#include "model/backend.h"
#include "state/block.h"

struct nm_record;
struct nm_state_query;

struct nm_state_key {
	uint64_t value;
	char kind;
	const char *interface; /* of which one user in this backend is enough, borrowed; NULL: no interface */
	unsigned index; /* its number, if the key is that and not its name; or a family to forward in */
	enum nm_backend backend;
};

/* The keys that a query comes down to: a record that fits has one of them in its filter. */
#define NM_STATE_KEYS_MAX 128
struct nm_state_keys {
	bool everything;                         /* all records may fit: the query has too many keys */
	char netns[64];                          /* as in lines; "": no matter */
	char block_netns[NM_BLOCK_NETNS_DIGITS]; /* as in those of blocks */
	bool settled;                            /* records there no longer fit by their address alone */
	size_t n;
	struct nm_state_key v[NM_STATE_KEYS_MAX];
};

void nm_state_keys_compile(const struct nm_state_query *q, struct nm_state_keys *ret);

/* Drops the keys of interfaces of which the record is a user: there may be thousands. */
void nm_state_keys_drop_found(struct nm_state_keys *keys, const struct nm_record *r);

/* Writes the filter of a record into buf, which is also returned: what NM_RECORD_FILTER begins. */
#define NM_RECORD_FILTER_SIZE (NM_FILTER_DIGITS_MAX + 1)
const char *nm_state_keys_print_filter(const struct nm_record *r, char buf[static NM_RECORD_FILTER_SIZE]);

/* Adds the keys of a record to a filter. */
void nm_state_keys_add(const struct nm_record *r, char *digits, size_t n);

/* False when no record of the block that this line ends can fit the query. */
bool nm_state_keys_meet(const struct nm_state_keys *keys, const char line[static NM_BLOCK_SIZE]);

/* How the record in a live line may fit the query: bits, and 0 when it cannot. */
enum {
	NM_FIT_BY_SETTING = 1,   /* of an interface, or of forwarding */
	NM_FIT_AS_NEIGHBOUR = 2, /* by its address, in the query's network namespace */
	NM_FIT_BY_OTHER = 4,
};
unsigned nm_state_keys_fit(const struct nm_state_keys *keys, const char *line, size_t len);

#endif
