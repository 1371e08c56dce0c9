/*
 * The filter allows what the table lists; execve and its like kill the process at once, so do sockets of
 * foreign families; any other call is trapped, told in one line, and ends the process with status 1: a libc
 * that has begun to use another call is a message, not a riddle.
 *
 * libseccomp makes the program when natmap is built (generate/sandbox_program.c). What it cannot express is
 * added here: the rules of socket(), where its part jumps to, and the number of this process.
 */
#include "host/sandbox_filter.h"

#include <endian.h>
#include <errno.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "generate/sandbox_program.h"

#ifdef NM_INSTRUMENTED
/* LeakSanitizer looks for leaks by ptrace(). */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

/*
 * Which sockets may be made: those of netlink for the protocols that natmap speaks, and syslog's. Another
 * family kills. So does socketcall(), where that is, as it comes here for a socket only: its arguments are in
 * memory, so natmap makes none by it (nm_io_socket()).
 */
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
static struct sock_filter program[] = {
	PROGRAM
#ifdef __NR_socketcall
	LOAD(offsetof(struct seccomp_data, nr)), IF(__NR_socketcall, 1), KILL,
#endif
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

struct sock_fprog nm_sandbox_filter_program(void)
{
	program[SELF_AT].k = (uint32_t)getpid();
	return (struct sock_fprog){sizeof(program) / sizeof(*program), program};
}

const char *nm_sandbox_filter_name(int number)
{
	static const char names[] = CALL_NAMES;
	const char *name = names;

	for (int at = FIRST_CALL; at < number && name < names + sizeof(names); at++)
		name += strlen(name) + 1;
	return number >= FIRST_CALL && name < names + sizeof(names) && *name ? name : "unknown";
}

/* Runs with the call that was trapped undone; what it calls itself is allowed. */
static void on_forbidden_call(int signo, siginfo_t *info, void *context)
{
	char line[128];
	int len = snprintf(line, sizeof(line),
		"natmap: system call %s (%d) is not one that natmap uses: forbidden\n",
		nm_sandbox_filter_name(info->si_syscall), info->si_syscall);

	(void)signo;
	(void)context;
	if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
		_exit(1);
	_exit(1);
}

int nm_sandbox_filter_load(struct nm_err *err)
{
	const struct sigaction action = {.sa_sigaction = on_forbidden_call, .sa_flags = SA_SIGINFO};
	const struct sock_fprog filter = nm_sandbox_filter_program();

	if (sigaction(SIGSYS, &action, NULL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		return nm_fail_errno(err, errno, "loading the system call filter");
	return 0;
}
