/* A record as JSON: a line of the state file, and what list --json prints. */
#ifndef NM_STATE_RECORD_JSON_H
#define NM_STATE_RECORD_JSON_H

#include <string.h>

#include "state/record.h"

struct nm_json_writer;

/* A live line begins with NM_RECORD_LIVE, a retired one with NM_RECORD_RETIRED: they differ in one byte. */
#define NM_RECORD_LIVE    "{\"live\":1,"
#define NM_RECORD_RETIRED "{\"live\":0,"

static inline bool nm_record_json_is(const char *line, size_t len, const char *mark)
{
	return len > strlen(mark) && !memcmp(line, mark, strlen(mark));
}

/* Next comes the filter of nm_state_keys_print_filter(). */
#define NM_RECORD_FILTER "\"filter\":\""

/* Last come its handles, if it has any, since they are written over in place: nm_handles_print(). */
#define NM_RECORD_HANDLES "handles"

/* Writes the record's members, without filter and handles, into the object that is open in w. */
void nm_record_json_write(const struct nm_record *r, struct nm_json_writer *w);

/* Parses a line (len bytes without the newline). 0 with *ret for nm_record_done(), or -1 with *err:
 * NM_ERR_REFUSED for text that nm_record_json_write() does not write, NM_ERR_FAILED for memory. */
int nm_record_json_read(const char *line, size_t len, struct nm_record *ret, struct nm_err *err) NM_MUST_USE;
/* The same, in_part: what comes behind the mappings that it needs is not looked at. */
int nm_record_json_read_part(
	const char *line, size_t len, struct nm_record *ret, struct nm_err *err) NM_MUST_USE;

#endif
