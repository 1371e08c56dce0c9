/*
 * The table of attempts. None does harm where the sandbox fails it: files are those of the directory
 * $NM_HOLE_DIR, other things are opened and not written to, signals go to the process $NM_HOLE_VICTIM, and
 * what would be felt by all has an argument that the kernel refuses.
 */
#include "attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

/* Of old kernels' headers, and of newer kernels that this one's headers do not know. */
enum { CALL_CLONE3 = 435, CALL_OPENAT2 = 437, CALL_PIDFD_GETFD = 438, CALL_QUOTACTL_FD = 443 };

static pid_t victim;
static const char *dir, *state;
static int home = -1, uts = -1, dgram = -1;
static struct sockaddr_un by_path = {.sun_family = AF_UNIX}, by_name = {.sun_family = AF_UNIX};
static socklen_t by_name_len;
static const char *const no_arguments[] = {NULL};

/* Files */

static long try_open_at(const char *path, int flags)
{
	long fd = syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close((int)fd);
	return fd;
}

static long try_open_in(const char *root, const char *name, int flags)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	return try_open_at(path, flags);
}

static long try_open_of(pid_t pid, const char *name, int flags)
{
	char root[32];

	(void)snprintf(root, sizeof(root), "/proc/%d", (int)pid);
	return try_open_in(root, name, flags);
}

#define OPENS(function, expression) \
	static long function(void)  \
	{                           \
		return expression;  \
	}

OPENS(read_passwd, try_open_at("/etc/passwd", O_RDONLY))
OPENS(write_passwd, try_open_at("/etc/passwd", O_WRONLY))
OPENS(write_core_pattern, try_open_at("/proc/sys/kernel/core_pattern", O_WRONLY))
OPENS(write_hostname, try_open_at("/proc/sys/kernel/hostname", O_WRONLY))
OPENS(read_sys, try_open_at("/sys/kernel/notes", O_RDONLY))
OPENS(read_null, try_open_at("/dev/null", O_RDONLY))
OPENS(list_root, try_open_at("/", O_RDONLY | O_DIRECTORY))
OPENS(list_state, try_open_at(state, O_RDONLY | O_DIRECTORY))
OPENS(write_mem_of_init, try_open_of(1, "mem", O_RDWR))
OPENS(read_mem_of_victim, try_open_of(victim, "mem", O_RDONLY))
OPENS(write_mem_of_self, try_open_at("/proc/self/mem", O_RDWR))
OPENS(read_environ_of_victim, try_open_of(victim, "environ", O_RDONLY))
OPENS(list_fds_of_victim, try_open_of(victim, "fd/0", O_RDONLY))
OPENS(read_root_of_victim, try_open_of(victim, "root/etc/passwd", O_RDONLY))
OPENS(open_net_of_victim, try_open_of(victim, "ns/net", O_RDONLY))
OPENS(open_uts_of_victim, try_open_of(victim, "ns/uts", O_RDONLY))
OPENS(read_outside, try_open_in(dir, "file", O_RDONLY))
OPENS(truncate_outside, try_open_in(dir, "file", O_WRONLY | O_TRUNC))
OPENS(tmpfile_outside, try_open_in(dir, ".", O_WRONLY | O_TMPFILE))
OPENS(read_own_stat, try_open_at("/proc/self/stat", O_RDONLY))
OPENS(read_core_pattern, try_open_at("/proc/sys/kernel/core_pattern", O_RDONLY))
OPENS(write_net_setting, try_open_at("/proc/sys/net/ipv4/ip_forward", O_WRONLY))

/* Those that succeed are undone, so that a later phase can try the same. */

static const char *path_in(const char *root, const char *name)
{
	static char paths[2][512];
	static unsigned n;
	char *path = paths[n++ % 2];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
	return path;
}

static long unlink_in(const char *root, const char *name)
{
	return unlinkat(AT_FDCWD, path_in(root, name), 0);
}

static long create_in(const char *root, const char *name)
{
	return try_open_in(root, name, O_WRONLY | O_CREAT | O_EXCL) < 0 ? -1 : unlink_in(root, name);
}

static long rename_in(const char *from, const char *from_name, const char *to, const char *to_name)
{
	return renameat(AT_FDCWD, path_in(from, from_name), AT_FDCWD, path_in(to, to_name));
}

/* Moves a file from one directory to another, which may be the same, and back. */
static long move(const char *from, const char *from_name, const char *to, const char *to_name)
{
	return rename_in(from, from_name, to, to_name) < 0 ? -1 : rename_in(to, to_name, from, from_name);
}

OPENS(create_outside, create_in(dir, "new"))
OPENS(write_state, create_in(state, "hole"))
OPENS(rename_outside, move(dir, "file", dir, "other"))
OPENS(rename_into_state, move(dir, "file", state, "stolen"))
OPENS(rename_out_of_state, move(state, "lock", dir, "taken"))
OPENS(unlink_outside, unlink_in(dir, "file") < 0 ? -1 : try_open_in(dir, "file", O_WRONLY | O_CREAT))

/* Directories stay: the filter does not let them be removed. */
static long mkdir_in(const char *root)
{
	static unsigned n;
	char name[16];

	(void)snprintf(name, sizeof(name), "made.%u", n++);
	return syscall(SYS_mkdirat, AT_FDCWD, path_in(root, name), 0700);
}

OPENS(mkdir_outside, mkdir_in(dir))
OPENS(mkdir_in_state, mkdir_in(state))

/* Processes, namespaces, capabilities */

OPENS(attach, syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, victim, 0, 0))
OPENS(terminate, kill(victim, SIGTERM))
OPENS(abort_other, syscall(SYS_tgkill, victim, victim, SIGABRT))
OPENS(queue_signal, syscall(SYS_rt_sigqueueinfo, victim, SIGTERM, NULL))
OPENS(open_pidfd, syscall(SYS_pidfd_open, victim, 0))
OPENS(read_memory, syscall(SYS_process_vm_readv, victim, NULL, 0, NULL, 0, 0))
OPENS(write_memory, syscall(SYS_process_vm_writev, victim, NULL, 0, NULL, 0, 0))
OPENS(limit_other, syscall(SYS_prlimit64, victim, 7, NULL, NULL))
OPENS(enter_net, setns(home, CLONE_NEWNET))
OPENS(enter_any, setns(home, 0))
OPENS(enter_uts, setns(uts, CLONE_NEWUTS))
OPENS(enter_ipc, setns(uts, CLONE_NEWIPC))
OPENS(enter_cgroup, setns(uts, CLONE_NEWCGROUP))
OPENS(enter_pid, setns(uts, CLONE_NEWPID))
OPENS(enter_mnt, setns(uts, CLONE_NEWNS))
OPENS(enter_user, setns(uts, CLONE_NEWUSER))
OPENS(enter_two, setns(uts, CLONE_NEWNET | CLONE_NEWUTS))

static long regain(unsigned capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const uint32_t bits = 1u << CAP_NET_ADMIN | 1u << capability;
	const struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{bits, bits, 0}, {0, 0, 0}};

	return syscall(SYS_capset, &header, data);
}

OPENS(regain_module, regain(CAP_SYS_MODULE))
OPENS(regain_override, regain(CAP_DAC_OVERRIDE))
OPENS(regain_admin, regain(CAP_SYS_ADMIN))
OPENS(regain_ptrace, regain(CAP_SYS_PTRACE))

/* Sockets */

static long send_to(const struct sockaddr_un *to, socklen_t len)
{
	int fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	long sent;

	if (fd < 0)
		return -1;
	sent = sendto(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)to, len);
	close(fd);
	return sent < 0 && errno == EAGAIN ? 0 : sent; /* it is full, but open */
}

OPENS(send_by_name, send_to(&by_name, by_name_len))
OPENS(send_by_path, send_to(&by_path, sizeof(by_path)))
OPENS(open_netlink, syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE))
OPENS(map_memory,
	mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0)
OPENS(map_code,
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0)

static long rename_exchange(void)
{
	const char *path = path_in(dir, "file");

	return syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, path, 2 /* RENAME_EXCHANGE */);
}

#define P(value) ((const void *)(uintptr_t)(value))
#define DO(owed, try)                                  \
	{                                              \
#try, OWED_##owed, 1, -1, {NULL }, try \
	}
/* One that Landlock forbids since that version. */
#define LANDLOCK(version, try)                                 \
	{                                                      \
#try, OWED_LANDLOCK, version, -1, {NULL }, try \
	}
/* A call that the filter stops whatever its arguments. */
#define CALL(name, ...)                                                 \
	{                                                               \
#name, OWED_FILTER, 0, SYS_##name, {__VA_ARGS__ }, NULL \
	}
#define SOCKET(family, type, protocol)                                                                      \
	{                                                                                                   \
		"socket " #family " " #type, OWED_FILTER, 0, SYS_socket, {P(family), P(type), P(protocol)}, \
			NULL                                                                                \
	}

/* clang-format off */
const struct attempt attempts[] = {
	DO(WORKS, write_state), DO(WORKS, read_own_stat), DO(WORKS, read_core_pattern), DO(WORKS, write_net_setting),
	DO(WORKS, open_netlink), DO(WORKS, map_memory), DO(WORKS, send_by_path),

	LANDLOCK(1, read_passwd), LANDLOCK(1, write_passwd), LANDLOCK(1, write_core_pattern), LANDLOCK(1, write_hostname),
	LANDLOCK(1, read_sys), LANDLOCK(1, read_null), LANDLOCK(1, list_root), LANDLOCK(1, list_state),
	LANDLOCK(1, write_mem_of_self), LANDLOCK(1, read_outside), LANDLOCK(1, truncate_outside), LANDLOCK(1, create_outside),
	LANDLOCK(1, tmpfile_outside), LANDLOCK(1, rename_outside), LANDLOCK(1, rename_into_state),
	LANDLOCK(1, rename_out_of_state), LANDLOCK(1, unlink_outside), LANDLOCK(1, mkdir_outside), LANDLOCK(1, mkdir_in_state),
	LANDLOCK(1, read_root_of_victim),
	/* what takes ptrace()'s rights: of root's processes with more capabilities than natmap has left */
	DO(CLOSED, write_mem_of_init), DO(CLOSED, read_mem_of_victim), DO(CLOSED, read_environ_of_victim),
	DO(CLOSED, list_fds_of_victim), DO(CLOSED, open_net_of_victim), DO(CLOSED, open_uts_of_victim),
	LANDLOCK(6, send_by_name),

	DO(CLOSED, enter_net), DO(FILTER, enter_any), DO(FILTER, enter_uts), DO(FILTER, enter_ipc), DO(FILTER, enter_cgroup),
	DO(FILTER, enter_pid), DO(FILTER, enter_mnt), DO(FILTER, enter_user), DO(FILTER, enter_two),
	CALL(unshare, P(CLONE_NEWUSER)), CALL(unshare, P(CLONE_NEWNET)), CALL(unshare, P(CLONE_NEWNS)),
	DO(CLOSED, regain_admin), DO(CLOSED, regain_ptrace), DO(NEVER, regain_module), DO(NEVER, regain_override),

	CALL(execve, "/bin/true", no_arguments, no_arguments),
	CALL(execveat, P(AT_FDCWD), "/bin/true", no_arguments, no_arguments, P(0)),
	DO(FILTER, attach), DO(FILTER, read_memory), DO(FILTER, write_memory), DO(FILTER, terminate), DO(FILTER, abort_other),
	DO(FILTER, queue_signal), DO(FILTER, open_pidfd), DO(FILTER, limit_other), CALL(pidfd_send_signal, P(-1), P(SIGTERM)),
	{"pidfd_getfd", OWED_FILTER, 0, CALL_PIDFD_GETFD, {P(-1), P(0), P(0)}, NULL},
	{"clone SIGCHLD", OWED_FILTER, 0, SYS_clone, {P(SIGCHLD), P(SIGCHLD)}, NULL},
	{"clone CLONE_NEWUSER", OWED_FILTER, 0, SYS_clone, {P(CLONE_NEWUSER | SIGCHLD), P(CLONE_NEWUSER | SIGCHLD)}, NULL},
	{"clone3", OWED_FILTER, 0, CALL_CLONE3, {NULL, P(0)}, NULL},

	DO(FILTER, map_code), CALL(mprotect, P(4096), P(4096), P(PROT_READ | PROT_EXEC)),
	CALL(pkey_mprotect, P(4096), P(4096), P(PROT_READ | PROT_EXEC), P(-1)), CALL(remap_file_pages, P(4096), P(4096)),
	CALL(memfd_create, "hole", P(0)), CALL(shmget, P(0), P(4096), P(0)), CALL(shmat, P(-1), NULL, P(0)),
	CALL(personality, P(0x400000)), CALL(userfaultfd, P(0)), CALL(process_madvise, P(-1)),

	SOCKET(AF_INET, SOCK_STREAM, 0), SOCKET(AF_INET, SOCK_DGRAM, 0), SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_RAW, 255), SOCKET(AF_PACKET, SOCK_RAW, 0), SOCKET(AF_VSOCK, SOCK_STREAM, 0),
	SOCKET(AF_ALG, SOCK_SEQPACKET, 0), SOCKET(AF_BLUETOOTH, SOCK_RAW, 0), SOCKET(44 /* AF_XDP */, SOCK_RAW, 0),
	SOCKET(AF_UNIX, SOCK_STREAM, 0), SOCKET(AF_UNIX, SOCK_SEQPACKET, 0),
	{"socket uevent", OWED_FILTER, 0, SYS_socket, {P(AF_NETLINK), P(SOCK_RAW), P(NETLINK_KOBJECT_UEVENT)}, NULL},
	{"socket audit", OWED_FILTER, 0, SYS_socket, {P(AF_NETLINK), P(SOCK_RAW), P(NETLINK_AUDIT)}, NULL},
	CALL(socketpair, P(AF_UNIX), P(SOCK_STREAM), P(0), NULL), CALL(connect, P(-1), &by_name, P(sizeof(by_name))),
	CALL(bind, P(-1), &by_name, P(sizeof(by_name))), CALL(listen, P(-1), P(1)), CALL(accept4, P(-1)),
	CALL(sendmsg, P(-1)), CALL(recvmsg, P(-1)), CALL(ioctl, P(-1), P(0x5412 /* TIOCSTI */), ""),

	CALL(mount, "none", "/nowhere", "tmpfs"), CALL(umount2, "/nowhere", P(0)), CALL(pivot_root, "/nowhere", "/nowhere"),
	CALL(chroot, "/nowhere"), CALL(chdir, "/nowhere"), CALL(move_mount, P(-1)), CALL(open_tree, P(-1)), CALL(fsopen, "none"),
	CALL(open_by_handle_at, P(-1)), CALL(name_to_handle_at, P(-1)),
	{"openat2", OWED_FILTER, 0, CALL_OPENAT2, {P(AT_FDCWD), "/nowhere", NULL, P(0)}, NULL},
	CALL(symlinkat, "/nowhere", P(-1), "a"), CALL(linkat, P(-1), "a", P(-1), "b"), CALL(mknodat, P(-1), "a", P(0), P(0)),
	CALL(fchmodat, P(-1), "a", P(0)), CALL(fchownat, P(-1), "a"), CALL(fchmod, P(-1), P(0)), CALL(fchown, P(-1)),
	CALL(truncate, "/nowhere", P(0)), CALL(utimensat, P(-1), "a"), CALL(setxattr, "/nowhere", "a", "b", P(1)),
	{"unlinkat AT_REMOVEDIR", OWED_FILTER, 0, SYS_unlinkat, {P(-1), "a", P(AT_REMOVEDIR)}, NULL},
	DO(FILTER, rename_exchange),

	CALL(bpf, P(0)), CALL(init_module, NULL, P(0), ""), CALL(finit_module, P(-1), "", P(0)), CALL(delete_module, "nothing", P(0)),
	CALL(kexec_load, P(0), P(17)), CALL(keyctl, P(0)), CALL(add_key, "user", "a", "b", P(1), P(0)),
	CALL(request_key, "user", "a", NULL, P(0)), CALL(io_uring_setup, P(0)), CALL(io_uring_enter, P(-1)),
	CALL(perf_event_open, NULL), CALL(fanotify_init, P(0)), CALL(inotify_init1, P(0)), CALL(reboot, P(0)), CALL(swapon, "/nowhere"),
	CALL(acct, "/nowhere"), CALL(syslog, P(-1)), CALL(sethostname, "", P(-1)), CALL(setdomainname, "", P(-1)),
	CALL(settimeofday, P(1)), CALL(clock_settime, P(-1)), CALL(adjtimex, P(1)), CALL(quotactl, P(-1)),
	{"quotactl_fd", OWED_FILTER, 0, CALL_QUOTACTL_FD, {P(-1), P(-1)}, NULL}, CALL(vhangup, P(0)), CALL(lookup_dcookie, P(-1)),

	CALL(setuid, P(1)), CALL(setgid, P(1)), CALL(setresuid, P(1), P(1), P(1)), CALL(setgroups, P(0), NULL), CALL(setfsuid, P(1)),
	CALL(setpgid, P(0), P(0)), CALL(setsid, P(0)), CALL(setpriority, P(0), P(0), P(0)), CALL(sched_setaffinity, P(0)),
	CALL(prctl, P(4 /* PR_SET_DUMPABLE */), P(1)), CALL(prctl, P(24 /* PR_CAPBSET_DROP */), P(0)),
	CALL(prctl, P(22 /* PR_SET_SECCOMP */), P(2)), CALL(seccomp, P(1)), CALL(capget, NULL),
#ifdef __x86_64__
	CALL(iopl, P(3)), CALL(ioperm, P(0), P(1), P(1)), CALL(modify_ldt, P(0)), CALL(arch_prctl, P(-1)), CALL(fork, P(0)),
	CALL(vfork, P(0)), CALL(symlink, "/nowhere", "/nowhere/a"), CALL(mknod, "/nowhere/a"), CALL(chmod, "/nowhere"),
#endif
};
/* clang-format on */
const size_t n_attempts = sizeof(attempts) / sizeof(*attempts);

int landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);

	return version < 0 ? 0 : (int)version;
}

/* Two sockets of this process as it is now, without Landlock: one has a path, the other an abstract name. */
static int listen_for_sends(void)
{
	int other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	dgram = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)snprintf(by_path.sun_path, sizeof(by_path.sun_path), "%s/log.%d", dir, getpid());
	(void)snprintf(by_name.sun_path, sizeof(by_name.sun_path), "%cnatmap-hole-%d", 0, getpid());
	by_name_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(by_name.sun_path + 1));
	return bind(dgram, (const struct sockaddr *)&by_path, sizeof(by_path)) ||
		bind(other, (const struct sockaddr *)&by_name, by_name_len);
}

int attempts_prepare(void)
{
	const char *pid;

	dir = getenv("NM_HOLE_DIR");
	state = getenv("NM_HOLE_STATE");
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	uts = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	pid = getenv("NM_HOLE_VICTIM");
	victim = pid ? (pid_t)strtol(pid, NULL, 10) : 0;
	return !dir || !state || victim <= 1 || home < 0 || uts < 0 || listen_for_sends() ? -1 : 0;
}
