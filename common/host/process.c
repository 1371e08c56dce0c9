/*
 * The identity of a process from /proc/PID/stat: its pid alone may have been given to another process.
 *
 * /proc/PID/cgroup tells which pod of podman's a container is in.
 *
 * Which process has a socket, only /proc/PID/fd tells, which the sandbox keeps closed: nm_process_print()
 * takes the control group in which the socket was made, of which systemd gives each service one.
 */
#include "host/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <net/route.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

enum { START_FIELD = 22, STATE_FIELD = 3, TICKS_PER_SECOND = 100 /* USER_HZ */ };
enum { LISTED_MAX = 4096 /* processes that are asked for their group, which anybody can have more of */ };
enum { POD_ID_LEN = 64, POD_TEXT_SIZE = 8192 };

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

/* What /proc adds, in clock ticks, to times since boot where the reader is in a time namespace of its own. */
static int64_t read_boot_offset(void)
{
	static const char initial[] = "time:[4026531834]"; /* PROC_TIME_INIT_INO */
	char text[256];
	ssize_t n = readlinkat(AT_FDCWD, "/proc/self/ns/time", text, sizeof(text));
	int64_t seconds = 0, ns = 0;

	if (n < 0 || ((size_t)n == strlen(initial) && !memcmp(text, initial, (size_t)n)))
		return 0;
	if (nm_io_read_small(AT_FDCWD, "/proc/self/timens_offsets", text, sizeof(text)) < 0 ||
		sscanf(text, "monotonic %*d %*d boottime %" SCNd64 " %" SCNd64, &seconds, &ns) != 2)
		return 0;
	return seconds * TICKS_PER_SECOND + ns / (1000000000 / TICKS_PER_SECOND);
}

static uint64_t in_initial_namespace(uint64_t start)
{
	static bool known;
	static int64_t offset;

	if (!known)
		offset = read_boot_offset();
	known = true;
	return start - (uint64_t)offset;
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
		*ret_start = in_initial_namespace(start);
	return 0;
}

/* One line of /proc/PID/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask ... Addresses are
 * the kernel's numbers in network byte order. */
static bool parse_gateway(const char *line, uint32_t *ret_gateway, unsigned *ret_metric)
{
	unsigned destination, flags, mask;

	return sscanf(line, "%*s %x %" SCNx32 " %x %*u %*u %u %x", &destination, ret_gateway, &flags,
		       ret_metric, &mask) == 5 &&
		!destination && !mask &&
		(flags & (RTF_UP | RTF_GATEWAY | RTF_REJECT)) == (RTF_UP | RTF_GATEWAY);
}

bool nm_process_gateway(pid_t pid, struct nm_addr *ret)
{
	char path[32], text[4096], *rest = text; /* default routes come first */
	const char *line;
	unsigned metric, best = UINT_MAX;
	uint32_t gateway;

	(void)snprintf(path, sizeof(path), "/proc/%d/net/route", (int)pid);
	if (nm_io_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	*ret = (struct nm_addr){.family = NM_IPV4};
	while ((line = strsep(&rest, "\n")))
		if (parse_gateway(line, &gateway, &metric) && metric < best) {
			best = metric;
			memcpy(ret->bytes, &gateway, sizeof(gateway));
		}
	return best != UINT_MAX;
}

static bool is_pod_id(const char *text, size_t len)
{
	return len == POD_ID_LEN && strspn(text, "0123456789abcdef") >= len;
}

/* Whether the directory is that of a pod: /libpod_parent/ID, or /machine.slice/machine-libpod_pod_ID.slice
 * where systemd manages the groups. */
static bool is_pod(const char *path, size_t len)
{
	static const char slice[] = "libpod_pod_", end[] = ".slice";
	const char *name = memrchr(path, '/', len);
	const char *id;

	if (!name)
		return false;
	len -= (size_t)(++name - path);
	if (is_pod_id(name, len))
		return true;
	id = memmem(name, len, slice, sizeof(slice) - 1);
	if (!id || len < sizeof(end) || memcmp(name + len - (sizeof(end) - 1), end, sizeof(end) - 1) != 0)
		return false;
	id += sizeof(slice) - 1;
	return is_pod_id(id, len - (size_t)(id - name) - (sizeof(end) - 1));
}

/* In a line of /proc/PID/cgroup, the directory above "libpod-ID" of the container. False: that is no pod's.
 */
static bool find_pod(const char *line, const char *id, const char **ret, size_t *ret_len)
{
	static const char prefix[] = "/libpod-";
	const char *root = strchr(line, '/'), *own;
	size_t id_len = strlen(id);

	if (!root)
		return false;
	for (const char *path = root; (own = strstr(path, prefix)); path = own + 1) {
		const char *after = own + sizeof(prefix) - 1;

		*ret = root;
		*ret_len = (size_t)(own - root);
		if (!strncmp(after, id, id_len) && strchr("/.", after[id_len]) && is_pod(root, *ret_len))
			return true;
	}
	return false;
}

/* The group of the pod that the process is in, the same in all hierarchies. False: none. */
static bool read_pod(pid_t pid, const char *id, char *ret, size_t size)
{
	char path[32], text[POD_TEXT_SIZE], *next;
	const char *pod;
	size_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (nm_io_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	for (char *line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (find_pod(line, id, &pod, &len) && len < size) {
			memcpy(ret, pod, len);
			ret[len] = '\0';
			return true;
		}
	}
	return false;
}

bool nm_process_same_pod(pid_t a, const char *id_a, pid_t b, const char *id_b)
{
	char pod_a[POD_TEXT_SIZE], pod_b[POD_TEXT_SIZE];

	return read_pod(a, id_a, pod_a, sizeof(pod_a)) && read_pod(b, id_b, pod_b, sizeof(pod_b)) &&
		!strcmp(pod_a, pod_b);
}

/* The group of process pid, as a path below the root of all groups. False for the root and without groups. */
static bool read_group(const char *pid, char *ret, size_t size)
{
	char path[300], text[1024], *line = text;

	(void)snprintf(path, sizeof(path), "/proc/%s/cgroup", pid);
	if (nm_io_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	while (line && strncmp(line, "0::/", 4) != 0)
		line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
	if (!line)
		return false;
	(void)snprintf(ret, size, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
	return ret[1] != '\0';
}

/* Where version 1 is mounted, too, version 2 is in a directory of its own. */
static bool is_group(const char *group, uint64_t id)
{
	static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	char path[NM_PROCESS_STRLEN + 32];
	struct stat info;

	for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", roots[i], group);
		if (stat(path, &info) == 0 && info.st_ino == id)
			return true;
	}
	return false;
}

/* Prints the process, or the group where buf has a process of another name. False when there is no more to
 * say. */
static bool put_member(const char *pid, const char *group, char *buf, char name[static 32])
{
	char path[300], comm[32];

	(void)snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	if (nm_io_read_small(AT_FDCWD, path, comm, sizeof(comm)) <= 0)
		return true;
	comm[strcspn(comm, "\n")] = '\0';
	if (name[0] && strcmp(name, comm) != 0) {
		(void)snprintf(buf, NM_PROCESS_STRLEN, "a process of control group '%s'", group);
		return false;
	}
	if (!name[0])
		(void)snprintf(buf, NM_PROCESS_STRLEN, "process %s (%s)", pid, comm);
	memcpy(name, comm, sizeof(comm));
	return true;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

const char *nm_process_print(uint64_t control_group, char buf[static NM_PROCESS_STRLEN])
{
	NM_CLEANUP(close_dir) DIR *proc = control_group ? opendir("/proc") : NULL;
	char group[NM_PROCESS_STRLEN - 32], name[32] = "";
	const struct dirent *entry;
	unsigned listed = 0;

	(void)snprintf(buf, NM_PROCESS_STRLEN, "a local process");
	while (proc && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && listed++ < LISTED_MAX &&
			read_group(entry->d_name, group, sizeof(group)) && is_group(group, control_group) &&
			!put_member(entry->d_name, group, buf, name))
			break;
	return buf;
}
