/* The identity of a process from /proc/PID/stat: its pid alone may have been given to another process. */
#include "host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"

enum { START_FIELD = 22, STATE_FIELD = 3 };

/* Parses the fields after the command name, which may have any characters and ends at the last ')'. */
static int parse_stat(const char *text, char *ret_state, uint64_t *ret_start)
{
	const char *p = strrchr(text, ')');

	if (!p || sscanf(p, ") %c", ret_state) != 1)
		return -1;
	for (int field = STATE_FIELD - 1; p && field < START_FIELD; field++)
		p = strchr(p + 1, ' ');
	return p && sscanf(p, " %" SCNu64, ret_start) == 1 ? 0 : -1;
}

int nm_process_start(pid_t pid, uint64_t *ret_start, bool *ret_alive, struct nm_err *err)
{
	char path[32], text[1024], state;
	uint64_t start;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (nm_io_read_small(AT_FDCWD, path, text, sizeof(text)) < 0) {
		if (errno != ENOENT && errno != ESRCH)
			return nm_fail_errno(err, errno, "reading '%s'", path);
		/* mounted with hidepid, /proc has no entry for a process that we must not look into */
		*ret_alive = kill(pid, 0) == 0 || errno != ESRCH;
		if (*ret_alive)
			*ret_start = 0;
		return 0;
	}
	if (parse_stat(text, &state, &start) < 0)
		return nm_fail(err, NM_ERR_FAILED, "reading '%s': not in the form of proc(5)", path);
	*ret_alive = state != 'Z' && state != 'X' && state != 'x';
	if (*ret_alive)
		*ret_start = start;
	return 0;
}
