/* Two lines of fixed size: what holders of the lock write, and what others do. */
#include "state/lock_waits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELD_FORM    "%020" PRIu64 " %020" PRIu64 "\n"
#define TIMEOUT_FORM "%020" PRIu64 "\n"

enum { HELD_SIZE = 42, TIMEOUT_SIZE = 21, LINES_SIZE = NM_LOCK_WAITS_SIZE };

_Static_assert((int)LINES_SIZE == HELD_SIZE + TIMEOUT_SIZE, "both lines");

void nm_lock_waits_read(int lockfd, struct nm_lock_waits *ret)
{
	char lines[LINES_SIZE + 1] = "";

	*ret = (struct nm_lock_waits){0};
	if (pread(lockfd, lines, LINES_SIZE, 0) <= 0)
		return;
	(void)sscanf(lines, "%" SCNu64 " %" SCNu64, &ret->n, &ret->us); /* zeros where there is none */
	(void)sscanf(lines + HELD_SIZE, "%" SCNu64, &ret->timeouts);
}

static void write_line(int lockfd, const char *line, off_t at)
{
	if (pwrite(lockfd, line, strlen(line), at) < 0)
		return; /* on a full disk nothing is counted */
}

void nm_lock_waits_add(int lockfd, uint64_t us)
{
	char line[HELD_SIZE + 1];
	struct nm_lock_waits waits;

	nm_lock_waits_read(lockfd, &waits);
	(void)snprintf(line, sizeof(line), HELD_FORM, waits.n + 1, waits.us + us);
	write_line(lockfd, line, 0);
}

void nm_lock_waits_add_timeout(int lockfd)
{
	char line[TIMEOUT_SIZE + 1];
	struct nm_lock_waits waits;

	nm_lock_waits_read(lockfd, &waits);
	(void)snprintf(line, sizeof(line), TIMEOUT_FORM, waits.timeouts + 1);
	write_line(lockfd, line, HELD_SIZE);
}
