/* Lists of records. */
#ifndef NM_STATE_RECORDS_H
#define NM_STATE_RECORDS_H

#include "state/record.h"

struct nm_records {
	struct nm_record *v; /* owned */
	size_t n, capacity;
};

void nm_records_done(struct nm_records *r);
#define nm_autorecords NM_CLEANUP(nm_records_done)

/* Moves *r to the end of the list and leaves *r empty. */
int nm_records_add(struct nm_records *list, struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Calls handler for one record of each interface that records of the list need route_localnet of. 0, or -1
 * with *err: the handler's own, or memory. */
typedef int nm_records_on_record(void *ctx, const struct nm_record *r, struct nm_err *err);
int nm_records_each_localnet(const struct nm_records *list, nm_records_on_record *handler, void *ctx,
	struct nm_err *err) NM_MUST_USE;

/* The record of this id that was written last, borrowed; NULL: there is none. Two live records of one id are
 * left by a change that was killed. */
const struct nm_record *nm_records_newest(const struct nm_records *list, const char *id);

/* Sorts the list by id and drops all records of an id but the one that was written last. */
void nm_records_keep_newest(struct nm_records *list);

/* Sorts the list by id, records of one id from the last written to the first. */
void nm_records_sort(struct nm_records *list);

/* Drops the record with this offset, if the list has it; the order changes. */
void nm_records_drop(struct nm_records *list, uint64_t offset);

/* Drops the records of other ids; the order changes. */
void nm_records_keep_id(struct nm_records *list, const char *id);

#endif
