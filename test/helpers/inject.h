/*
 * What fault.c and test/faults/ share: a process whose system calls wait for its supervisor, who kills it at
 * one of them, has it fail, or has a read or write end half-way. The command's own filter of system calls
 * comes first in what it kills; all others are seen, of a static program, too: what the C library does
 * without a system call (the vDSO) cannot fail.
 *
 * A kill is before the call. One after it is the one before the next call, since nothing but calls leaves a
 * trace.
 */
#ifndef TEST_INJECT_H
#define TEST_INJECT_H

#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* What natmap calls on x86-64, and what may come of it: see inject_errors, "short", and + for this call and
 * all later ones; of those with | between, which natmap treats in one way, each call has another. Others do
 * not fail, or, as close(), in no way that anybody could repair. What changes something outside the process
 * has a kill of its own in each way of recovery: see test/faults/. */
static const struct inject_call {
	const char *name;
	int nr;
	const char *errors;
	int changes;
} inject_calls[] = {{"arch_prctl", SYS_arch_prctl, ""}, {"brk", SYS_brk, "ENOMEM ENOMEM+"},
	{"capget", SYS_capget, "EPERM"}, {"capset", SYS_capset, "EPERM"},
	{"clock_nanosleep", SYS_clock_nanosleep, "EINTR"}, {"clone", SYS_clone, "EAGAIN|ENOMEM", 1},
	{"close", SYS_close, ""}, {"close_range", SYS_close_range, "EMFILE|ENOSYS"}, {"exit", SYS_exit, ""},
	{"exit_group", SYS_exit_group, "", 1}, {"fcntl", SYS_fcntl, "EBADF"},
	{"flock", SYS_flock, "EINTR ENOLCK", 1}, {"fstat", SYS_fstat, "ENOMEM"},
	{"ftruncate", SYS_ftruncate, "EIO|ENOSPC", 1}, {"getdents64", SYS_getdents64, "EIO|ENOMEM"},
	{"geteuid", SYS_geteuid, ""}, {"getpid", SYS_getpid, ""}, {"getrandom", SYS_getrandom, "EINTR"},
	{"getsockopt", SYS_getsockopt, "ENOBUFS"}, {"gettid", SYS_gettid, ""}, {"kill", SYS_kill, "EPERM"},
	{"landlock_add_rule", SYS_landlock_add_rule, "ENOMEM"},
	{"landlock_create_ruleset", SYS_landlock_create_ruleset, "ENOMEM|EMFILE ENOSYS|EOPNOTSUPP"},
	{"landlock_restrict_self", SYS_landlock_restrict_self, "E2BIG|EPERM"}, {"lseek", SYS_lseek, "EINVAL"},
	{"madvise", SYS_madvise, "ENOMEM"}, {"mkdir", SYS_mkdir, "EIO|ENOSPC|EACCES", 1},
	{"mkdirat", SYS_mkdirat, "EIO|ENOSPC|EACCES", 1}, {"mmap", SYS_mmap, "ENOMEM ENOMEM+"},
	{"mprotect", SYS_mprotect, "ENOMEM"}, {"mremap", SYS_mremap, "ENOMEM"},
	{"munmap", SYS_munmap, "ENOMEM"}, {"newfstatat", SYS_newfstatat, "ENOMEM|EACCES"},
	{"openat", SYS_openat, "EMFILE|ENOMEM EACCES EMFILE+"}, {"prctl", SYS_prctl, "EINVAL|ENOMEM"},
	{"pread64", SYS_pread64, "EIO|EINTR"}, {"prlimit64", SYS_prlimit64, "EPERM"},
	{"pwrite64", SYS_pwrite64, "EIO|ENOSPC EINTR short ENOSPC+", 1},
	{"read", SYS_read, "EIO EINTR short"}, {"readlink", SYS_readlink, "ENOMEM"},
	{"readlinkat", SYS_readlinkat, "ENOMEM|EACCES"}, {"recvfrom", SYS_recvfrom, "ENOBUFS|ENOMEM EINTR"},
	{"renameat", SYS_renameat, "EIO|ENOSPC", 1}, {"rseq", SYS_rseq, "ENOSYS"},
	{"rt_sigaction", SYS_rt_sigaction, ""}, {"rt_sigprocmask", SYS_rt_sigprocmask, ""},
	{"rt_sigreturn", SYS_rt_sigreturn, ""}, {"sendto", SYS_sendto, "ENOBUFS|EPERM EINTR ENOBUFS+", 1},
	{"set_robust_list", SYS_set_robust_list, ""}, {"set_tid_address", SYS_set_tid_address, ""},
	{"setitimer", SYS_setitimer, ""}, {"setns", SYS_setns, "EPERM|ENOMEM"},
	{"setsockopt", SYS_setsockopt, "ENOBUFS|ENOPROTOOPT"},
	{"socket", SYS_socket, "EMFILE|ENOBUFS EAFNOSUPPORT"}, {"statx", SYS_statx, "ENOMEM"},
	{"sysinfo", SYS_sysinfo, ""}, {"tgkill", SYS_tgkill, ""}, {"umask", SYS_umask, ""},
	{"unlinkat", SYS_unlinkat, "EIO|ENOSPC|EACCES", 1}, {"write", SYS_write, "EIO|ENOSPC EINTR short", 1},
	{"writev", SYS_writev, "EIO"}, {0}};

enum { INJECT_KILL = -1, INJECT_SHORT = -2, INJECT_NOTHING = 0 /* or an error number */ };

static const struct inject_error {
	const char *name;
	int value;
} inject_errors[] = {{"kill", INJECT_KILL}, {"short", INJECT_SHORT}, {"E2BIG", E2BIG}, {"EACCES", EACCES},
	{"EAFNOSUPPORT", EAFNOSUPPORT}, {"EAGAIN", EAGAIN}, {"EBADF", EBADF}, {"EINTR", EINTR},
	{"EINVAL", EINVAL}, {"EIO", EIO}, {"EMFILE", EMFILE}, {"ENOBUFS", ENOBUFS}, {"ENOLCK", ENOLCK},
	{"ENOMEM", ENOMEM}, {"ENOPROTOOPT", ENOPROTOOPT}, {"ENOSPC", ENOSPC}, {"ENOSYS", ENOSYS},
	{"EOPNOTSUPP", EOPNOTSUPP}, {"EPERM", EPERM}, {0}};

#define INJECT_WATCHED_MAX 64

struct inject {
	int watched[INJECT_WATCHED_MAX]; /* numbers of calls; none: all */
	unsigned n_watched;
	int nr; /* the call that is to fail from its first to its last time */
	unsigned first, last;
	int what;
	void (*seen)(void *ctx, const struct seccomp_notif *call); /* each call that is watched */
	void *ctx;

	unsigned made, injected; /* results: how often nr was called, and failed */
	struct seccomp_data before;
	uint64_t end_of_heap;
};

static inline const struct inject_call *inject_call_named(const char *name)
{
	for (const struct inject_call *call = inject_calls; call->name; call++)
		if (!strcmp(call->name, name))
			return call;
	error(2, 0, "%s: no call of the table", name);
	return NULL;
}

static inline const struct inject_call *inject_call_of(int nr)
{
	for (const struct inject_call *call = inject_calls; call->name; call++)
		if (call->nr == nr)
			return call;
	error(2, 0, "system call %d: add it to inject.h", nr);
	return NULL;
}

/* NAME or NAME+: sets what, and last for a + */
static inline void inject_set_error(struct inject *in, const char *name, size_t len)
{
	const struct inject_error *e = inject_errors;
	int goes_on = len > 0 && name[len - 1] == '+';

	len -= (size_t)goes_on;
	while (e->name && (strlen(e->name) != len || strncmp(e->name, name, len) != 0))
		e++;
	if (!e->name)
		error(2, 0, "%.*s: no error of the table", (int)len, name);
	in->what = e->value;
	in->last = goes_on ? UINT32_MAX : in->first;
}

/* From now on the watched calls of this process wait for the listener. The architecture is not looked at: the
 * commands are of this one. One call is not seen: the SIGSTOP by which the supervisor learns that the filter
 * stands. Returns the listener. */
static inline int inject_filter(const struct inject *in)
{
	struct sock_filter code[2 * INJECT_WATCHED_MAX + 8] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SIGSTOP, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	struct sock_fprog program = {.filter = code, .len = 6};

	for (unsigned i = 0; i < in->n_watched; i++) {
		code[program.len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)in->watched[i], 0, 1);
		code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(
		BPF_RET | BPF_K, in->n_watched ? SECCOMP_RET_ALLOW : SECCOMP_RET_USER_NOTIF);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* Takes the listener from the child, which has stopped, and lets it go on. The child cannot send it: a call
 * for that may be one of those that wait. */
static inline int inject_take_listener(pid_t child, int number)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0), listener, status;

	if (pidfd < 0)
		error(2, errno, "pidfd_open");
	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		error(2, 0, "the filter was refused");
	listener = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	if (listener < 0 || kill(child, SIGCONT))
		error(2, errno, "pidfd_getfd");
	close(pidfd);
	return listener;
}

/* Starts the command, or, with prepare, what that has made of the child. Returns its id, and the listener. */
static inline pid_t inject_start(
	const struct inject *in, char *const argv[], void (*prepare)(void), int *ret_listener)
{
	int number = open("/dev/null", O_RDONLY | O_CLOEXEC); /* the lowest that is free */
	pid_t child = fork(), self;

	if (child < 0)
		error(2, errno, "fork");
	if (!child) {
		self = getpid();
		if (prepare)
			prepare();
		close(number);
		if (inject_filter(in) != number || kill(self, SIGSTOP))
			_exit(125);
		execv(argv[0], argv);
		_exit(127);
	}
	close(number);
	*ret_listener = inject_take_listener(child, number);
	return child;
}

/* The kernel begins a write to conf/IF/forwarding anew for as long as another process has the lock of
 * rtnetlink (restart_syscall() in net/ipv4/devinet.c and net/ipv6/addrconf.c): the same call, and no close()
 * since. */
static inline int inject_is_restarted(struct inject *in, const struct seccomp_data *call)
{
	int same = call->nr == SYS_write && !memcmp(call, &in->before, sizeof(*call));

	in->before = *call;
	return same;
}

/* Where its heap ends now: a brk() that fails returns that. */
static inline uint64_t inject_end_of_heap(const struct inject *in, pid_t pid)
{
	char path[32], text[1024] = "", *at;
	unsigned long long start = 0;
	FILE *stat;

	if (in->end_of_heap)
		return in->end_of_heap;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "re");
	if (!stat || !fgets(text, sizeof(text), stat) || !(at = strrchr(text, ')')))
		error(2, errno, "%s", path);
	fclose(stat);
	for (int field = 2; field < 47 && at; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%llu", &start) != 1)
		error(2, 0, "%s: no start of the heap", path);
	return start;
}

/* Does the first half of a read or write of the process; 0 for one that has no half. */
static inline ssize_t inject_half(const struct seccomp_notif *call)
{
	static char bytes[1 << 16];
	const __u64 *args = call->data.args;
	const int nr = call->data.nr, has_offset = nr == SYS_pread64 || nr == SYS_pwrite64,
		  writes = nr == SYS_write || nr == SYS_pwrite64;
	size_t half = (size_t)(args[2] < sizeof(bytes) ? args[2] : sizeof(bytes)) / 2;
	struct iovec here = {bytes, half}, there = {(void *)(uintptr_t)args[1], half};
	int pidfd = (int)syscall(SYS_pidfd_open, call->pid, 0);
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, (int)args[0], 0);
	ssize_t n = -1;

	if (fd >= 0 && half && (!writes || process_vm_readv((pid_t)call->pid, &here, 1, &there, 1, 0) > 0))
		n = syscall(nr, fd, bytes, half, has_offset ? args[3] : 0);
	here.iov_len = n > 0 ? (size_t)n : 0;
	if (n > 0 && !writes && process_vm_writev((pid_t)call->pid, &here, 1, &there, 1, 0) < 0)
		error(2, errno, "process_vm_writev");
	close(fd);
	close(pidfd);
	return n > 0 ? n : 0;
}

static inline struct seccomp_notif_resp inject_fail(struct inject *in, const struct seccomp_notif *call)
{
	struct seccomp_notif_resp answer = {.id = call->id};

	if (in->what == INJECT_KILL)
		kill((pid_t)call->pid, SIGKILL);
	else if (in->what == INJECT_SHORT)
		answer.val = inject_half(call);
	else if (call->data.nr == SYS_brk)
		answer.val = call->data.args[0] ? (__s64)inject_end_of_heap(in, (pid_t)call->pid) : 0;
	else
		answer.error = -in->what;
	/* what has no half, and a brk() that only asks */
	if (!answer.val && (in->what == INJECT_SHORT || (call->data.nr == SYS_brk && in->what > 0)))
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else
		in->injected++;
	return answer;
}

static inline void inject_answer(struct inject *in, int listener)
{
	struct seccomp_notif call;
	struct seccomp_notif_resp answer;

	memset(&call, 0, sizeof(call));
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
		return; /* it was killed meanwhile */
	answer = (struct seccomp_notif_resp){.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	if (call.data.nr != SYS_execve && !inject_is_restarted(in, &call.data)) {
		if (in->seen)
			in->seen(in->ctx, &call);
		in->made += call.data.nr == in->nr;
		if (call.data.nr == in->nr && in->made >= in->first && in->made <= in->last)
			answer = inject_fail(in, &call);
	}
	if (call.data.nr == SYS_brk && call.data.args[0] && answer.flags)
		in->end_of_heap = call.data.args[0];
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

#endif
