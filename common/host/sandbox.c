/*
 * How the sandbox works.
 *
 * nm_sandbox_enter() runs before the input is parsed. Its filter allows what the table lists; execve and its
 * like kill the process at once, so do sockets of foreign families; any other call is trapped, told in one
 * line, and ends the process with status 1: a libc that has begun to use another call is a message, not a
 * riddle. Capabilities are what is left to the process if the filter fails it.
 *
 * nm_sandbox_confine() runs when /proc/PID/ns has been opened, which Landlock would forbid, and before the
 * state is changed.
 */
#include "host/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int allowed[] = {
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(sysinfo), /* qsort() asks how much there is */
	/* standard streams, configuration, state, /proc */
	SCMP_SYS(openat),
	SCMP_SYS(close),
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(readlinkat),
	/* the state directory: made, locked, compacted */
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(flock),
	SCMP_SYS(ftruncate),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	/* waiting for the lock */
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(setitimer),
	/* netlink and the log */
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockopt),
	/* into the container's network namespace and back */
	SCMP_SYS(setns),
	/* who are we; is a recorded process still there; which free port */
	SCMP_SYS(getpid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getrandom),
	/* nm_sandbox_confine() */
	SCMP_SYS(capset),
	SCMP_SYS(landlock_create_ruleset),
	SCMP_SYS(landlock_add_rule),
	SCMP_SYS(landlock_restrict_self),
	/* nm_detach_exit() */
	SCMP_SYS(close_range),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

#ifdef NM_INSTRUMENTED
/* LeakSanitizer looks for leaks by ptrace(). */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* What valgrind and the sanitizers' runtimes call beside. */
static const int instrumented[] = {SCMP_SYS(sigaltstack), SCMP_SYS(ioctl), SCMP_SYS(getpgrp),
	SCMP_SYS(writev), SCMP_SYS(madvise), SCMP_SYS(mprotect), SCMP_SYS(sched_yield), SCMP_SYS(futex),
	SCMP_SYS(gettid), SCMP_SYS(rt_sigprocmask), SCMP_SYS(prctl), SCMP_SYS(readlink), SCMP_SYS(getrlimit),
	SCMP_SYS(prlimit64), SCMP_SYS(tgkill), SCMP_SYS(unlink)};
#endif

/* No mistake of ours ends in one of these. */
static const int deadly[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(bpf),
	SCMP_SYS(mount),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
};

void nm_sandbox_reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL); /* fails for a bad argument only */
	(void)signal(SIGPIPE, SIG_IGN);              /* likewise; a closed pipe is an error of write() */
}

/* Runs with the call that was trapped undone; what it calls itself is allowed. */
static void on_forbidden_call(int signo, siginfo_t *info, void *context)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, info->si_syscall), line[128];
	int len = snprintf(line, sizeof(line),
		"natmap: system call %s (%d) is not one that natmap uses: forbidden\n",
		name ? name : "unknown", info->si_syscall);

	(void)signo;
	(void)context;
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
		_exit(1);
	_exit(1);
}

static int add_socket_rules(scmp_filter_ctx ctx)
{
	static const uint64_t protocols[] = {NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER};
	/* AF_UNIX is 1, AF_NETLINK 16: any other family has one of these bits, both of theirs, none, or is
	 * higher. */
	static const uint64_t foreign_bits[] = {2, 4, 8, AF_UNIX | AF_NETLINK};
	int rc = 0;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		rc = rc ? rc
			: seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				  SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, protocols[i]));
	rc = rc ? rc
		: seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
			  SCMP_A1(SCMP_CMP_EQ, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK));
	for (size_t i = 0; i < sizeof(foreign_bits) / sizeof(*foreign_bits); i++)
		rc = rc ? rc
			: seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket), 1,
				  SCMP_A0(SCMP_CMP_MASKED_EQ, foreign_bits[i], foreign_bits[i]));
	rc = rc ? rc
		: seccomp_rule_add(
			  ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNSPEC));
	return rc
		? rc
		: seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_GT, 31));
}

static int add_rules(scmp_filter_ctx ctx)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(allowed) / sizeof(*allowed); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
#ifdef NM_INSTRUMENTED
	for (size_t i = 0; rc == 0 && i < sizeof(instrumented) / sizeof(*instrumented); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, instrumented[i], 0);
#endif
	for (size_t i = 0; rc == 0 && i < sizeof(deadly) / sizeof(*deadly); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
	rc = rc ? rc : add_socket_rules(ctx);
	/* the second argument of kill() on every architecture: look, do not touch */
	rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(kill), 1, SCMP_A1(SCMP_CMP_EQ, 0));
	/* nm_detach_exit(); the flags are the first argument, on s390 the second (clone(2)) */
#ifdef __s390__
	return rc ? rc
		  : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A1(SCMP_CMP_EQ, CLONE_VM));
#else
	return rc ? rc
		  : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_EQ, CLONE_VM));
#endif
}

static int load_filter(struct nm_err *err)
{
	struct sigaction action = {.sa_sigaction = on_forbidden_call, .sa_flags = SA_SIGINFO};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	/* a binary tree: the kernel tries every call on a new filter, and libseccomp's own order is a long
	 * list */
	int rc = ctx ? seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) : -ENOMEM;

	rc = rc ? rc : add_rules(ctx);
	if (sigaction(SIGSYS, &action, NULL) < 0)
		rc = -errno;
	if (rc == 0)
		rc = seccomp_load(ctx); /* sets no_new_privs */
	seccomp_release(ctx);
	return rc < 0 ? nm_fail_errno(err, -rc, "loading the system call filter") : 0;
}

static int set_capabilities(uint64_t keep, struct nm_err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted = (uint32_t)(keep >> (32 * i));
	if (syscall(SYS_capset, &header, data) < 0)
		return nm_fail_errno(err, errno, "giving up capabilities");
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
	return load_filter(err);
}

/* The rights of Landlock's first version: every way to open, make or remove a file. */
#define FILE_RIGHTS                                                                                        \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |       \
		LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |                              \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                            \
		LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
		LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

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
	return set_capabilities(1ull << CAP_NET_ADMIN, err);
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
