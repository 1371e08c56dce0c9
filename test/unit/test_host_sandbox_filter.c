/* The filter of system calls, run here as the kernel would run it: each call of this machine is answered as
 * its row says, and any other is trapped. */
#include <endian.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/sandbox_filter.h"
#include "generate/sandbox_program.h"
#include "tap.h"

static const struct row {
	const char *call;
	uint32_t answer;
	bool conditional;
} rows[] = {
#define MACHINE(name)
#define ALLOW(name, ...) {name, SECCOMP_RET_ALLOW, sizeof(#__VA_ARGS__) > 1},
#define KILL(name)       {name, SECCOMP_RET_KILL_PROCESS, false},
#define SOCKETS(name)    {name, SECCOMP_RET_ALLOW, true},
#include "generate/sandbox_calls.inc"
};

static uint32_t load(const struct seccomp_data *call, uint32_t offset)
{
	uint32_t word;

	memcpy(&word, (const char *)call + offset, sizeof(word));
	return word;
}

static bool holds(const struct sock_filter *step, uint32_t a)
{
	switch (BPF_OP(step->code)) {
	case BPF_JEQ:
		return a == step->k;
	case BPF_JGT:
		return a > step->k;
	case BPF_JGE:
		return a >= step->k;
	default:
		return a & step->k;
	}
}

static uint32_t answer(const struct seccomp_data *call)
{
	const struct sock_fprog filter = nm_sandbox_filter_program();
	uint32_t a = 0;

	for (const struct sock_filter *step = filter.filter;; step++) {
		if (step->code == (BPF_RET | BPF_K))
			return step->k;
		if (step->code == (BPF_JMP | BPF_JA))
			step += step->k;
		else if (BPF_CLASS(step->code) == BPF_JMP)
			step += holds(step, a) ? step->jt : step->jf;
		else if (step->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= step->k;
		else if (step->code == (BPF_LD | BPF_W | BPF_ABS))
			a = load(call, step->k);
		else
			return 0; /* what no filter of ours has: kills the thread */
	}
}

/* The architecture of this machine, which the filter looks at first. */
static uint32_t own_arch(void)
{
	return nm_sandbox_filter_program().filter[1].k;
}

static uint32_t answer_to(int number, uint64_t first, uint64_t second, uint64_t third)
{
	const struct seccomp_data call = {.nr = number, .arch = own_arch(), .args = {first, second, third}};

	return answer(&call);
}

static const struct row *find(const char *call)
{
	const struct row *found = NULL;

	nm_each(row, rows)
		if (!strcmp(row->call, call) && (!found || !row->conditional))
			found = row;
	return found;
}

static void test_each_call(void)
{
	unsigned n = 0, wrong = 0;

	for (int number = FIRST_CALL; number < FIRST_CALL + 1500; number++) {
		const char *name = nm_sandbox_filter_name(number);
		const struct row *row = find(name);

		if (!strcmp(name, "socketcall") || (row && row->conditional))
			continue;
		n += row != NULL;
		if (answer_to(number, 1, 2, 3) != (row ? row->answer : SECCOMP_RET_TRAP)) {
			printf("# %s (%d): %#x\n", name, number, answer_to(number, 1, 2, 3));
			wrong++;
		}
	}
	tap_ok(n > 40 && !wrong, "each call is answered as its row says, %u of them, and others are trapped",
		n);
}

static void test_names(void)
{
	tap_is(nm_sandbox_filter_name(SYS_read), "read", "the name of read()");
	tap_is(nm_sandbox_filter_name(SYS_landlock_restrict_self), "landlock_restrict_self", "a later one's");
	tap_is(nm_sandbox_filter_name(-1), "unknown", "below the first");
	tap_is(nm_sandbox_filter_name(FIRST_CALL + 100000), "unknown", "above the last");
}

static void test_sockets(void)
{
	static const struct {
		uint64_t family, type, protocol;
		uint32_t answer;
	} cases[] = {
		{AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE, SECCOMP_RET_ALLOW},
		{AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG, SECCOMP_RET_ALLOW},
		{AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER, SECCOMP_RET_ALLOW},
		{AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT, SECCOMP_RET_TRAP},
		{AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, SECCOMP_RET_ALLOW},
		{AF_UNIX, SOCK_STREAM, 0, SECCOMP_RET_TRAP},
		{AF_INET, SOCK_STREAM, 0, SECCOMP_RET_KILL_PROCESS},
		{AF_PACKET, SOCK_RAW, 0, SECCOMP_RET_KILL_PROCESS},
		/* the kernel takes the lower half */
		{1ull << 32 | AF_PACKET, SOCK_RAW, 0, SECCOMP_RET_KILL_PROCESS},
		{1ull << 32 | AF_UNIX, SOCK_STREAM, 0, SECCOMP_RET_TRAP},
	};

	nm_each(c, cases)
		tap_ok(answer_to(SYS_socket, c->family, c->type, c->protocol) == c->answer,
			"socket(%#llx, %#llx, %llu)", (unsigned long long)c->family,
			(unsigned long long)c->type, (unsigned long long)c->protocol);
#ifdef SYS_socketcall
	tap_ok(answer_to(SYS_socketcall, 1, 0, 0) == SECCOMP_RET_KILL_PROCESS, "socketcall(SYS_SOCKET)");
	tap_ok(answer_to(SYS_socketcall, 11, 0, 0) == SECCOMP_RET_ALLOW, "socketcall(SYS_SENDTO)");
	tap_ok(answer_to(SYS_socketcall, 2, 0, 0) == SECCOMP_RET_TRAP, "socketcall(SYS_BIND)");
#endif
}

#ifndef NM_INSTRUMENTED
static void test_executable_memory(void)
{
#ifdef SYS_mmap2
	const int number = SYS_mmap2;
#else
	const int number = SYS_mmap;
#endif
#ifndef __s390__
	tap_ok(answer_to(number, 0, 4096, PROT_READ | PROT_WRITE) == SECCOMP_RET_ALLOW, "mmap()");
	tap_ok(answer_to(number, 0, 4096, PROT_READ | PROT_EXEC) == SECCOMP_RET_TRAP, "mmap() to execute");
#else
	tap_ok(answer_to(number, 0, 0, 0) == SECCOMP_RET_ALLOW, "mmap(), whose arguments are in memory");
#endif
}
#endif

static void test_signals(void)
{
	const uint64_t self = (uint64_t)getpid();

	tap_ok(answer_to(SYS_kill, self, 0, 0) == SECCOMP_RET_ALLOW, "kill(): look");
	tap_ok(answer_to(SYS_kill, self, 15, 0) == SECCOMP_RET_TRAP, "kill(): do not touch");
#if defined(__GLIBC__) && !defined(NM_INSTRUMENTED)
	tap_ok(answer_to(SYS_tgkill, self, self, 6) == SECCOMP_RET_ALLOW, "abort()");
	tap_ok(answer_to(SYS_tgkill, self, self, 15) == SECCOMP_RET_TRAP, "another signal");
	tap_ok(answer_to(SYS_tgkill, self + 1, self + 1, 6) == SECCOMP_RET_TRAP, "another process");
#endif
}

static void test_namespaces(void)
{
	tap_ok(answer_to(SYS_setns, 3, CLONE_NEWNET, 0) == SECCOMP_RET_ALLOW, "setns(): network");
	tap_ok(answer_to(SYS_setns, 3, CLONE_NEWNET | CLONE_NEWUTS, 0) == SECCOMP_RET_TRAP, "and another");
	tap_ok(answer_to(SYS_setns, 3, CLONE_NEWNS, 0) == SECCOMP_RET_TRAP, "setns(): mounts");
	tap_ok(answer_to(SYS_setns, 3, 0, 0) == SECCOMP_RET_TRAP, "setns(): whatever it is");
	tap_ok(answer_to(SYS_unlinkat, 3, 0, 0) == SECCOMP_RET_ALLOW, "unlinkat(): a file");
	tap_ok(answer_to(SYS_unlinkat, 3, 0, AT_REMOVEDIR) == SECCOMP_RET_TRAP, "unlinkat(): a directory");
}

static void test_foreign_machine(void)
{
	const struct seccomp_data call = {.nr = SYS_read, .arch = own_arch() ^ 1};

	tap_ok(answer(&call) == SECCOMP_RET_KILL_THREAD, "a call by another machine's numbers kills");
}

int main(void)
{
	test_names();
	test_each_call();
	test_sockets();
#ifndef NM_INSTRUMENTED
	test_executable_memory();
#endif
	test_signals();
	test_namespaces();
	test_foreign_machine();
	return tap_done();
}
