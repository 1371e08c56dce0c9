/* Lines of the state file. */
#ifndef NM_STATE_LINES_H
#define NM_STATE_LINES_H

#include <string.h>

#include "state/file.h"
#include "state/record_json.h"

#define NM_STATE_MARK_LEN (sizeof(NM_RECORD_LIVE) - 1)

static inline bool nm_state_line_is_live(const char *line, size_t len)
{
	return len > NM_STATE_MARK_LEN && !memcmp(line, NM_RECORD_LIVE, NM_STATE_MARK_LEN);
}

static inline bool nm_state_line_is_retired(const char *line, size_t len)
{
	return len > NM_STATE_MARK_LEN && !memcmp(line, NM_RECORD_RETIRED, NM_STATE_MARK_LEN);
}

/* Called for each line. line[len] is its newline. */
typedef int nm_state_line_handler(
	void *ctx, const char *line, size_t len, uint64_t offset, struct nm_err *err);

/* Calls handler for the lines between two offsets. Takes memory for the longest line, not for the file. 0, or
 * -1 with *err: the handler's own, or a read error. */
int nm_state_lines_each(const struct nm_state *st, uint64_t from, uint64_t to, nm_state_line_handler *handler,
	void *ctx, struct nm_err *err) NM_MUST_USE;

#endif
