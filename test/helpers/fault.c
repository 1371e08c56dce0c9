/*
 * fault count OUT CALLS COMMAND...: runs a command and writes to OUT a line for each of these system calls:
 * its name and how often the command made it. CALLS are names with commas between. fault kill N CALL
 * COMMAND...: kills the command as it makes that call for the Nth time. fault ERROR N CALL COMMAND...: that
 * call is not made and fails with the error.
 *
 * The exit status is the command's, or that of a shell when a signal ended it. strace can do all of this as
 * well, in several times as long, and the tests do it some thousand times.
 */
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS_MAX 16

static const struct named {
	const char *name;
	int value;
} calls[] = {{"close", SYS_close}, {"exit_group", SYS_exit_group}, {"flock", SYS_flock}, {"mkdir", SYS_mkdir},
	{"pwrite64", SYS_pwrite64}, {"read", SYS_read}, {"recvfrom", SYS_recvfrom},
	{"renameat", SYS_renameat}, {"sendto", SYS_sendto}, {"write", SYS_write}, {0}},
  errors[] = {{"EINTR", EINTR}, {"EIO", EIO}, {"ENOBUFS", ENOBUFS}, {"ENOSPC", ENOSPC}, {"EPERM", EPERM},
	  {"kill", 0}, {0}};

static struct watched {
	const struct named *call;
	unsigned made;
} watched[CALLS_MAX];
static unsigned n_watched, n_counted; /* those that are only watched come last */

static const struct named *find(const struct named table[], const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	error(2, 0, "%s: not in the table", name);
	return NULL;
}

static void watch(char *names)
{
	for (char *name = strtok(names, ","); name && n_watched < CALLS_MAX - 1; name = strtok(NULL, ","))
		watched[n_watched++].call = find(calls, name);
	n_counted = n_watched;
	watched[n_watched++].call = find(calls, "close");
}

/* From now on these calls wait for the listener, whose descriptor is the lowest that is free. The
 * architecture is not looked at: the commands are of this one. */
static void filter_self(void)
{
	struct sock_filter code[2 * CALLS_MAX + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	struct sock_fprog program = {.filter = code, .len = 1};

	for (unsigned i = 0; i < n_watched; i++) {
		code[program.len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned)watched[i].call->value, 0, 1);
		code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) < 0)
		_exit(125);
}

/* Takes the listener from the child, which has stopped, and lets it go on. The child cannot send it: a call
 * for that may be one of those that wait. */
static int take_listener(pid_t child, int number)
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

/* The kernel begins a write to conf/IF/forwarding anew for as long as another process has the lock of
 * rtnetlink (restart_syscall() in net/ipv4/devinet.c and net/ipv6/addrconf.c): the same call, and no close()
 * since. */
static int is_restarted(const struct seccomp_data *call)
{
	static struct seccomp_data last;
	int same = call->nr == SYS_write && !memcmp(call, &last, sizeof(last));

	last = *call;
	return same;
}

/* How often the call was made, with this one; 0 when it is not counted. */
static unsigned count(const struct seccomp_data *call)
{
	unsigned i = 0;

	if (is_restarted(call))
		return 0;
	while (watched[i].call->value != call->nr)
		i++;
	return i < n_counted ? ++watched[i].made : 0;
}

/* Which calls are refused, by their number; without a refusal the command is killed at them. None with last
 * 0. */
struct fault {
	unsigned first, last;
	int refusal;
};

/* Answers until nobody has the filter any more. */
static void supervise(int listener, pid_t child, const struct fault *fault)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};
	struct seccomp_notif asked;
	struct seccomp_notif_resp answer;
	unsigned n;

	while (poll(&ready, 1, -1) >= 0 && !(ready.revents & POLLHUP)) {
		memset(&asked, 0, sizeof(asked));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked))
			continue;
		answer = (struct seccomp_notif_resp){
			.id = asked.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
		n = (pid_t)asked.pid == child ? count(&asked.data) : 0;
		if (n && n >= fault->first && n <= fault->last) {
			if (!fault->refusal)
				kill(child, SIGKILL);
			answer = (struct seccomp_notif_resp){.id = asked.id, .error = -fault->refusal};
		}
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

static void write_counts(const char *path)
{
	FILE *out = fopen(path, "we");

	if (!out)
		error(2, errno, "%s", path);
	for (unsigned i = 0; i < n_counted; i++)
		fprintf(out, "%s %u\n", watched[i].call->name, watched[i].made);
	if (fclose(out))
		error(2, errno, "%s", path);
}

static struct fault parse_fault(const char *what, const char *when)
{
	struct fault fault = {.first = (unsigned)atoi(when), .refusal = find(errors, what)->value};

	fault.last = strchr(when, '+') ? UINT_MAX : fault.first;
	return fault;
}

int main(int argc, char *argv[])
{
	int counts = argc > 1 && !strcmp(argv[1], "count"), number, status;
	struct fault fault = {0};
	pid_t child;

	if (argc < 5)
		error(2, 0, "usage: see the source");
	watch(argv[3]);
	if (!counts)
		fault = parse_fault(argv[1], argv[2]);
	number = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(number);
	child = fork();
	if (child < 0)
		error(2, errno, "fork");
	if (!child) {
		filter_self();
		raise(SIGSTOP);
		execv(argv[4], &argv[4]);
		_exit(127);
	}
	supervise(take_listener(child, number), child, &fault);
	if (waitpid(child, &status, 0) != child)
		error(2, errno, "waitpid");
	if (counts)
		write_counts(argv[2]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
