/*
 * How the sandbox works.
 *
 * Capabilities are what is left to the process if the filter of system calls (sandbox_filter.c) fails it, and
 * Landlock is what a filter cannot express: which files. Landlock must come after /proc/PID/ns has been
 * opened, which it would forbid.
 *
 * Not loaded: a second filter without setns(), once the sandbox is closed. It would take 20 us, a hundredth
 * of a hook, and without CAP_SYS_ADMIN setns() into a network namespace, the one kind that the first filter
 * allows, is refused, whosever that namespace is.
 */
#include "host/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/sandbox_filter.h"

void nm_sandbox_reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* fails for a bad argument only */
	(void)signal(SIGPIPE, SIG_IGN);              /* likewise; a closed pipe is an error of write() */
}

/* What nm_sandbox_enter() has left. */
static uint64_t capabilities;

static int set_capabilities(uint64_t keep, struct nm_err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const uint32_t low = (uint32_t)keep, high = (uint32_t)(keep >> 32);
	const struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{low, low, 0}, {high, high, 0}};

	if (syscall(SYS_capset, &header, data) < 0)
		return nm_fail_errno(err, errno, "giving up capabilities");
	capabilities = keep;
	return 0;
}

static int get_capabilities(uint64_t *ret, struct nm_err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return nm_fail_errno(err, errno, "reading capabilities");
	*ret = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	return 0;
}

int nm_sandbox_enter(bool enter_namespaces, struct nm_err *err)
{
	uint64_t have = 0, keep = 1ull << CAP_NET_ADMIN;

	if (get_capabilities(&have, err) < 0)
		return -1;
	if (!(have & keep))
		return nm_fail(err, NM_ERR_FAILED,
			"changing the host's packet filter: needs CAP_NET_ADMIN; rootless containers have "
			"pasta and slirp4netns");
	if (enter_namespaces)
		keep |= 1ull << CAP_SYS_ADMIN | 1ull << CAP_SYS_PTRACE;
	if (set_capabilities(keep & have, err) < 0)
		return -1;
	return nm_sandbox_filter_load(err);
}

int nm_sandbox_leave_namespaces(struct nm_err *err)
{
	const uint64_t keep = 1ull << CAP_NET_ADMIN;

	return capabilities == keep ? 0 : set_capabilities(keep, err);
}

/* landlock(7), which the headers of the kernel that natmap is built with may not have all of. */
#define FILE_RIGHTS(last) (2 * (uint64_t)(last)-1)
enum {
	RIGHT_REFER = 1 << 13,    /* version 2, Linux 5.19 */
	RIGHT_TRUNCATE = 1 << 14, /* version 3, Linux 6.2 */
	RIGHT_IOCTL_DEV = 1 << 15 /* version 5, Linux 6.10 */
};
enum { RIGHTS_TCP = 3 /* to bind and to connect */, SCOPES = 3 /* abstract sockets, signals */ };

/* The kernel wants zeros in what it does not know of it. */
struct ruleset {
	uint64_t files, net, scoped;
};

/* Of version 6 (Linux 6.12), 5, 4 (6.7), 3, 2, 1 (5.13). */
static const struct ruleset rulesets[] = {
	{FILE_RIGHTS(RIGHT_IOCTL_DEV), RIGHTS_TCP, SCOPES},
	{FILE_RIGHTS(RIGHT_IOCTL_DEV), RIGHTS_TCP, 0},
	{FILE_RIGHTS(RIGHT_TRUNCATE), RIGHTS_TCP, 0},
	{FILE_RIGHTS(RIGHT_TRUNCATE), 0, 0},
	{FILE_RIGHTS(RIGHT_REFER), 0, 0},
	{FILE_RIGHTS(LANDLOCK_ACCESS_FS_MAKE_SYM), 0, 0},
};

/* The newest that the kernel takes: asking for its version first would be another call. Returns -1 with
 * errno; *ret is what it restricts. */
static int create_ruleset(struct ruleset *ret)
{
	int fd = -1;

	errno = EINVAL;
	for (size_t i = 0; i < sizeof(rulesets) / sizeof(*rulesets); i++) {
		*ret = rulesets[i];
		fd = (int)syscall(SYS_landlock_create_ruleset, ret, sizeof(*ret), 0);
		if (fd >= 0 || (errno != EINVAL && errno != E2BIG))
			break;
	}
	return fd;
}

/* What is not there stays forbidden. Sets *ret to the directory, unless it is NULL. */
static int allow_below(int fd, const struct ruleset *ruleset, const char *path, uint64_t rights,
	struct stat *ret, struct nm_err *err)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights & ruleset->files};
	nm_autoclose int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	rule.parent_fd = dir;
	if (dir < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (dir < 0 || syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return nm_fail_errno(err, errno, "confining file access to '%s'", path);
	if (ret)
		(void)fstat(dir, ret); /* cannot fail: it is open */
	return 0;
}

static enum { OPEN, CONFINED, UNABLE } confinement;
static struct stat own; /* the state directory of a confined process; zeros: it has none */

static int restrict_self(int fd, const struct ruleset *ruleset, const char *state_dir, struct nm_err *err)
{
	const uint64_t state = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE | RIGHT_TRUNCATE;
	const uint64_t proc = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

	if ((state_dir && allow_below(fd, ruleset, state_dir, state, &own, err) < 0) ||
		allow_below(fd, ruleset, "/proc", proc, NULL, err) < 0 ||
		allow_below(fd, ruleset, "/proc/sys/net", LANDLOCK_ACCESS_FS_WRITE_FILE, NULL, err) < 0)
		return -1;
	return syscall(SYS_landlock_restrict_self, fd, 0) < 0
		? nm_fail_errno(err, errno, "confining file access")
		: 0;
}

int nm_sandbox_confine(const char *state_dir, struct nm_err *err)
{
	struct ruleset ruleset;
	nm_autoclose int fd = -1;

	if (confinement != OPEN)
		return 0;
	fd = create_ruleset(&ruleset);
	if (fd < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) { /* not built in, not enabled */
		confinement = UNABLE;
		return 0;
	}
	if (fd < 0)
		return nm_fail_errno(err, errno, "confining file access");
	if (restrict_self(fd, &ruleset, state_dir, err) < 0)
		return -1;
	confinement = CONFINED;
	return 0;
}

bool nm_sandbox_has_lost(const char *state_dir)
{
	struct stat now = {.st_ino = 0};

	return confinement == CONFINED &&
		(stat(state_dir, &now) < 0 || now.st_dev != own.st_dev || now.st_ino != own.st_ino);
}

bool nm_sandbox_precedes(const char *state_dir)
{
	struct stat now;

	return confinement == CONFINED && !own.st_ino && lstat(state_dir, &now) == 0 && S_ISDIR(now.st_mode);
}

int nm_sandbox_close(const char *state_dir, struct nm_err *err)
{
	return nm_sandbox_leave_namespaces(err) < 0 ? -1 : nm_sandbox_confine(state_dir, err);
}
