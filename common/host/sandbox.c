/*
 * How the sandbox works.
 *
 * nm_sandbox_enter() runs before the input is parsed and loads the filter of system calls (sandbox_filter.c).
 * Capabilities are what is left to the process if the filter fails it.
 *
 * nm_sandbox_confine() runs when /proc/PID/ns has been opened, which Landlock would forbid, and before the
 * state is changed.
 */
#include "host/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
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

/* All rights of Landlock's first version: every way to open, make or remove a file. */
#define FILE_RIGHTS (2 * LANDLOCK_ACCESS_FS_MAKE_SYM - 1)

static int allow_below(int ruleset, const char *path, uint64_t rights, struct nm_err *err)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights};
	nm_autoclose int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	rule.parent_fd = fd;
	if (fd < 0 || syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return nm_fail_errno(err, errno, "confining file access to '%s'", path);
	return 0;
}

int nm_sandbox_leave_namespaces(struct nm_err *err)
{
	const uint64_t keep = 1ull << CAP_NET_ADMIN;

	return capabilities == keep ? 0 : set_capabilities(keep, err);
}

int nm_sandbox_confine(const char *state_dir, struct nm_err *err)
{
	struct landlock_ruleset_attr attr = {.handled_access_fs = FILE_RIGHTS};
	nm_autoclose int ruleset = -1;

	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) /* not built in, not enabled */
		return 0;
	if (ruleset < 0)
		return nm_fail_errno(err, errno, "confining file access");
	if (allow_below(ruleset, state_dir,
		    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
			    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE,
		    err) < 0 ||
		allow_below(ruleset, "/proc", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
			err) < 0 ||
		allow_below(ruleset, "/proc/sys/net", LANDLOCK_ACCESS_FS_WRITE_FILE, err) < 0)
		return -1;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return nm_fail_errno(err, errno, "confining file access");
	return 0;
}
