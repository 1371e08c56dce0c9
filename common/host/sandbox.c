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

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_VMA /* Linux 5.17; musl has it nowhere, and its header and the kernel's do not go together */
#define PR_SET_VMA 0x53564d41
#endif

/* One argument of a call, when it has an op: what it must be. */
struct call {
	int number;
	struct scmp_arg_cmp only;
};

#define NOT_EXECUTABLE SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)
#ifdef __s390__
#define CLONE_FLAGS SCMP_A1 /* the stack is the first argument there: clone(2) */
#else
#define CLONE_FLAGS SCMP_A0
#endif

/*
 * A call that some machine or libc lacks stands beside the one that it makes instead; libseccomp leaves out
 * what this machine does not have. "32-bit": of machines with 32-bit registers, whose libc has another call
 * for 64-bit offsets and times. A row is a line.
 */
/* clang-format off */
static const struct call allowed[] = {
	/* memory */
	{SCMP_SYS(brk)},
#if defined(__s390__)
	{SCMP_SYS(mmap)}, /* its arguments are in memory, which a filter cannot read */
#elif defined(__NR_mmap2)
	{SCMP_SYS(mmap2), NOT_EXECUTABLE},
#else
	{SCMP_SYS(mmap), NOT_EXECUTABLE},
#endif
	{SCMP_SYS(munmap)},
	{SCMP_SYS(mremap)},
	{SCMP_SYS(madvise)}, /* malloc() where GLIBC_TUNABLES asks for huge pages */
	{SCMP_SYS(sysinfo)}, /* qsort() until glibc 2.36 asks how much memory there is */
	/* standard streams, configuration, state, /proc */
	{SCMP_SYS(openat)},
	{SCMP_SYS(close)},
	{SCMP_SYS(read)},
	{SCMP_SYS(write)},
	{SCMP_SYS(pread64)},
	{SCMP_SYS(pwrite64)},
	{SCMP_SYS(newfstatat)},
	{SCMP_SYS(fstat)},
	{SCMP_SYS(fstat64)},   /* 32-bit */
	{SCMP_SYS(fstatat64)}, /* 32-bit */
	{SCMP_SYS(stat64)},    /* 32-bit, musl */
	{SCMP_SYS(lstat64)},   /* 32-bit, musl */
	{SCMP_SYS(statx)},     /* 32-bit with times beyond 2038; loongarch64, which has no other */
	{SCMP_SYS(readlinkat)},
	{SCMP_SYS(getdents64)}, /* of /proc, for the name of a process */
	/* the state directory: made, locked, compacted */
	{SCMP_SYS(mkdir)},
	{SCMP_SYS(mkdirat)},
	{SCMP_SYS(flock)},
	{SCMP_SYS(ftruncate)},
	{SCMP_SYS(ftruncate64)}, /* 32-bit */
	{SCMP_SYS(unlinkat)},
	{SCMP_SYS(renameat)},
	{SCMP_SYS(renameat2)}, /* riscv64 and loongarch64 */
	/* waiting for the lock */
	{SCMP_SYS(rt_sigaction)},
	{SCMP_SYS(rt_sigreturn)},
	{SCMP_SYS(sigreturn)}, /* i386, arm and s390x, from a handler without SA_SIGINFO */
	{SCMP_SYS(setitimer)},
	/* netlink and the log; which sockets may be made, socket_filter says */
	{SCMP_SYS(socket)},
	{SCMP_SYS(sendto)},
	{SCMP_SYS(recvfrom)},
	{SCMP_SYS(setsockopt)},
	{SCMP_SYS(getsockopt)},
	/* into the container's network namespace and back */
	{SCMP_SYS(setns)},
	/* who are we; is a recorded process still there */
	{SCMP_SYS(getpid)},
	{SCMP_SYS(geteuid)},
	{SCMP_SYS(geteuid32)},                     /* 32-bit */
	{SCMP_SYS(kill), SCMP_A1(SCMP_CMP_EQ, 0)}, /* look, do not touch */
	/* which free port: getrandom(), which glibc since 2.41 does in user space, with pages of its own */
	{SCMP_SYS(getrandom)},
	{SCMP_SYS(rt_sigprocmask)}, /* glibc since 2.41 */
	/* nm_sandbox_confine() */
	{SCMP_SYS(capset)},
	{SCMP_SYS(landlock_create_ruleset)},
	{SCMP_SYS(landlock_add_rule)},
	{SCMP_SYS(landlock_restrict_self)},
	/* nm_detach_exit() */
	{SCMP_SYS(clone), CLONE_FLAGS(SCMP_CMP_EQ, CLONE_VM)},
	{SCMP_SYS(close_range)},
	{SCMP_SYS(clock_nanosleep)},
	{SCMP_SYS(clock_nanosleep_time64)}, /* 32-bit */
	{SCMP_SYS(restart_syscall)},
	{SCMP_SYS(exit)},
	{SCMP_SYS(exit_group)},
#ifndef __GLIBC__
	/* musl; not for glibc, since each row costs every hook some microseconds */
	{SCMP_SYS(open)},
	{SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, F_SETFD)}, /* O_CLOEXEC for kernels that do not know it */
	{SCMP_SYS(fcntl64), SCMP_A1(SCMP_CMP_EQ, F_SETFD)}, /* 32-bit */
	{SCMP_SYS(stat)},
	{SCMP_SYS(lstat)},
	{SCMP_SYS(nanosleep)},
#endif
	/* abort(), with its message; the signal is allowed by add_abort_rules() */
	{SCMP_SYS(writev)},
	{SCMP_SYS(gettid)},
	{SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_VMA)}, /* names the page of the message */
};
/* clang-format on */

#ifdef NM_INSTRUMENTED
/* LeakSanitizer looks for leaks by ptrace(). */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/* What valgrind and the sanitizers' runtimes call beside. */
static const struct call instrumented[] = {{SCMP_SYS(sigaltstack)}, {SCMP_SYS(ioctl)}, {SCMP_SYS(getpgrp)},
	{SCMP_SYS(mmap)}, {SCMP_SYS(mmap2)}, {SCMP_SYS(mprotect)}, {SCMP_SYS(sched_yield)}, {SCMP_SYS(futex)},
	{SCMP_SYS(prctl)}, {SCMP_SYS(readlink)}, {SCMP_SYS(getrlimit)}, {SCMP_SYS(prlimit64)},
	{SCMP_SYS(tgkill)}, {SCMP_SYS(unlink)}};
#endif

/* No mistake of ours ends in one of these. */
static const int deadly[] = {SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_writev), SCMP_SYS(bpf), SCMP_SYS(mount), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(delete_module)};

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

/*
 * Which sockets may be made: those of netlink for the protocols that natmap speaks, and syslog's. Another
 * family kills. A filter of its own, since libseccomp's cannot tell socket() from socketcall(), where that
 * is: its arguments are in memory, so natmap makes none by it (nm_io_socket()).
 */
#ifdef __NR_socketcall
#define SOCKETCALL __NR_socketcall
#else
#define SOCKETCALL 0xffffffff
#endif
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
/* the lower half, which is all that the kernel takes of an int */
#define ARGUMENT(n) (offsetof(struct seccomp_data, args[n]) + (__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0))
/* Goes on with the next step, or skips n of them. */
#define IF(value, n)     BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, n)
#define IF_NOT(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, n, 0)
#define KILL             BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define TRAP             BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)
#define ALLOW            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* clang-format off */
static const struct sock_filter socket_filter[] = {
	LOAD(offsetof(struct seccomp_data, nr)),
	IF(SOCKETCALL, 4), LOAD(ARGUMENT(0)), IF(SYS_SOCKET, 1), KILL, ALLOW,
	IF_NOT(__NR_socket, 1), ALLOW,
	LOAD(ARGUMENT(0)), /* family */
	IF(AF_UNIX, 4), LOAD(ARGUMENT(1)), IF(SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 1), ALLOW, TRAP,
	IF_NOT(AF_NETLINK, 1), KILL,
	LOAD(ARGUMENT(2)), /* protocol */
	IF(NETLINK_ROUTE, 1), ALLOW,
	IF(NETLINK_SOCK_DIAG, 1), ALLOW,
	IF(NETLINK_NETFILTER, 1), ALLOW,
	TRAP,
};
/* clang-format on */

#define N_ROWS(table) (sizeof(table) / sizeof(*(table)))

static int load_socket_filter(void)
{
	const struct sock_fprog program = {N_ROWS(socket_filter), (struct sock_filter *)socket_filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

static int allow(scmp_filter_ctx ctx, const struct call *calls, size_t n)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = seccomp_rule_add_array(
			ctx, SCMP_ACT_ALLOW, calls[i].number, calls[i].only.op != 0, &calls[i].only);
	return rc;
}

/* The process may end itself by SIGABRT, nobody else: its one thread has its number. */
static int add_abort_rules(scmp_filter_ctx ctx)
{
	const uint64_t self = (uint64_t)getpid();
#ifdef __GLIBC__
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 2, SCMP_A0(SCMP_CMP_EQ, self),
		SCMP_A2(SCMP_CMP_EQ, SIGABRT));
#else
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tkill), 2, SCMP_A0(SCMP_CMP_EQ, self),
		SCMP_A1(SCMP_CMP_EQ, SIGABRT));
#endif
}

static int add_rules(scmp_filter_ctx ctx)
{
	int rc = allow(ctx, allowed, N_ROWS(allowed));

#ifdef NM_INSTRUMENTED
	rc = rc ? rc : allow(ctx, instrumented, N_ROWS(instrumented));
#endif
	for (size_t i = 0; rc == 0 && i < N_ROWS(deadly); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
	return rc ? rc : add_abort_rules(ctx);
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
	rc = rc ? rc : load_socket_filter();
	rc = rc ? rc : seccomp_load(ctx);
	seccomp_release(ctx);
	return rc < 0 ? nm_fail_errno(err, -rc, "loading the system call filter") : 0;
}

static int set_capabilities(uint64_t keep, struct nm_err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const uint32_t low = (uint32_t)keep, high = (uint32_t)(keep >> 32);
	const struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{low, low, 0}, {high, high, 0}};

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
